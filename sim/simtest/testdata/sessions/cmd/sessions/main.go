// Command sessions is the command line of dessim for the scenario of the sessions.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
	"example.com/sessions"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "sessions", Scenarios: []*scenario.Scenario{sessions.Scenario()}})
}
