package sim

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/fault"
)

// start begins the next incarnation of a node that is down.
func (s *Sim) start(c *cause, n *node) {
	if !n.down {
		return
	}
	n.down = false
	n.settle(s.coldAt(c.id))
	n.inc++
	s.doing = doing{node: c.id, op: opStart} // from its making on
	n.machine = s.plan.Node(c.id)
	s.doing.node = protocol.Outside
	if n.machine == nil {
		panic(fmt.Sprintf("sim: plan makes no node %v", c.id))
	}
	n.state = stateOf(n.machine)
	n.foldEvent(foldStart, s.now, uint64(n.inc))
	if s.want&Started != 0 {
		s.show(&Event{What: Started, Node: c.id, Incarnation: n.inc})
	}
	s.step(c, n, entry{}, nil)
	if n.inc > 1 {
		s.echoTo(c.id)
	}
}

// boot has the node start with the records on its disk.
func (s *Sim) boot(id protocol.NodeID, n *node) {
	s.env.Mount(nil)
	if x := s.coldAt(id); x != nil && x.disk != nil {
		d := x.disk
		if s.plan.Poison {
			d = d.clone()
			defer d.spoil()
		}
		s.env.Mount(d.records())
	}
	s.doing = doing{node: id, op: opStart}
	n.machine.Start(&s.env)
	s.doing.node = protocol.Outside
	if s.shadows != nil {
		s.shadows.promises(id, n.machine)
	}
}

// restart starts a node that is down and was up before, if its disk is sound. It reports
// whether it did.
func (s *Sim) restart(c *cause, n *node, x *coldState) bool {
	if !n.down || n.inc == 0 || !s.sound(c.id, n, x) {
		return false
	}
	s.result.Restarts++
	s.start(c, n)
	return true
}

// restartBy restarts the node, if it can.
func (s *Sim) restartBy(f *fault.Fault, c *cause, n *node, x *coldState) {
	switch up := !n.down; {
	case s.restart(c, n, x):
		s.did(f)
	case up:
		s.noImpact(f, "node %v was up", c.id)
	case n.inc == 0:
		s.noImpact(f, "node %v had yet to start", c.id)
	default:
		s.noImpact(f, "node %v was down for good, since its disk is damaged", c.id)
	}
}

// crashBy crashes the node, or arms the crash for the step or effect it waits for.
func (s *Sim) crashBy(f *fault.Fault, id protocol.NodeID, n *node, x *coldState) {
	switch {
	case f.After > 0:
		if x.armed == nil || f.After < x.armed.After {
			x.armed, f = f, x.armed
		}
		if f != nil {
			s.noImpact(f, "another crash came earlier in that step")
		}
	case f.On.N > 0:
		x.anchors = append(x.anchors, anchor{Fault: f})
	case x.wait != nil:
		s.crash(id, n, f, "while syncing")
	case x.pause != 0:
		s.crash(id, n, f, "while paused")
	case !n.down:
		s.crash(id, n, f, "between steps")
	default:
		s.noImpact(f, "node %v was down", id)
	}
	n.settle(x)
}

// failNext fails the node's next sync or flush.
func (s *Sim) failNext(f *fault.Fault) {
	x := s.coldOf(f.Node)
	x.failing = append(x.failing, f)
	s.nodes[f.Node].settle(x)
}

// reached counts an effect that was done, and returns the faults that waited for it.
// They are used up, even crashes whose node is down already.
func (x *coldState) reached(f *protocol.Effect) (faults []*fault.Fault) {
	left := x.anchors[:0]
	for _, a := range x.anchors {
		if a.On.Op == f.Op && (a.On.Kind == 0 || a.On.Kind == f.Kind) {
			a.seen++
		}
		if a.seen < a.On.N {
			left = append(left, a)
		} else {
			faults = append(faults, a.Fault)
		}
	}
	x.anchors = left
	return faults
}

