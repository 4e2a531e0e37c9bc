package fault

import (
	"math"

	"dessim/protocol"
)

// Window is when a fault that lasts is open. It is a function of the plan and the time
// alone, not a state that events change: so its answer at some time does not depend on
// which events of that time came first. The window of a fault that waits for an effect
// also depends on what happened earlier: see Begin.
type Window struct {
	*Fault
	From  protocol.Time // Never while the fault waits for its effect
	Until protocol.Time // from here on it never opens again
}

// WindowOf returns the window of f in a plan that heals at calm.
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

// Begin opens a window that waited for an effect, one nanosecond after done, the effect's
// time. It returns false if the plan heals first: then the window never opens.
//
// The delay spares everything else that happens at the effect's time, including the rest
// of the effect's own step, unless that step waits for its disk. If the window opened at
// once, what it hits would depend on the order of simultaneous events of different nodes,
// which is arbitrary.
func (w *Window) Begin(done protocol.Time) bool {
	if done+1 >= w.Until {
		return false
	}
	w.begin(done + 1)
	return true
}

// Waits reports whether the fault still waits for its effect.
func (w *Window) Waits() bool { return w.From == Never }

// Open reports whether the fault is open at that time.
func (w *Window) Open(now protocol.Time) bool {
	return w.From <= now && now < w.Until && (w.Every == 0 || (now-w.From)/protocol.Time(w.Every)%2 == 0)
}

// Turn returns when the window next opens or closes after now.
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

// Lasts reports whether a fault of that operation has a window, after which its effect is
// gone. A crash has none: it ends in a restart.
func (op Op) Lasts() bool {
	switch op {
	case Pause, SlowSync, LateTimer, Order, Yield, Stall, Full, Drift, Byzantine:
		return true
	}
	return op.OfLinks()
}

// OfNode reports whether the operation uses Fault.Node.
func (op Op) OfNode() bool {
	r := ruleOf(op)
	return r != nil && r.head == headNode
}

// Site returns the node at which the fault happens, or the node whose effect it waits
// for.
func (f *Fault) Site() protocol.NodeID {
	switch {
	case f.On.Other:
		return f.On.Of
	case f.Op.OfNode():
		return f.Node
	}
	return 0
}

// Calm returns when the faults heal, or Never.
func Calm(faults []Fault) protocol.Time {
	for i := range faults {
		if f := &faults[i]; f.Op == Heal {
			return f.At
		}
	}
	return Never
}
