package twopc

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// gaps fires timers, whose messages are all lost, and returns the times between them.
func (w *world) gaps(n int) (gaps []time.Duration) {
	for range n {
		w.InFlight = nil
		before := w.Now
		w.FireNext()
		gaps = append(gaps, w.Now.Sub(before))
	}
	w.InFlight = nil
	return gaps
}

// doubling returns that many pauses of a rule with 4 doublings.
func doubling(first time.Duration, n int) (pauses []time.Duration) {
	for i := range n {
		pauses = append(pauses, first<<min(i, 4))
	}
	return pauses
}

func TestQuestionsInDoubtHavePausesThatGrowAndBeginAnewWhenTheCoordinatorReturns(t *testing.T) {
	w := newWorld(2)
	w.StartAll()
	w.begin(0, one, "a", 0, 1)
	w.Deliver(0)
	w.Crash(0, steps.Nothing)
	after := w.hosts[1].cfg.AskAfter
	for life := range 2 {
		if got, want := w.gaps(8), doubling(after, 8); !slices.Equal(got, want) {
			t.Errorf("after %d returns a node in doubt asks after pauses of %v, want %v", life, got, want)
		}
		w.Step(1, func(env *protocol.Env) { w.hosts[1].Returned(env, 0) })
	}
	w.heal()
	w.check(t)
}

func TestACommitIsSentAgainAfterPausesThatGrow(t *testing.T) {
	w := newWorld(2)
	w.StartAll()
	for i, id := range []ID{one, two} { // what is acknowledged leaves no pause to the next one
		w.begin(0, id, string(rune('a'+i)), 0, 1)
		w.Deliver(0) // prepare
		w.Deliver(0) // vote
		w.Crash(1, steps.Nothing)
		if got, want := w.gaps(8), doubling(w.hosts[0].cfg.AskAfter, 8); !slices.Equal(got, want) {
			t.Errorf("%v is sent again after pauses of %v, want %v", id, got, want)
		}
		w.Start(1)
		if !w.Settle(8) || w.hosts[0].Open() != 0 {
			t.Errorf("%v does not end when the participant is back:\n%s", id, w.describe())
		}
	}
	w.heal()
	w.check(t)
}
