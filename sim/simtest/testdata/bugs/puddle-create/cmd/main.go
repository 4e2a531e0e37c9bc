// Command puddle-create runs the scenarios of its module.
package main

import (
	pool "example.com/bugs/puddle-create"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "puddle-create", Scenarios: pool.All(), Package: "example.com/bugs/puddle-create"})
}
