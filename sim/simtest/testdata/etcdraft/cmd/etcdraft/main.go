// Command etcdraft runs the scenario of package etcdraft. It must be built with dessim's overlay:
// dessim go build ./cmd/etcdraft
package main

import (
	"example.com/etcdraft"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "etcdraft", Scenarios: []*scenario.Scenario{etcdraft.Scenario()}, Package: "example.com/etcdraft"})
}
