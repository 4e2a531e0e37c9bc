// Command dessim runs the scenarios of package scenarios in virtual time, searches
// them for failures, and shrinks and replays what it finds. Package cmdline is all of it,
// for any scenarios, and says what output, files and exit codes promise. "dessim help"
// lists the commands.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/scenarios"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "dessim", Scenarios: scenarios.All(), Package: "dessim/scenarios"})
}
