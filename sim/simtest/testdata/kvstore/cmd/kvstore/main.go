// Command kvstore is the command line of dessim for the store's scenarios.
package main

import (
	"example.com/kvstore/scenario"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "kvstore", Scenarios: scenario.All(), Package: "example.com/kvstore/scenario"})
}
