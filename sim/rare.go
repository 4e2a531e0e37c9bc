package sim

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/fault"
)

// rare is what most nodes never need: a disk, held events, faults.
type rare struct {
	down    bool
	damaged bool          // a record rotted: down for good
	pause   protocol.Time // until then the node does nothing; 0 if it does
	disk    *disk
	wait    *waiting // a step waits for the disk
	held    []entry  // events that came meanwhile, in order; first the disk's, if it was done in a pause
	clock   *clock   // nil is true time

	armed   *fault.Fault   // crash in the next step, of whatever incarnation
	anchors []anchor       // crashes that wait for an effect
	failing []*fault.Fault // each fails one of the next syncs
	slow    []fault.Window // in which syncs take longer

	traits []fault.Fault // makes the node byzantine
	honest protocol.Node // its machine then
}

// anchor is a crash that waits for an effect.
type anchor struct {
	*fault.Fault
	seen uint64 // effects of that sort so far
}

// waiting is the rest of a step whose sync takes time.
type waiting struct {
	cause   cause
	effects []protocol.Effect // copies, bodies too
	next    int               // first effect still to be applied
	synced  uint32            // slot of the event that ends the wait
	crash   *fault.Fault      // crashes the node then, if not nil
	when    string            // after which effect that is
}

// rareOf gives the node's rare state.
func (s *Sim) rareOf(id protocol.NodeID) *rare {
	if s.rare == nil {
		s.rare = make([]*rare, len(s.nodes))
	}
	if s.rare[id] == nil {
		s.rare[id] = new(rare)
	}
	return s.rare[id]
}

// settle tells the loop whether it has to look at the rare state.
func (n *node) settle(x *rare) {
	n.special = x.down || x.armed != nil || x.wait != nil || x.pause != 0 || x.clock != nil || x.watchful()
}

// watchful tells whether each effect must be looked at.
func (x *rare) watchful() bool { return len(x.anchors) > 0 || len(x.failing) > 0 }

// reached counts an effect that was done, and gives the crashes that waited for it.
// They are over, also those that find their node down already.
func (x *rare) reached(f *protocol.Effect) (crashes []*fault.Fault) {
	left := x.anchors[:0]
	for _, a := range x.anchors {
		if a.On.Op == f.Op && (a.On.Kind == 0 || a.On.Kind == f.Kind) {
			a.seen++
		}
		if a.seen < a.On.N {
			left = append(left, a)
		} else {
			crashes = append(crashes, a.Fault)
		}
	}
	x.anchors = left
	return crashes
}

