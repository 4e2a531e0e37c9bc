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
	return Always(name, watch, func(e *sim.Event) (relevant bool, wrong error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil
		}
		t := &timers[e.Node]
		if e.What&(sim.Received|sim.Fired) != 0 { // before the step: the timer is still pending
			if t.steps++; t.steps%waitsEvery == 0 {
				if w, ok := node(e.Node).(protocol.Waiter); ok {
					relevant, wrong = t.judge(e.Node, w)
				}
			}
		}
		t.see(e)
		return relevant, wrong
	}).ReadingNode().OrNotApplicable("no node says what it waits for").AtNodes(func(id protocol.NodeID) bool { return uint64(id) < uint64(nodes) })
}

// timersOf follows which timers of a node are pending.
type timersOf struct {
	steps   uint64
	pending []timer

	look   func(name string, tag uint64) // await, made once
	awaits bool                          // the node waits for something
	lacks  string                        // the name of what it waits for without a timer
}

func (t *timersOf) judge(id protocol.NodeID, w protocol.Waiter) (relevant bool, wrong error) {
	if t.look == nil {
		t.look = t.await
	}
	t.awaits, t.lacks = false, ""
	if w.Waits(t.look); t.lacks != "" {
		wrong = fmt.Errorf("node %v waits for %s, and no timer is set for it", id, t.lacks)
	}
	return t.awaits, wrong
}

func (t *timersOf) await(name string, tag uint64) {
	t.awaits = true
	for _, x := range t.pending {
		if x.tag == tag {
			return
		}
	}
	if t.lacks == "" {
		t.lacks = name
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
