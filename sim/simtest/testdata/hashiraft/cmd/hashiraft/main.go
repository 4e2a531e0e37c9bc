// Command hashiraft runs the scenario of package hashiraft. It must be built with dessim's overlay:
// dessim go build ./cmd/hashiraft
package main

import (
	"example.com/hashiraft"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "hashiraft", Scenarios: []*scenario.Scenario{hashiraft.Scenario()}, Package: "example.com/hashiraft"})
}
