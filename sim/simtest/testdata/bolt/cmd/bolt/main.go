// Command bolt runs the scenario of package bolt. It must be built with dessim's overlay:
// dessim go build ./cmd/bolt
package main

import (
	"example.com/bolt"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "bolt", Scenarios: []*scenario.Scenario{bolt.Scenario()}, Package: "example.com/bolt"})
}
