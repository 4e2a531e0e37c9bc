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
// their steps. node returns the machine of a node, or nil for one that is exempt.
func Waits(name string, nodes int, node func(id protocol.NodeID) protocol.Node) *Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Fired | sim.TimerSet | sim.TimerCancelled
	timers := make([]timersOf, nodes)
	return Always(name, watch, func(e *sim.Event) (relevant bool, wrong error) {
		if int(e.Node) >= nodes {
			return false, nil
		}
		t := &timers[e.Node]
		if e.What&(sim.Received|sim.Fired) != 0 { // before the step: the timer is still pending
			if t.steps++; t.steps%waitsEvery == 0 {
				relevant, wrong = t.judge(e.Node, node(e.Node))
			}
		}
		t.see(e)
		return relevant, wrong
	}).OrNotApplicable("no node says what it waits for")
}

// timersOf follows which timers of a node are pending.
type timersOf struct {
	steps   uint64
	pending []timer
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

func (t *timersOf) judge(id protocol.NodeID, node protocol.Node) (relevant bool, wrong error) {
	w, ok := node.(protocol.Waiter)
	if !ok {
		return false, nil
	}
	w.Waits(func(name string, tag uint64) {
		relevant = true
		for _, x := range t.pending {
			if x.tag == tag {
				return
			}
		}
		if wrong == nil {
			wrong = fmt.Errorf("node %v waits for %s, and no timer is set for it", id, name)
		}
	})
	return relevant, wrong
}
