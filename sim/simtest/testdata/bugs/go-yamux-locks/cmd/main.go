// Command go-yamux-locks runs the scenarios of its module.
package main

import (
	transfer "example.com/bugs/go-yamux-locks"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "go-yamux-locks", Scenarios: transfer.All(), Package: "example.com/bugs/go-yamux-locks"})
}
