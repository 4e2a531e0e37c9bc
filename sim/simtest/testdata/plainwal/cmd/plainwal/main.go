// Command plainwal runs the scenario of package plainwal. It must be built with dessim's overlay:
// dessim go build ./cmd/plainwal
package main

import (
	"example.com/plainwal"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "plainwal", Scenarios: []*scenario.Scenario{plainwal.Scenario()}, Package: "example.com/plainwal"})
}
