package sim

import (
	"fmt"

	"dessim/protocol"
)

// rare is what most nodes never need: a disk, held events, faults.
type rare struct {
	down  bool
	armed *Fault // crash in the next step, of whatever incarnation
	disk  *disk
	wait  *waiting // a step waits for the disk
	held  []entry  // events that came meanwhile, in order
}

// waiting is the rest of a step whose sync takes time.
type waiting struct {
	cause   cause
	effects []protocol.Effect // copies, bodies too
	next    int               // first effect still to be applied
	synced  uint32            // slot of the event that ends the wait
	crash   *Fault            // crashes the node then, if not nil
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
	n.special = x.down || x.armed != nil || x.wait != nil
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
	case opFault, opRevive:
		s.fault(e, r, n, x)
		return false
	case opSynced:
		s.slab.release(e.slot, r)
		s.synced(n, x)
		return false
	}
	switch {
	case x.down:
		s.dropAtDown(e, r, n)
		return false
	case x.wait != nil:
		s.hold(e, r, x)
		return false
	}
	return true
}

// hold keeps an event until the disk is done. It counts as pending again, and as
// an event only when it is consumed.
func (s *Sim) hold(e entry, r *record, x *rare) {
	x.held = append(x.held, e)
	s.result.Events--
	s.live[r.flag&background]++
}

// workOff lets the node consume what was held, until it must wait again.
func (s *Sim) workOff(n *node, x *rare) {
	for len(x.held) > 0 && x.wait == nil && !x.down {
		e := x.held[0]
		x.held = x.held[1:]
		r := s.slab.at(e.slot)
		if r.op == opDead {
			s.slab.release(e.slot, r)
			continue
		}
		s.live[r.flag&background]--
		s.result.Events++
		s.step(e, r)
	}
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
	n.state = stateOf(n.machine)
	n.network = protocol.Hash3(n.network^foldStart, uint64(s.now), uint64(n.inc))
	if s.want&Started != 0 {
		s.show(Event{What: Started, Node: c.id, Incarnation: n.inc})
	}
	s.env.Enter(c.id, n.inc, s.now, s.src)
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

// fault lets a planned fault, or the restart that follows from one, happen.
func (s *Sim) fault(e entry, r *record, n *node, x *rare) {
	f := &s.plan.Faults[r.word(0)]
	op, inc := r.op, uint32(r.word(1))
	c := cause{id: protocol.NodeID(e.dst), wave: r.wave, name: r.name}
	s.slab.release(e.slot, r)
	switch {
	case op == opRevive && n.inc != inc:
		// A Restart came before, and perhaps another crash, which has its own end.
	case f.Op == Restart || op == opRevive:
		if x.down && n.inc > 0 {
			s.result.Restarts++
			s.start(&c, n, x)
		}
	case f.After > 0:
		if x.armed == nil || f.After < x.armed.After {
			x.armed = f
			n.settle(x)
		}
	case x.wait != nil:
		s.crash(c.id, n, f, "while syncing")
	case !x.down:
		s.crash(c.id, n, f, "between steps")
	}
}

// crashInStep applies the effects that the armed fault lets happen and crashes.
func (s *Sim) crashInStep(c *cause, n *node, x *rare, effects []protocol.Effect) {
	f := x.armed
	x.armed = nil
	cut := min(f.After, len(effects))
	s.perform(c, n, effects[:cut], 0)
	when := fmt.Sprintf("after %d of %d effects", cut, len(effects))
	if x.wait != nil {
		x.wait.crash, x.wait.when = f, when
		return
	}
	s.crash(c.id, n, f, when)
}

// crash ends an incarnation: what is volatile goes, messages already sent arrive.
func (s *Sim) crash(id protocol.NodeID, n *node, f *Fault, when string) {
	x := s.rareOf(id)
	if x.wait != nil {
		s.kill(x.wait.synced)
	}
	x.down, x.wait = true, nil
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
		x.disk.crash()
	}
	n.machine, n.state = nil, nil
	n.network = protocol.Hash3(n.network^foldCrash, uint64(s.now), uint64(n.inc))
	s.result.Crashes++
	if s.want&Crashed != 0 {
		s.show(Event{What: Crashed, Node: id, Incarnation: n.inc, Text: when})
	}
	if f.For > 0 {
		slot, r := s.slab.alloc(opRevive, 0)
		r.src, r.seq = fromPlan, 1+f.ID
		r.wave = protocol.Hash3(rootFault, f.ID, 1)
		r.name = r.wave
		r.setWord(0, s.indexOf(f))
		r.setWord(1, uint64(n.inc))
		s.push(entry{s.later(f.For), uint32(id), slot}, r)
	}
}

// dropHeld loses the events that waited for the disk with a node that crashed.
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

func (s *Sim) indexOf(f *Fault) uint64 {
	for i := range s.plan.Faults {
		if &s.plan.Faults[i] == f {
			return uint64(i)
		}
	}
	panic("sim: fault is not of this plan")
}
