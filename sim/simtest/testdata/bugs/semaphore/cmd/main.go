// Command semaphore runs the scenarios of its module.
package main

import (
	gate "example.com/bugs/semaphore"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "semaphore", Scenarios: gate.All(), Package: "example.com/bugs/semaphore"})
}