// strike lets the faults come that waited for effect i of the step, counted from 1. It
// reports whether the step's own node crashes; that one does so last.
func (s *Sim) strike(c *cause, n *node, f *protocol.Effect, i int) (crashed bool) {
	var own *fault.Fault
	for _, crash := range s.cold[c.id].reached(f) {
		switch {
		case crash.Op.Lasts():
			s.open(crash)
		case crash.Op == fault.FailSync:
			s.failNext(crash)
		case crash.Node == c.id:
			if own == nil {
				own = crash
			} else {
				s.noImpact(crash, "another crash came at that effect")
			}
		case !s.nodes[crash.Node].down:
			s.crash(crash.Node, &s.nodes[crash.Node], crash, fmt.Sprintf("after effect %d of node %v, its %v", i, c.id, f.Op))
		default:
			s.noImpact(crash, "node %v was down", crash.Node)
		}
	}
	if own != nil {
		s.crash(c.id, n, own, fmt.Sprintf("after effect %d, its %v", i, f.Op))
	}
	return own != nil
}

// crashInStep applies the effects before the armed crash, then crashes the node.
func (s *Sim) crashInStep(c *cause, n *node, x *coldState, effects []protocol.Effect) {
	f := x.armed
	x.armed = nil
	cut := min(f.After, len(effects))
	s.perform(c, n, effects[:cut], 0)
	when := fmt.Sprintf("after %d of %d effects", cut, len(effects))
	switch {
	case n.down: // at one of them
		s.noImpact(f, "another crash came earlier in that step")
	case x.wait != nil:
		x.wait.crash, x.wait.when = f, when
	default:
		s.crash(c.id, n, f, when)
	}
}

// crash ends an incarnation: volatile state is lost, messages already sent arrive.
func (s *Sim) crash(id protocol.NodeID, n *node, f *fault.Fault, when string) {
	x := s.coldOf(id)
	if x.wait != nil {
		s.kill(x.wait.synced)
		if late := x.wait.crash; late != nil && late != f {
			s.noImpact(late, "another crash came earlier in that step")
		}
	}
	n.down, x.wait, x.pause = true, nil, 0
	n.settle(x)
	for _, t := range s.timers[id].places() {
		if t.used {
			s.kill(t.slot)
		}
	}
	s.timers[id] = nil
	s.dropFlushes(x)
	s.dropHeld(n, x)
	var fates []fate
	if x.disk != nil {
		fates = s.salvage(id, n, x.disk, f)
	}
	n.machine, n.state = nil, nil
	n.foldEvent(foldCrash, s.now, uint64(n.inc))
	s.result.Crashes++
	s.did(f)
	if s.want&Crashed != 0 {
		s.show(&Event{What: Crashed, Node: id, Incarnation: n.inc, Tag: f.ID, Text: when})
	}
	for i := range fates {
		s.show(&Event{What: Salvaged, Node: id, Incarnation: n.inc, Tag: fates[i].index, Body: fates[i].rec, Text: fates[i].text()})
	}
	if f.For > 0 {
		s.pushFault(opRevive, s.indexOf(f), id, s.later(f.For), protocol.Hash3(rootFault, f.ID, 1))
	}
}

// dropHeld loses the events that waited for a node that crashed.
func (s *Sim) dropHeld(n *node, x *coldState) {
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

// dropAtDown loses a message that arrives at a node that is down.
func (s *Sim) dropAtDown(e entry, r *record, n *node) {
	s.result.Dropped++
	n.foldEvent(foldDropped, s.now, r.name)
	if s.want&Dropped != 0 {
		from := protocol.Outside
		if r.src >= fromNode {
			from = protocol.NodeID(r.src - fromNode)
		}
		s.show(&Event{What: Dropped, Node: protocol.NodeID(e.dst), Peer: from, Incarnation: n.inc, Kind: s.kindOf(e.slot), Seq: r.seq, Body: s.slab.view(r)})
	}
	s.slab.release(e.slot, r)
}
