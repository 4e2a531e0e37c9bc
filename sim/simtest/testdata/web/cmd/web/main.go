// Command web runs the scenario of package web. It must be built with dessim's overlay:
// dessim go build ./cmd/web
package main

import (
	"example.com/web"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "web", Scenarios: []*scenario.Scenario{web.Scenario()}, Package: "example.com/web"})
}
