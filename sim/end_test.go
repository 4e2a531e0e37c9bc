package sim

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

const second = protocol.Time(time.Second)

// pulse sets a periodic timer again and again; each time it sends a message to
// itself, and the message sets an ordinary timer: all follows from the periodic
// one.
func pulse() script {
	return script{
		start: func(env *protocol.Env) { env.SetTimer(time.Second, protocol.Periodic) },
		receive: func(env *protocol.Env, from protocol.NodeID, _ []byte) {
			if from != protocol.Outside {
				env.Sync()
				env.SetTimer(time.Minute, 1)
			}
		},
		timeout: func(env *protocol.Env, tag uint64) {
			if tag == protocol.Periodic {
				env.SetTimer(time.Second, protocol.Periodic)
				env.Send(env.ID(), kindT, nil)
			}
		},
	}
}

func expectEnd(t *testing.T, plan Plan, why Reason, at protocol.Time) Result {
	t.Helper()
	r, c := run(t, plan, nil)
	if r.Reason != why || r.End != at {
		t.Errorf("run ended at %v: %v; want %v: %v", r.End, r.Reason, at, why)
	}
	last := c.events[len(c.events)-1]
	if c.of(Ended) != 1 || last.What != Ended || last.Text != why.String() || last.At != at {
		t.Errorf("observers saw %+v at the end", last)
	}
	return r
}

func TestARunWithoutEventsIsQuiet(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{start: func(env *protocol.Env) { env.SetTimer(7, 1) }})}
	expectEnd(t, plan, Quiet, 7)
}

// A cancelled timer is nothing that waits, whenever it was due.
func TestACancelledTimerKeepsNoRunFromBeingQuiet(t *testing.T) {
	for _, tag := range []uint64{1, protocol.Periodic} {
		for _, after := range []time.Duration{time.Second, 1000 * time.Hour} {
			plan := Plan{Nodes: 1, Node: scripts(script{
				start:   func(env *protocol.Env) { env.SetTimer(after, tag); env.SetTimer(7, 2) },
				timeout: func(env *protocol.Env, _ uint64) { env.CancelTimer(tag) },
			}), Done: func() bool { panic("asked although nothing is pending") }}
			expectEnd(t, plan, Quiet, 7)
		}
	}
}

func TestASyncThatACrashCutOffKeepsNoRunGoing(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{start: func(env *protocol.Env) { env.Sync() }}), Disk: Disk{Sync: time.Minute}}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 9}}
	expectEnd(t, plan, Quiet, 9)
}

func TestUntilEndsARunAfterTheEventsOfThatTime(t *testing.T) {
	plan := Plan{Nodes: 1, Until: 100, Node: scripts(script{
		start:   func(env *protocol.Env) { env.SetTimer(50, 1) },
		timeout: func(env *protocol.Env, _ uint64) { env.SetTimer(50, 1) },
	})}
	if r := expectEnd(t, plan, TimeUp, 100); r.Fired != 2 {
		t.Errorf("%d timers fired, want those of 50 and 100", r.Fired)
	}
}

func TestPeriodicTimersAndWhatFollowsDoNotKeepARunGoing(t *testing.T) {
	plan := Plan{Nodes: 3, Node: scripts(pulse()), Disk: Disk{Sync: time.Millisecond}}
	expectEnd(t, plan, Settled, 0)

	plan.Inputs = []Input{input(1, 10*second, 1, "")}
	expectEnd(t, plan, Settled, 10*second)

	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 20 * second, For: 15 * time.Second}}
	expectEnd(t, plan, Settled, 35*second)

	plan.Faults[0].For = 0
	plan.Faults = append(plan.Faults, fault.Fault{ID: 2, Op: fault.Restart, At: 50 * second})
	expectEnd(t, plan, Settled, 50*second)

	plan.Starts = []protocol.Time{0, 0, 70 * second}
	expectEnd(t, plan, Settled, 70*second)
}

func TestWhatFollowsFromAnInputKeepsARunGoing(t *testing.T) {
	p := pulse()
	p.receive = func(env *protocol.Env, from protocol.NodeID, _ []byte) {
		if from == protocol.Outside {
			env.Sync()
			env.SetTimer(5*time.Second, 2)
		}
	}
	fire := p.timeout
	p.timeout = func(env *protocol.Env, tag uint64) {
		fire(env, tag)
		if tag == 2 {
			env.Send(1, kindT, nil)
		}
	}
	plan := Plan{Nodes: 2, Node: scripts(p), Link: Link{Delay: time.Second}, Disk: Disk{Sync: time.Second}}
	plan.Inputs = []Input{input(1, 10*second, 1, "")}
	expectEnd(t, plan, Settled, 17*second)
}

func TestDoneDecidesWhenOnlyPeriodicTimersRemain(t *testing.T) {
	asked, busyAsked := 0, 0
	var s *Sim
	plan := Plan{Nodes: 10, Node: scripts(pulse()), Inputs: []Input{input(1, 10*second, 0, "")}}
	plan.Done = func() bool {
		asked++
		if s.Now() < 10*second {
			busyAsked++
		}
		return s.Now() >= 60*second
	}
	s = mustNew(t, plan, nil)
	r := s.Run()
	if r.Reason != Settled || r.End < 60*second || r.End > 62*second {
		t.Errorf("run ended at %v: %v; want soon after 1m0s, settled", r.End, r.Reason)
	}
	if busyAsked > 0 {
		t.Errorf("Done was asked %d times while an input was pending", busyAsked)
	}
	if most := int(r.Events)/10 + 2; asked < 10 || asked > most {
		t.Errorf("Done was asked %d times in %d events of 10 nodes, want at most %d", asked, r.Events, most)
	}
	plan.Done = func() bool { return false }
	plan.Until = 100 * second
	expectEnd(t, plan, TimeUp, 100*second)
}

func TestStepsAfterTheEndDoNothing(t *testing.T) {
	c := &collector{want: Everything}
	s := mustNew(t, Plan{Nodes: 1, Node: scripts(script{})}, nil, c)
	want := s.Run()
	for range 3 {
		if s.Step() || s.Advance(5) || s.Run() != want {
			t.Fatal("something happened after the end")
		}
	}
	if c.of(Ended) != 1 || len(c.events) != 2 {
		t.Errorf("observers saw %+v", c.events)
	}
}
