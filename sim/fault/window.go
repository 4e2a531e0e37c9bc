package fault

import (
	"math"

	"dessim/protocol"
)

// Window is when a fault that lasts is open. It is a function of the plan and of time
// alone, not a state that events change: so what it answers at some time does not
// depend on which of that time's events came before.
type Window struct {
	*Fault
	Until protocol.Time // from here on it is over for good
}

// WindowOf returns the window of f in a plan that heals at the time calm.
func WindowOf(f *Fault, calm protocol.Time) Window {
	if f.For == 0 {
		return Window{f, calm}
	}
	return Window{f, min(f.At+protocol.Time(f.For), calm)}
}

// Open reports whether the fault is open at that time.
func (w *Window) Open(now protocol.Time) bool {
	return w.At <= now && now < w.Until && (w.Every == 0 || (now-w.At)/protocol.Time(w.Every)%2 == 0)
}

// Turn returns when, after now, the window opens or closes next.
func (w *Window) Turn(now protocol.Time) protocol.Time {
	switch {
	case now < w.At:
		return w.At
	case now >= w.Until:
		return math.MaxInt64
	case w.Every == 0:
		return w.Until
	}
	every := protocol.Time(w.Every)
	return min(w.At+((now-w.At)/every+1)*every, w.Until)
}

// Lasts reports whether a fault of that operation has a window, after which it is
// gone. That of a crash ends in a restart instead.
func (op Op) Lasts() bool {
	switch op {
	case Pause, SlowSync, Drift, Byzantine:
		return true
	}
	return op.OfLinks()
}

// OfNode reports whether Fault.Node means something.
func (op Op) OfNode() bool {
	r := ruleOf(op)
	return r != nil && r.head == headNode
}

// Site returns the node at which the fault happens: if it waits for an effect, the one
// that is watched.
func (f *Fault) Site() protocol.NodeID {
	switch {
	case f.On.Other:
		return f.On.Of
	case f.Op.OfNode():
		return f.Node
	}
	return 0
}

// Calm returns when the faults heal for good, or Never.
func Calm(faults []Fault) protocol.Time {
	for i := range faults {
		if f := &faults[i]; f.Op == Heal {
			return f.At
		}
	}
	return Never
}
