// Command uploads runs the scenario of package uploads. It must be built with dessim's overlay:
// dessim go build ./cmd/uploads
package main

import (
	"example.com/uploads"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "uploads", Scenarios: []*scenario.Scenario{uploads.Scenario()}, Package: "example.com/uploads"})
}
