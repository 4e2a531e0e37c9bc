// Command dessim runs the scenarios of package scenarios in virtual time, searches
// them for failures, and shrinks and replays what it finds: see package cmdline.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/scenarios"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "dessim", Scenarios: scenarios.All(), Package: "dessim/scenarios"})
}
