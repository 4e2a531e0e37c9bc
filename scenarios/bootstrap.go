package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/sim"
)

func bootstrap() *Scenario {
	return &Scenario{Name: "bootstrap", Shows: "stub", MinNodes: 1, MaxNodes: 100000,
		Defaults: Params{Nodes: 8, Order: "isis", Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: time.Minute},
		Unused:   []string{"txs", "order", "abort"},
		build: func(seed uint64, p Params) *Run {
			return &Run{Plan: sim.Plan{Nodes: p.Nodes, Node: func(protocol.NodeID) protocol.Node { return idle{} }, Link: sim.Link{Delay: p.Delay}, Until: protocol.Time(p.Until)}}
		}}
}

type idle struct{}

func (idle) Start(*protocol.Env)                            {}
func (idle) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (idle) Timeout(*protocol.Env, uint64)                  {}

func concurrent() *Scenario {
	s := bootstrap()
	s.Name, s.MinNodes, s.Unused = "concurrent", 3, nil
	s.Defaults.Txs = 10
	return s
}
