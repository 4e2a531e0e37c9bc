// Command dessim runs the scenarios of package scenarios in virtual time, searches
// them for failures, and shrinks and replays what it finds. Package cmdline is all of it,
// for any scenarios, and says what output, files and exit codes promise. The ledger also
// runs for real, one node a process: package network has those commands. Package gotool has
// the go command for ordinary Go programs that are nodes. "dessim help" lists all.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/cmd/dessim/gotool"
	"dessim/cmd/dessim/network"
	"dessim/scenarios"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "dessim", Scenarios: append(scenarios.All(), network.Scenario()), Package: "dessim/scenarios", Commands: append(network.Commands(), gotool.Command()), Recorded: network.Recorded})
}
