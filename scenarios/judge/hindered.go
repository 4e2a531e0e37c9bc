package judge

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// Hindered follows which nodes faults keep from doing things in time: while they pause, and
// while their syncs are slow or their timers late. Its user hands it the events that it is to
// see.
type Hindered struct {
	faults []fault.Fault
	nodes  map[protocol.NodeID]*hindrance
}

type hindrance struct {
	open []uint64      // faults
	over protocol.Time // of what is not open, with its effect
	late protocol.Time // of late timers, if they were due at the end of the fault
}

// NewHindered returns a Hindered of a plan with these faults.
func NewHindered(faults []fault.Fault) *Hindered {
	return &Hindered{faults: faults, nodes: make(map[protocol.NodeID]*hindrance)}
}

// Observe notes that a fault begins or ends: for sim.Injected and sim.Lifted.
func (h *Hindered) Observe(e *sim.Event) {
	i := slices.IndexFunc(h.faults, func(f fault.Fault) bool { return f.ID == e.Tag })
	if i < 0 {
		return
	}
	f := &h.faults[i]
	if f.Op != fault.Pause && f.Op != fault.SlowSync && f.Op != fault.LateTimer {
		return
	}
	n := h.nodes[f.Node]
	if n == nil {
		n = &hindrance{}
		h.nodes[f.Node] = n
	}
	n.open = slices.DeleteFunc(n.open, func(id uint64) bool { return id == f.ID })
	if e.What == sim.Injected {
		n.open = append(n.open, f.ID)
		return
	}
	n.over = max(n.over, e.At)
	if f.Op != fault.Pause { // what it made late may happen after its end
		n.over = min(n.over+protocol.Time(f.By), protocol.MaxTime)
	}
	if f.Op == fault.LateTimer {
		n.late = n.over
	}
}

// Free returns for how long up to now a node has been free to act, but not from before since. It may
// wait for a timer that it set before since, for longest at most, or 0 if it sets another then.
func (h *Hindered) Free(id protocol.NodeID, since, now protocol.Time, longest time.Duration) time.Duration {
	if n := h.nodes[id]; n != nil {
		if len(n.open) > 0 {
			return 0
		}
		since = max(since, n.over)
		if n.late > 0 { // from the end of the fault the timer may run for longest, and then be late
			since = max(since, min(n.late+protocol.Time(longest), protocol.MaxTime))
		}
	}
	return max(0, now.Sub(since))
}
