package sim

import (
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
)

// State folds all that the rest of the run is a function of, given the plan, so
// that a search recognises where it has been: of each node its machine, as machine
// folds it, incarnation, disk, outputs so far, and what waits; and all pending
// events in their order. Times are folded relative to now.
//
// So two moments of runs of one plan that fold alike continue alike under equal
// answers if they are at the same time; or if nothing but what is pending depends
// on the time: no node reads its clock, no fault has a window, and Until is far.
// Observers may differ in what they remember, unless that is a function of what
// each node has put out and persisted.
//
// names says whether the names of the questions to come are folded as well. Without
// them, moments fold alike that go on alike under equal answers to questions of
// other names: the same bytes travel, but on other grounds. That is enough for a
// search that gives all answers, as long as no question is asked twice.
//
// A plan's faults count by their ID: so runs of plans that differ in the faults alone
// may be compared, if faults that differ have different IDs.
//
// Call it between steps. ok is false if the state cannot be folded: if the run is in parts, or has a
// Byzantine node or an Echo, which remember what is not visible here. It looks at everything, so it is
// for small worlds.
// machine must fold all that the node's steps depend on; it is called with nil for a
// node that is down.
func (s *Sim) State(machine func(id protocol.NodeID, m protocol.Node) uint64, names bool) (fold uint64, ok bool) {
	if s.team != nil || slices.ContainsFunc(s.plan.Faults, func(f fault.Fault) bool { return f.Op == fault.Byzantine || f.Op == fault.Echo }) {
		return 0, false
	}
	f, usual := stateFold{s, names}, coldState{}
	for i := range s.nodes {
		n, id := &s.nodes[i], protocol.NodeID(i)
		fold = protocol.Hash3(fold, machine(id, unguarded(n.machine)), uint64(n.inc))
		fold = protocol.Hash2(fold, n.outputs)
		x := s.coldAt(id)
		if x == nil {
			x = &usual
		}
		fold = protocol.Hash2(fold, f.cold(x, n.down))
	}
	for i := range s.windows {
		if w := &s.windows[i]; w.On.N > 0 && w.Op.Lasts() && !w.Waits() {
			fold = protocol.Hash3(fold, w.ID, uint64(w.From-s.now))
		}
	}
	fold = protocol.Hash2(fold, f.pending())
	return protocol.Hash2(fold, max(s.askAt, s.result.Events)-s.result.Events), true
}

// stateFold is a State under way.
type stateFold struct {
	*Sim
	names bool
}

// name is a name as far as it counts.
func (s stateFold) name(name uint64) uint64 {
	if s.names {
		return name
	}
	return 0
}

// cold folds whether a node is down, and what of x is not settled by plan and time.
func (s stateFold) cold(x *coldState, down bool) uint64 {
	fold := uint64(foldStart)
	word := func(w uint64) { fold = protocol.Hash2(fold, w) }
	is := func(b bool) {
		if b {
			word(1)
		} else {
			word(0)
		}
	}
	is(down)
	is(x.damaged)
	word(uint64(max(x.pause, s.now) - s.now))
	if d := x.disk; d != nil {
		word(d.first)
		word(d.forget)
		word(uint64(d.safe))
		word(uint64(d.syncing))
		word(uint64(len(d.recs)))
		for _, rec := range d.recs {
			word(protocol.HashBytes(rec.bytes))
			word(rec.sum)
			if rec.safe || rec.payload > 0 {
				word(uint64(rec.payload))
				is(rec.safe)
			}
		}
	}
	for _, w := range x.flushes {
		word(protocol.Hash3(w.tag, protocol.HashBytes(w.records), w.upTo))
		is(w.failed)
	}
	is(x.wait != nil)
	if w := x.wait; w != nil {
		word(s.name(w.cause.wave))
		word(s.name(w.cause.name))
		word(uint64(w.cause.flag))
		word(uint64(w.next))
		for i := range w.effects {
			f := &w.effects[i]
			word(protocol.Hash3(uint64(f.Op)<<32|uint64(f.To), uint64(f.Kind), f.Tag))
			word(protocol.Hash2(uint64(f.After), protocol.HashBytes(f.Body)))
		}
		word(faultState(w.crash))
	}
	for _, e := range x.held {
		word(s.event(e))
	}
	word(faultState(x.armed))
	for _, a := range x.anchors {
		word(protocol.Hash2(faultState(a.Fault), a.seen))
	}
	for _, f := range x.failing {
		word(^faultState(f))
	}
	return fold
}

func faultState(f *fault.Fault) uint64 {
	if f == nil {
		return 0
	}
	return 1 + f.ID
}

// pending folds the pending events in the order in which they will happen.
// Their counts are left out, since only their order matters: what comes later has
// greater ones. What a FIFO link must not overtake is among them.
func (s stateFold) pending() uint64 {
	var all []entry
	s.q.each(func(e entry) {
		if s.slab.at(e.slot).op != opDead {
			all = append(all, e)
		}
	})
	slices.SortFunc(all, func(x, y entry) int {
		switch {
		case s.q.before(x, y):
			return -1
		case s.q.before(y, x):
			return 1
		}
		return 0
	})
	fold := uint64(len(all))
	for _, e := range all {
		fold = protocol.Hash3(fold, uint64(e.at-s.now), s.event(e))
	}
	return fold
}

// event folds an event, but for its time and count.
func (s stateFold) event(e entry) uint64 {
	r := s.slab.at(e.slot)
	h := protocol.Hash3(uint64(e.dst)<<32|uint64(r.src), uint64(r.op)<<8|uint64(r.flag&background), s.name(r.wave))
	switch r.op {
	case opMessage:
		return protocol.Hash3(h, s.name(r.name), protocol.HashBytes(s.slab.view(r)))
	case opTimer:
		h = protocol.Hash3(h, s.name(r.name), r.word(0))
		if x := s.Sim.coldOf(protocol.NodeID(e.dst)); x.clock != nil {
			passed := x.clock.piece(s.now).elapsed(s.now)
			h = protocol.Hash3(h, r.word(1)-uint64(passed.ns), r.word(2)-passed.millionth)
		}
		return h
	case opFault, opTurn:
		return protocol.Hash2(h, faultState(&s.plan.Faults[r.word(0)]))
	case opRevive:
		return protocol.Hash2(h, r.word(1)) // which crash it was matters no more
	case opStart, opFlushed: // which of its node's flushes it is, their order tells
		return protocol.Hash2(h, s.name(r.name))
	}
	return h // the disk is done, or nothing: the rest of the record is old
}

// each calls give with every pending event, in no particular order.
func (q *queue) each(give func(e entry)) {
	for _, e := range q.run[q.next:] {
		give(e)
	}
	for _, e := range q.late {
		give(e)
	}
	for level := range q.buckets {
		for slot := range q.buckets[level] {
			b := &q.buckets[level][slot]
			n := b.fill
			for c := b.first; c != nil; c, n = c.next, chunkLen {
				for _, e := range c.e[:n] {
					give(e)
				}
			}
		}
	}
}