// ready decides about an event that is no message or timer, or whose node is
// special. It reports whether the node shall consume the event now; if not,
// everything is done already.
func (s *Sim) ready(e entry, r *record) bool {
	id, n := protocol.NodeID(e.dst), &s.nodes[e.dst]
	x := s.rareOf(id)
	switch r.op {
	case opStart:
		c := cause{id: id, wave: r.wave, name: r.name}
		s.slab.release(e.slot, r)
		s.start(&c, n, x)
		return false
	case opFault, opRevive, opTurn:
		s.fault(e, r, n, x)
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
	case x.down:
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
}

// workOff lets the node consume what was held, until it must wait again.
func (s *Sim) workOff(n *node, x *rare) {
	for len(x.held) > 0 && x.pause == 0 && !x.down {
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
		s.step(e, r)
	}
}

// pause stops a node that is up until the window of its fault is over.
func (s *Sim) pause(n *node, x *rare, w *fault.Window) {
	if x.down {
		return
	}
	s.result.Faults.Pauses++
	x.pause = w.Until
	n.settle(x)
}

// resume lets a paused node do what waited.
func (s *Sim) resume(n *node, x *rare) {
	x.pause = 0
	n.settle(x)
	s.workOff(n, x)
}

// dropAtDown loses a message that arrives at a node that is down.
func (s *Sim) dropAtDown(e entry, r *record, n *node) {
	s.result.Dropped++
	n.network = protocol.Hash3(n.network^foldDropped, uint64(s.now), r.name)
	if s.want&Dropped != 0 {
		from := protocol.Outside
		if r.src >= fromNode {
			from = protocol.NodeID(r.src - fromNode)
		}
		s.show(Event{What: Dropped, Node: protocol.NodeID(e.dst), Peer: from, Incarnation: n.inc, Kind: s.kindOf(e.slot), Seq: r.seq, Body: s.slab.view(r)})
	}
	s.slab.release(e.slot, r)
}

// start begins the next incarnation of a node that is down.
func (s *Sim) start(c *cause, n *node, x *rare) {
	if !x.down {
		return
	}
	x.down = false
	n.settle(x)
	n.inc++
	s.calling = c.id // from its making on
	n.machine = s.plan.Node(c.id)
	s.calling = protocol.Outside
	if n.machine == nil {
		panic(fmt.Sprintf("sim: plan makes no node %v", c.id))
	}
	if len(x.traits) > 0 {
		x.honest = n.machine
		n.machine = newTraitor(n.machine, x.traits)
	}
	n.state = stateOf(n.machine)
	n.network = protocol.Hash3(n.network^foldStart, uint64(s.now), uint64(n.inc))
	if s.want&Started != 0 {
		s.show(Event{What: Started, Node: c.id, Incarnation: n.inc})
	}
	now := s.now
	if x.clock != nil {
		now = x.clock.at(now)
	}
	s.env.Enter(c.id, n.inc, now, s.src)
	s.env.Name(c.name)
	s.env.Mount(nil)
	if x.disk != nil {
		d := x.disk
		if s.plan.Poison {
			d = d.clone()
			defer d.spoil()
		}
		s.env.Mount(d.records())
	}
	s.calling = c.id
	n.machine.Start(&s.env)
	s.calling = protocol.Outside
	if a := s.env.Answers(); a != 0 {
		n.decisions = protocol.Hash2(n.decisions, a)
	}
	s.hop.reset()
	s.apply(c, n, s.env.Effects())
}

// restart starts a node that is down and was up before, if its disk is sound.
func (s *Sim) restart(c *cause, n *node, x *rare) {
	if x.down && n.inc > 0 && s.sound(c.id, n, x) {
		s.result.Restarts++
		s.start(c, n, x)
	}
}

// fault lets an event of a planned fault happen.
func (s *Sim) fault(e entry, r *record, n *node, x *rare) {
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

// begin lets a fault begin.
func (s *Sim) begin(i int, c *cause, n *node, x *rare) {
	f := &s.plan.Faults[i]
	if f.Op == fault.Heal {
		s.heal(c, n, x, f)
		return
	}
	s.announce(Injected, f)
	switch f.Op {
	case fault.Crash:
		s.crashBy(f, c.id, n, x)
	case fault.Restart:
		s.restart(c, n, x)
	case fault.Pause:
		s.pause(n, x, &s.windows[i])
	case fault.FailSync:
		x.failing = append(x.failing, f)
		n.settle(x)
	case fault.Rot:
		s.rot(c.id, n, x, f)
	case fault.Jump:
		s.result.Faults.Jumps++
	case fault.Drift:
		s.result.Faults.Drifts++
	}
	if f.Op.Lasts() {
		s.pushTurn(i)
	}
}

// crashBy crashes the node, or makes the crash wait for what it waits for.
func (s *Sim) crashBy(f *fault.Fault, id protocol.NodeID, n *node, x *rare) {
	switch {
	case f.After > 0:
		if x.armed == nil || f.After < x.armed.After {
			x.armed = f
		}
	case f.On.N > 0:
		x.anchors = append(x.anchors, anchor{Fault: f})
	case x.wait != nil:
		s.crash(id, n, f, "while syncing")
	case x.pause != 0:
		s.crash(id, n, f, "while paused")
	case !x.down:
		s.crash(id, n, f, "between steps")
	}
	n.settle(x)
}

// strike lets the crashes happen that waited for an effect of the step, its number i
// from 1. It reports whether the step's own node is one of theirs; it crashes last.
func (s *Sim) strike(c *cause, n *node, f *protocol.Effect, i int) (crashed bool) {
	var own *fault.Fault
	for _, crash := range s.rare[c.id].reached(f) {
		switch {
		case crash.Node == c.id:
			if own == nil {
				own = crash
			}
		case !s.rareOf(crash.Node).down:
			s.crash(crash.Node, &s.nodes[crash.Node], crash, fmt.Sprintf("after effect %d of node %v, its %v", i, c.id, f.Op))
		}
	}
	if own != nil {
		s.crash(c.id, n, own, fmt.Sprintf("after effect %d, its %v", i, f.Op))
	}
	return own != nil
}

// crashInStep applies the effects that the armed fault lets happen and crashes.
func (s *Sim) crashInStep(c *cause, n *node, x *rare, effects []protocol.Effect) {
	f := x.armed
	x.armed = nil
	cut := min(f.After, len(effects))
	s.perform(c, n, effects[:cut], 0)
	when := fmt.Sprintf("after %d of %d effects", cut, len(effects))
	switch {
	case x.down: // at one of them
	case x.wait != nil:
		x.wait.crash, x.wait.when = f, when
	default:
		s.crash(c.id, n, f, when)
	}
}

// crash ends an incarnation: what is volatile goes, messages already sent arrive.
func (s *Sim) crash(id protocol.NodeID, n *node, f *fault.Fault, when string) {
	x := s.rareOf(id)
	if x.wait != nil {
		s.kill(x.wait.synced)
	}
	x.down, x.wait, x.pause = true, nil, 0
	n.settle(x)
	t := &s.timers[id]
	for i := range t.slots {
		if t.slots[i].used {
			s.kill(t.slots[i].slot)
		}
	}
	*t = timers{}
	s.dropHeld(n, x)
	if x.disk != nil {
		s.salvage(id, n, x.disk, f)
	}
	n.machine, n.state = nil, nil
	n.network = protocol.Hash3(n.network^foldCrash, uint64(s.now), uint64(n.inc))
	s.result.Crashes++
	if s.want&Crashed != 0 {
		s.show(Event{What: Crashed, Node: id, Incarnation: n.inc, Tag: f.ID, Text: when})
	}
	if f.For > 0 {
		s.pushFault(opRevive, s.indexOf(f), id, s.later(f.For), protocol.Hash3(rootFault, f.ID, 1))
	}
}

// dropHeld loses the events that waited for a node that crashed.
func (s *Sim) dropHeld(n *node, x *rare) {
	for _, e := range x.held {
		r := s.slab.at(e.slot)
		if r.op == opDead {
			s.slab.release(e.slot, r)
			continue
		}
		s.live[r.flag&background]--
		s.dropAtDown(e, r, n)
	}
	x.held = nil
}

func (s *Sim) indexOf(f *fault.Fault) int {
	for i := range s.plan.Faults {
		if &s.plan.Faults[i] == f {
			return i
		}
	}
	panic("sim: fault is not of this plan")
}
