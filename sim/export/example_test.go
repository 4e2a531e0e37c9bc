package export_test

import (
	"os"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/export"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// echo is a node that sends back what it receives.
type echo struct{}

var ping = protocol.KindOf("ping")

func (echo) Start(*protocol.Env)           {}
func (echo) Timeout(*protocol.Env, uint64) {}

func (echo) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		env.Send(1, ping, msg)
	case env.ID() == 1:
		env.Send(from, ping, msg)
	}
}

func Example() {
	s := &scenario.Scenario{
		Name: "echo", Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Until: time.Second},
		Build: func(b *scenario.Setup) *scenario.Run {
			return &scenario.Run{Plan: sim.Plan{
				Nodes: b.Nodes, Node: func(protocol.NodeID) protocol.Node { return echo{} },
				Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until),
				Inputs: []sim.Input{{At: 1, Body: []byte("hello")}},
			}}
		},
	}
	p := s.Defaults
	h := history.New(s, &p, history.Limits{Bytes: -1})
	var o scenario.Options
	r, _ := s.Execute(1, p, h.Attach(&o, source.Seed(1)), o)
	about := export.About{Scenario: s.Name, Seed: 1, Nodes: p.Nodes, Faults: r.Faults}
	if err := export.Mermaid.Write(os.Stdout, h, &about); err != nil {
		panic(err)
	}
	// Output:
	// sequenceDiagram
	//     participant outside
	//     participant n0 as node-0
	//     participant n1 as node-1
	//     outside->>n0: 0.000001 ms: input: #34;hello#34;
	//     n0->>n1: 1.000001 ms: ping: #34;hello#34;, sent at 0.000001 ms
	//     n1->>n0: 2.000001 ms: ping: #34;hello#34;, sent at 1.000001 ms
}
