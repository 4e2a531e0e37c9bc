// Command kvstore is the command line of dessim for the store's scenarios.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"example.com/kvstore/scenario"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "kvstore", Scenarios: scenario.All(), Package: "example.com/kvstore/scenario"})
}
