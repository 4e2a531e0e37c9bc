package enact

import (
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// faults returns the faults of the run that repeats a live one with these faults. Crashes and
// restarts come when they came. What severs links stays as it was. What else befell
// messages, syncs and steps is in the answers. The faults heal when the last node is back.
func (s *script) faults(planned []fault.Fault) []fault.Fault {
	heal := fault.Never
	for i := range planned {
		if planned[i].Op == fault.Heal {
			heal = planned[i].At
		}
	}
	out := []fault.Fault{}
	id := uint64(0)
	for i := range planned {
		f := planned[i]
		id = max(id, f.ID)
		if !f.Op.Cuts() || f.At > s.end || f.On.N > 0 { // a live run has no windows that wait
			continue
		}
		if f.For == 0 && heal < fault.Never {
			f.For = time.Duration(heal - f.At)
		}
		out = append(out, f)
	}
	back := heal
	for n := range s.nodes {
		for _, e := range s.nodes[n].ends {
			if e.at >= s.end {
				continue
			}
			id++
			out = append(out, e.fault(id, protocol.NodeID(n)))
			if e.next > heal {
				back = max(back, e.next)
			}
		}
	}
	if back <= s.end {
		out = append(out, fault.Fault{ID: id + 1, Op: fault.Heal, At: back})
	}
	return out
}

// fault returns the crash that ends an incarnation there.
func (e *ending) fault(id uint64, node protocol.NodeID) fault.Fault {
	f := fault.Fault{ID: id, Op: fault.Crash, At: e.at, Node: node}
	if !e.folded {
		f.Disk = fault.KeepTorn // what a killed process has written stays
	}
	switch {
	case e.between:
	case e.effects > 0:
		f.At, f.After = e.step, e.effects
	default: // a sync that came first in its step failed
		f.Op, f.At = fault.FailSync, e.step
	}
	if !e.between && f.At == e.from {
		f.At-- // the node is down: the start would come before a fault of the same time
	}
	if e.next > 0 {
		f.For = time.Duration(e.next - e.at)
	}
	return f
}
