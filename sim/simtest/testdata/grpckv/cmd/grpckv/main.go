// Command grpckv runs the scenario of package grpckv. It must be built with dessim's overlay:
// dessim go build ./cmd/grpckv
package main

import (
	"example.com/grpckv"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "grpckv", Scenarios: []*scenario.Scenario{grpckv.Scenario()}, Package: "example.com/grpckv"})
}
