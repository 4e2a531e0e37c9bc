// Command members runs the scenario of package members. It must be built with dessim's overlay:
// dessim go build ./cmd/members
package main

import (
	"example.com/members"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "members", Scenarios: []*scenario.Scenario{members.Scenario()}, Package: "example.com/members"})
}
