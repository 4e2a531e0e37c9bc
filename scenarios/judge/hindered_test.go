package judge

import (
	"testing"
	"time"

	"dessim/sim"
	"dessim/sim/fault"
)

// Node 0's timers are late by up to 100 ms if they are set until 1 s.
func TestALateTimerHoldsANodeUpUntilItFires(t *testing.T) {
	for _, c := range []struct {
		op      fault.Op
		since   int
		longest time.Duration
		want    time.Duration // at 2 s
	}{
		{fault.Pause, 500, 250 * time.Millisecond, 1000 * time.Millisecond},
		{fault.SlowSync, 500, 250 * time.Millisecond, 900 * time.Millisecond},
		{fault.LateTimer, 500, 0, 900 * time.Millisecond},
		{fault.LateTimer, 500, 250 * time.Millisecond, 650 * time.Millisecond}, // it was due at 1.25 s
		{fault.LateTimer, 1050, 250 * time.Millisecond, 650 * time.Millisecond},
		{fault.LateTimer, 1500, 250 * time.Millisecond, 500 * time.Millisecond},
	} {
		h := NewHindered([]fault.Fault{{ID: 7, Op: c.op, By: 100 * time.Millisecond}})
		h.Observe(&sim.Event{What: sim.Injected, Tag: 7})
		if got := h.Free(0, at(500), at(900), c.longest); got != 0 {
			t.Errorf("%v: a node is free for %v while it lasts, want 0", c.op, got)
		}
		h.Observe(&sim.Event{What: sim.Lifted, Tag: 7, At: at(1000)})
		if got := h.Free(0, at(c.since), at(2000), c.longest); got != c.want {
			t.Errorf("%v, timers of %v, since %d ms: a node is free for %v, want %v", c.op, c.longest, c.since, got, c.want)
		}
	}
}
