// Command raft36 is the command line of dessim for go.etcd.io/raft/v3 v3.6.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
	"example.com/raftgroup"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "raft36", Scenarios: []*scenario.Scenario{raftgroup.Scenario(newNode)}})
}
