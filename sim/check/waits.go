package check

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
)

// waitsEvery is how many steps of a node pass from one look at its timers to the next. What
// waits without a timer waits for ever, so that no step is missed.
const waitsEvery = 16

// Waits requires that whatever a node waits for has a timer: where a protocol.Waiter names
// one, that is pending between steps. It looks at the first nodes of the plan, at some of
// their steps. node returns the machine of a node, or nil for one that is exempt; it may look at
// that node alone.
func Waits(name string, nodes int, node func(id protocol.NodeID) protocol.Node) *Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Fired | sim.TimerSet | sim.TimerCancelled
	timers := make([]timersOf, nodes)
	var a awaited
	see := a.see // made once, and not at each look
	return Always(name, watch, func(e *sim.Event) (relevant bool, wrong error) {
		if int(e.Node) >= nodes {
			return false, nil
		}
		t := &timers[e.Node]
		if e.What&(sim.Received|sim.Fired) != 0 { // before the step: the timer is still pending
			if t.steps++; t.steps%waitsEvery == 0 {
				if w, ok := node(e.Node).(protocol.Waiter); ok {
					a = awaited{id: e.Node, pending: t.pending}
					w.Waits(see)
					relevant, wrong = a.relevant, a.wrong
				}
			}
		}
		t.see(e)
		return relevant, wrong
	}).OfNode().OrNotApplicable("no node says what it waits for")
}

// timersOf follows which timers of a node are pending.
type timersOf struct {
	steps   uint64
	pending []timer
}

// awaited judges what a node says that it waits for.
type awaited struct {
	id       protocol.NodeID
	pending  []timer
	relevant bool
	wrong    error
}

func (a *awaited) see(name string, tag uint64) {
	a.relevant = true
	for _, x := range a.pending {
		if x.tag == tag {
			return
		}
	}
	if a.wrong == nil {
		a.wrong = fmt.Errorf("node %v waits for %s, and no timer is set for it", a.id, name)
	}
}

type timer struct{ tag, seq uint64 }

func (t *timersOf) see(e *sim.Event) {
	switch e.What {
	case sim.Started, sim.Crashed:
		t.pending = t.pending[:0]
	case sim.TimerSet:
		t.pending = append(t.pending, timer{e.Tag, e.Seq})
	case sim.Fired, sim.TimerCancelled:
		for i, x := range t.pending {
			if x == (timer{e.Tag, e.Seq}) {
				last := len(t.pending) - 1
				t.pending[i] = t.pending[last]
				t.pending = t.pending[:last]
				return
			}
		}
	}
}
