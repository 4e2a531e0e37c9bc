package sim

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// scheduleFaults puts the faults into the queue. A fault that hits no node happens at
// node 0, first of all events of its time; only the order of what observers see depends
// on that.
func (s *Sim) scheduleFaults() {
	calm := fault.Calm(s.plan.Faults)
	s.windows = make([]fault.Window, len(s.plan.Faults))
	s.impacts = make([]impact, len(s.plan.Faults))
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		w := &s.windows[i]
		*w = fault.WindowOf(f, calm)
		if f.Op == fault.Heal {
			s.scheduleHeal(i)
			continue
		}
		switch x := s.coldOf(f.Node); f.Op {
		case fault.SlowSync:
			x.slow = append(x.slow, acting{w, &s.impacts[i]})
		case fault.LateTimer:
			x.late = append(x.late, acting{w, &s.impacts[i]})
			s.lags = true
		case fault.Order:
			x.orders = append(x.orders, acting{w, &s.impacts[i]})
		case fault.Yield:
			x.yields = append(x.yields, acting{w, &s.impacts[i]})
		case fault.Stall:
			x.stalls = append(x.stalls, acting{w, &s.impacts[i]})
		case fault.Full:
			x.fulls = append(x.fulls, acting{w, &s.impacts[i]})
		}
		s.pushFault(opFault, i, f.Site(), f.At, protocol.Hash2(rootFault, f.ID))
	}
	s.net.watch(s.windows, s.impacts)
	s.setClocks()
}

// pushFault enters an event of the i-th fault. Its order key is the fault's, so
// one fault has at most one event at a node and time.
func (s *Sim) pushFault(op uint8, i int, node protocol.NodeID, at protocol.Time, wave uint64) {
	flag := uint8(0)
	if op == opTurn {
		flag = background // no run waits for it
	}
	slot, r := s.slab.alloc(op, flag)
	r.src, r.seq = fromPlan, 1+s.plan.Faults[i].ID
	r.wave, r.name = wave, wave
	r.setWord(0, uint64(i))
	r.setWord(1, uint64(s.nodes[node].inc))
	s.push(entry{at, uint32(node), slot}, r)
}

// pushTurn enters the event at which the i-th fault's window next opens or closes,
// if there is one in any run.
func (s *Sim) pushTurn(i int) {
	w := &s.windows[i]
	if at := w.Turn(s.now); at < fault.Never {
		s.pushFault(opTurn, i, w.Node, at, protocol.Hash3(rootFault, w.ID, 1))
	}
}

// open begins the window of a fault whose effect was just done, perhaps by another node
// than the one that it hits. It changes nothing before the window opens, which an event shows.
func (s *Sim) open(f *fault.Fault) {
	i := s.indexOf(f)
	w := &s.windows[i]
	if !w.Begin(s.now) {
		s.impacts[i].why = "the heal came before it opened"
		return
	}
	switch {
	case f.Op.OfLinks():
		s.net.faults.until = min(s.net.faults.until, w.From)
	case f.Op == fault.Drift:
		s.retime(f.Node)
	}
	s.pushFault(opFault, i, f.Node, w.From, protocol.Hash2(rootFault, f.ID))
}

// turn opens or closes a window. Most take effect by themselves; the end of a pause
// resumes the node.
func (s *Sim) turn(i int, n *node, x *coldState) {
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

// textOf returns a fault in words, made once.
func (s *Sim) textOf(f *fault.Fault) string {
	x := &s.impacts[s.indexOf(f)]
	if x.text == "" {
		x.text = f.String()
	}
	return x.text
}

func (s *Sim) announce(what What, f *fault.Fault) {
	if s.want&what == 0 {
		return
	}
	id := protocol.Outside
	if f.Op.OfNode() {
		id = f.Node
	}
	s.show(&Event{What: what, Node: id, Tag: f.ID, Text: s.textOf(f)})
}

func (s *Sim) fault(e entry, r *record, n *node, x *coldState) {
	op, i, inc := r.op, int(r.word(0)), uint32(r.word(1))
	c := cause{id: protocol.NodeID(e.dst), wave: r.wave, name: r.name}
	s.slab.release(e.slot, r)
	switch op {
	case opTurn:
		s.turn(i, n, x)
	case opRevive:
		// If a Restart came before, then perhaps another crash too, which has its
		// own end.
		if n.inc == inc {
			s.restart(&c, n, x)
		}
	default:
		s.begin(i, &c, n, x)
	}
}

func (s *Sim) begin(i int, c *cause, n *node, x *coldState) {
	f := &s.plan.Faults[i]
	if f.Op == fault.Heal {
		s.heal(c, n, x, f)
		return
	}
	if f.Op.Lasts() && s.windows[i].Waits() {
		x.anchors = append(x.anchors, anchor{Fault: f})
		n.settle(x)
		return
	}
	s.impacts[i].begun = true
	s.announce(Injected, f)
	switch f.Op {
	case fault.FailSync:
		if f.On.N > 0 {
			x.anchors = append(x.anchors, anchor{Fault: f})
			n.settle(x)
			return
		}
		s.failNext(f)
	case fault.Crash:
		s.crashBy(f, c.id, n, x)
	case fault.Restart:
		s.restartBy(f, c, n, x)
	case fault.Pause:
		s.pause(n, x, &s.windows[i])
	case fault.Echo:
		s.echoOf(i)
	case fault.Rot:
		s.rot(c.id, n, x, f)
	case fault.Jump:
		s.result.Faults.Jumps++
		x.bent = append(x.bent, i)
	case fault.Drift:
		s.result.Faults.Drifts++
		x.bent = append(x.bent, i)
	}
	if f.Op.Lasts() {
		s.pushTurn(i)
	}
}

func (s *Sim) indexOf(f *fault.Fault) int {
	for i := range s.plan.Faults {
		if &s.plan.Faults[i] == f {
			return i
		}
	}
	panic("sim: fault is not of this plan")
}
