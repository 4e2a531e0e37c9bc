// Command diskqueue runs the scenarios of its module.
package main

import (
	queue "example.com/bugs/diskqueue"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "diskqueue", Scenarios: queue.All(), Package: "example.com/bugs/diskqueue"})
}
