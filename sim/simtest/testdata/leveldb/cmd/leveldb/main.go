// Command leveldb runs the scenario of package leveldb. It must be built with dessim's overlay:
// dessim go build ./cmd/leveldb
package main

import (
	"example.com/leveldb"

	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "leveldb", Scenarios: []*scenario.Scenario{leveldb.Scenario()}, Package: "example.com/leveldb"})
}
