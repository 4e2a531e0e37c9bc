package sim

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// ready handles an event that is neither message nor timer, or whose node is
// special. It reports whether the node is to consume the event now; if not, nothing
// is left to do.
func (s *Sim) ready(e entry, r *record) bool {
	id, n := protocol.NodeID(e.dst), &s.nodes[e.dst]
	x := s.coldAt(id)
	switch r.op {
	case opStart:
		c := cause{id: id, wave: r.wave, name: r.name}
		s.slab.release(e.slot, r)
		s.start(&c, n)
		return false
	case opFault, opRevive, opTurn:
		s.fault(e, r, n, s.coldOf(id))
		return false
	case opSynced:
		if x.pause != 0 {
			x.held = append([]entry{e}, x.held...)
			s.hold(r)
			return false
		}
		s.slab.release(e.slot, r)
		s.synced(n, x)
		return false
	}
	switch {
	case n.down:
		s.dropAtDown(e, r, n)
		return false
	case x.wait != nil || x.pause != 0:
		x.held = append(x.held, e)
		s.hold(r)
		return false
	}
	return true
}

// hold counts a held event as pending again, and as an event only when it is
// consumed.
func (s *Sim) hold(r *record) {
	s.result.Events--
	s.live[r.flag&background]++
	r.flag |= held
}

// workOff steps the node through the events that were held, until it must wait again.
func (s *Sim) workOff(n *node, x *coldState) {
	for len(x.held) > 0 && x.pause == 0 && !n.down {
		e := x.held[0]
		r := s.slab.at(e.slot)
		if x.wait != nil && r.op != opSynced {
			return
		}
		x.held = x.held[1:]
		if r.op == opDead {
			s.slab.release(e.slot, r)
			continue
		}
		s.live[r.flag&background]--
		s.result.Events++
		if r.op == opSynced {
			s.slab.release(e.slot, r)
			s.synced(n, x)
			continue
		}
		c := causeOf(e, r)
		s.step(&c, n, e, r)
	}
}

// pause stops a node that is up until the window of its fault is over.
func (s *Sim) pause(n *node, x *coldState, w *fault.Window) {
	if n.down {
		s.noImpact(w.Fault, "node %v was down", w.Node)
		return
	}
	s.result.Faults.Pauses++
	s.did(w.Fault)
	x.pause = max(x.pause, w.Until) // two can overlap if they wait for effects
	n.settle(x)
}

// resume ends a pause: the node consumes what waited.
func (s *Sim) resume(n *node, x *coldState) {
	x.pause = 0
	n.settle(x)
	s.workOff(n, x)
}
