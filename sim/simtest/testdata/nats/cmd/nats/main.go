// Command nats runs the scenario of package nats. It must be built with dessim's overlay:
// dessim go build ./cmd/nats
package main

import (
	"example.com/nats"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "nats", Scenarios: []*scenario.Scenario{nats.Scenario()}, Package: "example.com/nats"})
}
