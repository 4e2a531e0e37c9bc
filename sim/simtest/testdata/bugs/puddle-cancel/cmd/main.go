// Command puddle-cancel runs the scenarios of package pool.
package main

import (
	pool "example.com/bugs/puddle-cancel"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "puddle-cancel", Scenarios: pool.All(), Package: "example.com/bugs/puddle-cancel"})
}
