// Command grpc-stop runs the scenarios of its module.
package main

import (
	calls "example.com/bugs/grpc-stop"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "grpc-stop", Scenarios: calls.All(), Package: "example.com/bugs/grpc-stop"})
}
