package sim

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// scheduleFaults puts the faults into the queue. What hits no node happens at node
// 0, that is, first of all at its time; but only the words for observers depend on
// that.
func (s *Sim) scheduleFaults() {
	calm := fault.Calm(s.plan.Faults)
	s.windows = make([]fault.Window, len(s.plan.Faults))
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		s.windows[i] = fault.WindowOf(f, calm)
		if f.Op == fault.Heal {
			s.scheduleHeal(i)
			continue
		}
		s.install(&s.windows[i])
		s.pushFault(opFault, i, f.Site(), f.At, protocol.Hash2(rootFault, f.ID))
	}
	s.net.watch(s.windows)
	s.setClocks()
}

// install tells the node of a fault what it must know before the fault begins.
func (s *Sim) install(w *fault.Window) {
	switch w.Op {
	case fault.SlowSync:
		x := s.rareOf(w.Node)
		x.slow = append(x.slow, *w)
	case fault.Byzantine:
		x := s.rareOf(w.Node)
		f := *w.Fault
		if w.Until < fault.Never {
			f.For = w.Until.Sub(w.At)
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
	if at := w.Turn(s.now); at < fault.Never {
		s.pushFault(opTurn, i, w.Site(), at, protocol.Hash3(rootFault, w.ID, 1))
	}
}

// turn lets a window come or go. Most take effect by themselves; a pause's end
// lets the node go on.
func (s *Sim) turn(i int, n *node, x *rare) {
	w := &s.windows[i]
	was, is := w.Open(s.now-1), w.Open(s.now)
	switch {
	case is && !was:
		s.announce(Injected, w.Fault)
	case was && !is:
		s.announce(Lifted, w.Fault)
	}
	s.pushTurn(i)
	if w.Op == fault.Pause && x.pause != 0 && s.now >= x.pause {
		s.resume(n, x)
	}
}

func (s *Sim) announce(what What, f *fault.Fault) {
	if s.want&what == 0 {
		return
	}
	id := protocol.Outside
	if f.Op.OfNode() {
		id = f.Node
	}
	s.show(Event{What: what, Node: id, Tag: f.ID, Text: f.String()})
}
