// Command etcdraft35 is the command line of dessim for go.etcd.io/etcd/raft/v3 v3.5.
package main

import (
	"dessim/cmd/dessim/cmdline"
	"dessim/sim/scenario"
	"example.com/raftgroup"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "etcdraft35", Scenarios: []*scenario.Scenario{raftgroup.Scenario(newNode)}})
}
