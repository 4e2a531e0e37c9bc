package sim

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// scheduleHeal enters the i-th fault, the plan's Heal: one event at node 0, which
// announces it, and one at each other node that some fault can have stopped, or at
// which a fault waits, so that each restarts by an event of its own.
func (s *Sim) scheduleHeal(i int) {
	f := &s.plan.Faults[i]
	if f.At == fault.Never {
		return
	}
	hit := make([]bool, len(s.nodes))
	hit[0] = true
	for j := range s.plan.Faults {
		g := &s.plan.Faults[j]
		switch g.Op {
		case fault.Crash, fault.FailSync, fault.Pause:
			hit[g.Node] = true
		}
		if g.On.N > 0 {
			hit[g.Site()] = true // where it waits
		}
	}
	for id := range hit {
		if hit[id] {
			s.pushFault(opFault, i, protocol.NodeID(id), f.At, protocol.Hash3(rootFault, f.ID, 2+uint64(id)))
		}
	}
}

// heal frees a node of its faults. Windows have ended by themselves, since they
// depend on the time of the heal: see fault.WindowOf.
func (s *Sim) heal(c *cause, n *node, x *coldState, f *fault.Fault) {
	if c.id == 0 {
		s.result.Healed = s.now
		s.did(f)
		s.announce(Injected, f)
	}
	s.dropWaiting(c.id, x)
	x.armed, x.anchors, x.failing = nil, nil, nil
	n.settle(x)
	if x.wait != nil && x.wait.crash != nil {
		// The crash has cut its step already, so it can only be moved forward.
		s.crash(c.id, n, x.wait.crash, "while syncing")
	}
	s.restart(c, n, x)
}
