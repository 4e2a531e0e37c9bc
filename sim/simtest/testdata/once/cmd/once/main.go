// Command once runs the scenario of package once. It must be built with dessim's overlay:
// dessim go build ./cmd/once
package main

import (
	"example.com/once"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "once", Scenarios: []*scenario.Scenario{once.Scenario()}, Package: "example.com/once"})
}
