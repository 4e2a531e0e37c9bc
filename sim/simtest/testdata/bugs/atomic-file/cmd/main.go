// Command atomic-file runs the scenarios of its module.
package main

import (
	settings "example.com/bugs/atomic-file"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "atomic-file", Scenarios: settings.All(), Package: "example.com/bugs/atomic-file"})
}
