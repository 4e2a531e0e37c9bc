// Command pebble runs the scenario of package pebble. It must be built with dessim's overlay:
// dessim go build ./cmd/pebble
package main

import (
	"example.com/pebble"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "pebble", Scenarios: []*scenario.Scenario{pebble.Scenario()}, Package: "example.com/pebble"})
}
