package sim

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/simtest/fixed"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// entries returns how much the run keeps of pending events: entries of the queue, and
// records of which there is one for each at most.
func entries(s *Sim) (queued, records int) { return s.q.n, int(s.slab.used) }

// A node that sets its timer anew for ever has two live timers, whatever it set before.
func TestTimersThatWereReplacedAreForgotten(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		again func(env *protocol.Env, i uint64)
	}{
		{"one timer", func(env *protocol.Env, _ uint64) { env.SetTimer(day, 2) }},
		{"cancelled", func(env *protocol.Env, i uint64) { env.SetTimer(day, 2+i); env.CancelTimer(2 + i) }},
		{"ever sooner", func(env *protocol.Env, i uint64) { env.SetTimer(day-time.Duration(i)*time.Minute/1000, 2) }},
		{"each another tag", func(env *protocol.Env, i uint64) { env.SetTimer(day, 2+i); env.CancelTimer(1 + i) }},
	} {
		i := uint64(0)
		plan := Plan{Nodes: 1, Until: protocol.Time(300_000 * time.Millisecond)}
		plan.Node = scripts(script{start: func(env *protocol.Env) { env.SetTimer(1, 1) }, timeout: func(env *protocol.Env, _ uint64) {
			env.SetTimer(time.Millisecond, 1)
			i++
			c.again(env, i)
		}})
		s := mustNew(t, plan, nil)
		for most := 3 * purgeMin; s.Advance(1000); {
			if queued, records := entries(s); queued > most || records > most {
				t.Fatalf("%s: after %d times, %d entries are queued and %d records are in use, want at most %d", c.name, i, queued, records, most)
			}
			if n := len(s.timers[0].slots); n > 64 {
				t.Fatalf("%s: after %d times, the table of 2 timers has %d places, want at most 64", c.name, i, n)
			}
		}
		if i < 299_999 {
			t.Errorf("%s: vacuous: %d times", c.name, i)
		}
	}
}

// What a purge costs is paid by the events it takes out.
func TestTheQueueHasAtMostTwiceAsManyEntriesAsEventsThatWillHappen(t *testing.T) {
	const many = 20_000
	i := uint64(0)
	plan := Plan{Nodes: 1, Until: protocol.Time(100 * time.Second)}
	plan.Node = scripts(script{start: func(env *protocol.Env) {
		for tag := range uint64(many) {
			env.SetTimer(time.Hour, 2+tag)
		}
		env.SetTimer(1, 1)
	}, timeout: func(env *protocol.Env, _ uint64) {
		env.SetTimer(time.Millisecond, 1)
		env.SetTimer(time.Hour, 2+protocol.Hash2(i, 0)%many)
		i++
	}})
	s := mustNew(t, plan, nil)
	purged, before := 0, 0
	for s.Step() {
		if s.dead < before {
			purged++
		}
		before = s.dead
		if live := s.live[0] + s.live[1]; s.q.n > 2*live+purgeMin+1 {
			t.Fatalf("after %d times, the queue has %d entries for %d events", i, s.q.n, live)
		}
	}
	if want := int(i) / many; purged < 1 || purged > want {
		t.Errorf("purged %d times for %d cancelled timers, want 1 to %d: one for as many as are live", purged, i, want)
	}
}

func TestAnIdleFIFOLinkIsForgotten(t *testing.T) {
	const nodes = 100
	sent := 0
	plan := Plan{Nodes: nodes, Link: Link{Delay: 10, FIFO: true}, Until: 100_000}
	// One message is on its way, each over another link.
	plan.Node = scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
		sent++
		env.Send(protocol.NodeID(protocol.Hash2(uint64(sent), 0)%nodes), kindT, nil)
	}})
	plan.Inputs = []Input{input(1, 0, 0, "")}
	s := mustNew(t, plan, nil)
	for s.Step() {
		if n := len(s.net.last); n > 65 {
			t.Fatalf("after %d messages, %d links are remembered, want at most 65", sent, n)
		}
	}
	if sent < 9_000 {
		t.Errorf("vacuous: %d messages", sent)
	}
}

// A log of which the old half is discarded now and then takes the memory of what is kept.
func TestDiscardedRecordsAreForgotten(t *testing.T) {
	i := uint64(0)
	plan := Plan{Nodes: 1, Until: protocol.Time(20_000 * time.Millisecond)}
	plan.Node = scripts(script{start: func(env *protocol.Env) { env.SetTimer(1, 1) }, timeout: func(env *protocol.Env, _ uint64) {
		env.SetTimer(time.Millisecond, 1)
		env.Persist([]byte("a record"))
		if i++; i > 100 {
			env.Discard(i - 100)
		}
		env.Sync()
	}})
	s := mustNew(t, plan, nil)
	for s.Step() {
		if x := s.coldAt(0); x != nil && x.disk != nil && (len(x.disk.recs) > 101 || cap(x.disk.recs) > 512) {
			d := x.disk
			t.Fatalf("after %d records, %d of 100 are kept in %d places", i, len(d.recs), cap(d.recs))
		}
	}
	if i < 19_999 {
		t.Errorf("vacuous: %d records", i)
	}
}

func TestPurgingTheQueueChangesNothing(t *testing.T) {
	purged := 0
	property := func(t *rapid.T) {
		plan, src := drawPlan(t), drawSource(t)
		run := func(often uint64) (Result, string) {
			trace := new(Trace)
			s, err := New(plan, src, trace)
			if err != nil {
				t.Fatal(err)
			}
			for more := true; more; more = s.Step() {
				if often > 0 && s.result.Events%often == 0 {
					purged += s.dead
					s.purge()
				}
			}
			return s.Result(), trace.String()
		}
		want, wantTrace := run(0)
		got, trace := run(rapid.Uint64Range(1, 5).Draw(t, "often"))
		if d := cmp.Diff(want, got); d != "" || trace != wantTrace {
			t.Fatalf("sweeping changes the run:\n%s\n%s", d, firstDifference(trace, wantTrace))
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if purged == 0 {
		t.Error("vacuous: nothing was ever purged")
	}
}
