package fault

import (
	"math"

	"dessim/protocol"
)

// Window is when a fault that lasts is open. It is a function of the plan and of time
// alone, not a state that events change: so what it answers at some time does not
// depend on which of that time's events came before. The window of a fault that waits
// for an effect is such a function too, of all that happened earlier: see Begin.
type Window struct {
	*Fault
	From  protocol.Time // Never while it waits for its effect
	Until protocol.Time // from here on it is over for good
}

// WindowOf returns the window of f in a plan that heals at the time calm.
func WindowOf(f *Fault, calm protocol.Time) Window {
	w := Window{f, Never, calm}
	if f.On.N == 0 {
		w.begin(f.At)
	}
	return w
}

func (w *Window) begin(at protocol.Time) {
	w.From = at
	if w.For > 0 {
		w.Until = min(at+protocol.Time(w.For), w.Until)
	}
}

// Begin begins a window that waited for an effect, done at that time, one nanosecond
// later. It returns false if the plan heals first: then the window never opens.
//
// Everything else that happens at the effect's time is spared, so also the rest of the
// effect's own step, unless that step waits for its disk. If the window opened at once,
// what it hits would depend on the order of simultaneous events of different nodes,
// which means nothing.
func (w *Window) Begin(done protocol.Time) bool {
	if done+1 >= w.Until {
		return false
	}
	w.begin(done + 1)
	return true
}

// Waits reports whether the window's effect has not been done.
func (w *Window) Waits() bool { return w.From == Never }

// Open reports whether the fault is open at that time.
func (w *Window) Open(now protocol.Time) bool {
	return w.From <= now && now < w.Until && (w.Every == 0 || (now-w.From)/protocol.Time(w.Every)%2 == 0)
}

// Turn returns when, after now, the window opens or closes next.
func (w *Window) Turn(now protocol.Time) protocol.Time {
	switch {
	case now < w.From:
		return w.From
	case now >= w.Until:
		return math.MaxInt64
	case w.Every == 0:
		return w.Until
	}
	every := protocol.Time(w.Every)
	return min(w.From+((now-w.From)/every+1)*every, w.Until)
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
