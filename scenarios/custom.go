package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// A Maker makes the plan of one run and the checks that judge it, both anew each time.
// seed is what identities derive from; src answers the questions of the workload, each
// under a key of its own, and Params.Storm.
type Maker func(seed uint64, p Params, src protocol.Source) (sim.Plan, check.Suite)

// New makes a scenario of somebody's own protocol: s says what it is called, which
// parameters it takes and what they are at first; m makes the runs. The nodes are those
// of Params.Nodes, clients after them.
//
// A search takes inputs away whose identities are below Params.Txs, and faults and
// answers one by one; m need not know of it.
func New(s Scenario, m Maker) *Scenario {
	s.build = func(seed uint64, p Params, src protocol.Source) *Run {
		plan, suite := m(seed, p, src)
		if p.Cut != nil {
			plan.Inputs = slices.DeleteFunc(slices.Clone(plan.Inputs), func(in sim.Input) bool {
				return slices.Contains(p.Cut.Without, in.ID)
			})
			if p.Cut.Faults != nil {
				plan.Faults = p.Cut.Faults
			}
		}
		sent := new(sentCounter)
		return &Run{Plan: plan, Checks: suite, watch: []sim.Observer{sent}, nodes: func(*sim.Sim) []NodeRow {
			rows := make([]NodeRow, p.Nodes)
			for i := range rows {
				id := protocol.NodeID(i)
				rows[i] = NodeRow{ID: id, Messages: sent.of(id)}
			}
			return rows
		}}
	}
	return &s
}

// Storm gives the faults that the parameters ask for: those that -fault tells, and
// those that are drawn of -faults as c says.
func (p *Params) Storm(src protocol.Source, c swarm.Config) []fault.Fault {
	if p.Cut != nil && p.Cut.Faults != nil {
		return p.Cut.Faults
	}
	mix, told, err := p.parseFaults()
	if err != nil {
		panic("scenarios: faults that Validate accepts: " + err.Error())
	}
	return append(told, swarm.Draw(src, mix, c)...)
}
