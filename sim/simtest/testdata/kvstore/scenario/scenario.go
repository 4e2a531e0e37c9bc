// Package scenario makes the store's workload a scenario of the command line.
package scenario

import (
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"example.com/kvstore"
	"example.com/kvstore/workload"
)

// Find gives the scenario of that name, or nil.
func Find(name string) *scenarios.Scenario {
	for _, s := range All() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// All is the table of scenarios.
func All() []*scenarios.Scenario {
	return []*scenarios.Scenario{scenarios.New(scenarios.Scenario{
		Name:     "writes",
		Shows:    "a store that crashes keeps what it acknowledged",
		MinNodes: 1, // the server; the client is not counted
		MaxNodes: 1,
		Defaults: scenarios.Params{Nodes: 1, Txs: 20, Delay: time.Millisecond, Jitter: 4 * time.Millisecond, Until: time.Minute, Faults: workload.Faults},
		Unused:   []string{"nodes", "order", "abort"},
		Text: func(e *sim.Event) string {
			m, ok := kvstore.Decode(e.Body)
			if !ok {
				return ""
			}
			return m.String()
		},
	}, func(_ uint64, p scenarios.Params, src protocol.Source) (sim.Plan, check.Suite) {
		plan := workload.Plan(uint64(p.Txs))
		plan.Link = sim.Link{Delay: p.Delay, Jitter: p.Jitter, Loss: p.Loss, Copy: p.Copy}
		plan.Until = protocol.Time(p.Until)
		plan.Faults = p.Storm(src, workload.Storm())
		return plan, check.Suite{workload.Survive()}
	})}
}
