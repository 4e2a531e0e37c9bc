package backoff_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
)

var again = backoff.Rule{Kind: protocol.KindOf("again"), Doublings: 3, Jitter: protocol.Ratio{Num: 1, Den: 4}}

// The pauses of a node that hears nothing, with benign answers.
func Example() {
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	for tries := range 6 {
		fmt.Print(again.Pause(&env, time.Second, tries), " ")
	}
	fmt.Println("at most", again.Longest(time.Second))
	// Output: 1s 2s 4s 8s 8s 8s at most 10s
}

// most answers every choice with the greatest answer.
type most struct{ protocol.Benign }

func (most) Choose(_ protocol.Key, n uint64) uint64 { return n - 1 }

func TestPausesDoubleUpToTheirBoundAndJitterAddsItsPartAtMost(t *testing.T) {
	var env protocol.Env
	for tries, want := range []time.Duration{1e9, 2e9, 4e9, 8e9, 8e9} {
		env.Enter(0, 1, 0, nil)
		if got := again.Pause(&env, time.Second, tries); got != want {
			t.Errorf("pause %d lasts %v, want %v", tries, got, want)
		}
		env.Enter(0, 1, 0, most{})
		if got := again.Pause(&env, time.Second, tries); got != want+want/4 || got > again.Longest(time.Second) {
			t.Errorf("pause %d lasts %v with the greatest answer, want %v and at most %v", tries, got, want+want/4, again.Longest(time.Second))
		}
	}
}

func TestAPauseOutOfRangeIsRefused(t *testing.T) {
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	for name, f := range map[string]func(){
		"no pause":         func() { again.Pause(&env, 0, 0) },
		"negative tries":   func() { again.Pause(&env, 1, -1) },
		"longer than ever": func() { again.Longest(time.Duration(protocol.MaxTime) / 4) },
		"no jitter":        func() { backoff.Rule{Kind: again.Kind}.Longest(1) },
		"much jitter":      func() { backoff.Rule{Kind: again.Kind, Jitter: protocol.Ratio{Num: 5, Den: 4}}.Longest(1) },
		"many doublings":   func() { backoff.Rule{Kind: again.Kind, Doublings: 17, Jitter: again.Jitter}.Longest(1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is not refused", name)
				}
			}()
			f()
		}()
	}
}
