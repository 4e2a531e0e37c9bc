// Command yamux-close runs the scenarios of its module.
package main

import (
	echo "example.com/bugs/yamux-close"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "yamux-close", Scenarios: echo.All(), Package: "example.com/bugs/yamux-close"})
}
