package sim

import (
	"math"

	"dessim/protocol"
)

// window is when a fault that lasts is there. It is a function of the plan and of
// time alone, not a state that events change: so nobody who asks at some time
// depends on which of that time's events came before.
type window struct {
	*Fault
	end protocol.Time // from here on it is over for good
}

// calm gives when the plan heals for good, or never.
func (p *Plan) calm() protocol.Time {
	for i := range p.Faults {
		if f := &p.Faults[i]; f.Op == Heal {
			return f.At
		}
	}
	return Never
}

// windowOf gives the window of f in a plan that is calm from then on.
func windowOf(f *Fault, calm protocol.Time) window {
	if f.For == 0 {
		return window{f, calm}
	}
	return window{f, min(f.At+protocol.Time(f.For), calm)}
}

func (w *window) on(now protocol.Time) bool {
	return w.At <= now && now < w.end && (w.Every == 0 || (now-w.At)/protocol.Time(w.Every)%2 == 0)
}

// turn gives when, after now, the window comes or goes next.
func (w *window) turn(now protocol.Time) protocol.Time {
	switch {
	case now < w.At:
		return w.At
	case now >= w.end:
		return math.MaxInt64
	case w.Every == 0:
		return w.end
	}
	every := protocol.Time(w.Every)
	return min(w.At+((now-w.At)/every+1)*every, w.end)
}

// lasts tells whether a fault of that operation has a window, after which it is
// gone. That of a crash ends in a restart instead.
func (op FaultOp) lasts() bool {
	switch op {
	case Pause, SlowSync, Drift, Byzantine:
		return true
	}
	return op.ofLinks()
}

// ofLinks tells whether the fault hits messages on their way.
func (op FaultOp) ofLinks() bool { return op >= Partition && op <= Corrupt }

// ofNode tells whether Fault.Node means something.
func (op FaultOp) ofNode() bool { return !op.ofLinks() && op != Heal }

// scheduleFaults puts the faults into the queue. What hits no node happens at node
// 0, that is, first of all at its time; but only the words for observers depend on
// that.
func (s *Sim) scheduleFaults() {
	calm := s.plan.calm()
	s.windows = make([]window, len(s.plan.Faults))
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		s.windows[i] = windowOf(f, calm)
		if f.Op == Heal {
			s.scheduleHeal(i)
			continue
		}
		s.install(&s.windows[i])
		s.pushFault(opFault, i, f.at(), f.At, protocol.Hash2(rootFault, f.ID))
	}
	s.net.watch(s.windows)
	s.setClocks()
}

// at gives the node at which the fault happens: if it waits for an effect, the one
// that is watched.
func (f *Fault) at() protocol.NodeID {
	switch {
	case f.On.Other:
		return f.On.Of
	case f.Op.ofNode():
		return f.Node
	}
	return 0
}

// install tells the node of a fault what it must know before the fault begins.
func (s *Sim) install(w *window) {
	switch w.Op {
	case SlowSync:
		x := s.rareOf(w.Node)
		x.slow = append(x.slow, *w)
	case Byzantine:
		x := s.rareOf(w.Node)
		f := *w.Fault
		if w.end < Never {
			f.For = w.end.Sub(w.At)
		}
		x.traits = append(x.traits, f)
	}
}

// pushFault enters an event of the i-th fault. Its order key is the fault's, so
// one fault has at most one event at a node and time.
func (s *Sim) pushFault(op uint8, i int, node protocol.NodeID, at protocol.Time, wave uint64) {
	flag := uint8(0)
	if op == opTurn {
		flag = background // nobody need wait for it
	}
	slot, r := s.slab.alloc(op, flag)
	r.src, r.seq = fromPlan, 1+s.plan.Faults[i].ID
	r.wave, r.name = wave, wave
	r.setWord(0, uint64(i))
	r.setWord(1, uint64(s.nodes[node].inc))
	s.push(entry{at, uint32(node), slot}, r)
}

// pushTurn enters the event at which the i-th fault's window comes or goes next,
// if there is one in any run.
func (s *Sim) pushTurn(i int) {
	w := &s.windows[i]
	if at := w.turn(s.now); at < Never {
		s.pushFault(opTurn, i, w.at(), at, protocol.Hash3(rootFault, w.ID, 1))
	}
}

// turn lets a window come or go. Most take effect by themselves; a pause's end
// lets the node go on.
func (s *Sim) turn(i int, n *node, x *rare) {
	w := &s.windows[i]
	was, is := w.on(s.now-1), w.on(s.now)
	switch {
	case is && !was:
		s.announce(Injected, w.Fault)
	case was && !is:
		s.announce(Lifted, w.Fault)
	}
	s.pushTurn(i)
	if w.Op == Pause && x.pause != 0 && s.now >= x.pause {
		s.resume(n, x)
	}
}

func (s *Sim) announce(what What, f *Fault) {
	if s.want&what == 0 {
		return
	}
	id := protocol.Outside
	if f.Op.ofNode() {
		id = f.Node
	}
	s.show(Event{What: what, Node: id, Tag: f.ID, Text: f.String()})
}
