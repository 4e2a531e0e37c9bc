package check_test

import (
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// sleeper is a node that needs this timer.
type sleeper uint64

func (sleeper) Start(*protocol.Env)                            {}
func (sleeper) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (sleeper) Timeout(*protocol.Env, uint64)                  {}
func (s sleeper) Waits(see func(name string, tag uint64))      { see("sleeper.question", uint64(s)) }

// slept judges a node that needs timer 7, in many steps after these events.
func slept(events ...sim.Event) check.Result {
	c := check.Waits("awake", 1, func(protocol.NodeID) protocol.Node { return sleeper(7) })
	for range 20 {
		events = append(events, sim.Event{What: sim.Received})
	}
	for i := range events {
		c.Observe(&events[i])
	}
	return c.Result(1)
}

func TestWhatWaitsWithoutATimerIsNamed(t *testing.T) {
	set := sim.Event{What: sim.TimerSet, Tag: 7, Seq: 1}
	again := sim.Event{What: sim.TimerSet, Tag: 7, Seq: 2}
	replaced := sim.Event{What: sim.TimerCancelled, Tag: 7, Seq: 1}
	for name, x := range map[string]struct {
		events []sim.Event
		want   check.Verdict
	}{
		"never set":             {nil, check.Violation},
		"pending":               {[]sim.Event{set}, check.Pass},
		"fired":                 {[]sim.Event{set, {What: sim.Fired, Tag: 7, Seq: 1}}, check.Violation},
		"cancelled":             {[]sim.Event{set, replaced}, check.Violation},
		"replaced":              {[]sim.Event{set, again, replaced}, check.Pass},
		"lost in a crash":       {[]sim.Event{set, {What: sim.Crashed}}, check.Violation},
		"another one":           {[]sim.Event{{What: sim.TimerSet, Tag: 8, Seq: 1}}, check.Violation},
		"of another node alone": {[]sim.Event{{What: sim.TimerSet, Node: 1, Tag: 7, Seq: 1}}, check.Violation},
	} {
		r := slept(x.events...)
		if r.Verdict != x.want {
			t.Errorf("%s: %v %q, want %v", name, r.Verdict, r.Detail, x.want)
		}
		if want := "node 0 waits for sleeper.question, and no timer is set for it"; r.Verdict == check.Violation && r.Detail != want {
			t.Errorf("%s: %q, want %q", name, r.Detail, want)
		}
	}
}
