package explore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"
)

// TestEveryOrderHoldsThoseOfAllDelays compares outcomes: what any delays come to, the
// adversary comes to without delays.
func TestEveryOrderHoldsThoseOfAllDelays(t *testing.T) {
	more, orders := 0, 0
	property := func(t *rapid.T) {
		toys := toy{salt: rapid.Uint64().Draw(t, "salt"), ordered: rapid.Bool().Draw(t, "ordered"), still: true}
		plan := sim.Plan{
			Nodes: 3,
			Node: func(protocol.NodeID) protocol.Node {
				n := toys
				return &n
			},
			Link:  sim.Link{Delay: 1, Jitter: 2, FIFO: rapid.Bool().Draw(t, "FIFO")},
			Until: 1000,
		}
		for i := range uint64(rapid.IntRange(1, 2).Draw(t, "inputs")) {
			v := byte(rapid.IntRange(1, 2).Draw(t, "input"))
			plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: 1, Node: protocol.NodeID(i), Body: []byte{v}})
		}
		delays := newWorld(plan)
		delays.Merge, delays.Timeless, delays.Runs = true, true, 2000
		some, r := delays.search()
		if !r.Complete {
			return
		}
		every := newWorld(explore.Adversary{AnyOrder: true}.Plan(plan))
		every.Merge, every.Timeless = true, true
		all, _ := every.search()
		for _, outcome := range some {
			if !slices.Contains(all, outcome) {
				t.Fatalf("%d of %d outcomes, but not all that delays come to", len(all), len(some))
			}
		}
		orders++
		more += len(all) - len(some)
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if more == 0 {
		t.Error("delays come to all: that shows nothing")
	}
	t.Logf("%d worlds, %d outcomes more than by delays", orders, more)
}

// does does this when it receives the input, and outputs what it has on disk when it
// comes back.
type does func(env *protocol.Env)

func (d does) Start(env *protocol.Env) {
	if env.Incarnation() > 1 {
		n := 0
		for range env.Records() {
			n++
		}
		env.Output(kindToy, fmt.Append(nil, "back with ", n))
	}
}
func (d does) Receive(env *protocol.Env, _ protocol.NodeID, _ []byte) { d(env) }
func (d does) Timeout(*protocol.Env, uint64)                          {}

func TestANodeCrashesBeforeAndAfterAllThatLasts(t *testing.T) {
	plan := sim.Plan{
		Nodes: 1,
		Node: func(protocol.NodeID) protocol.Node {
			return does(func(env *protocol.Env) {
				env.Persist([]byte("a"))
				env.SetTimer(1, 1)
				env.Sync()
				env.Output(kindToy, []byte("done"))
			})
		},
		Link:   sim.Link{Delay: 1},
		Inputs: []sim.Input{{ID: 1, At: 1}},
		Until:  100,
	}
	var runs []string
	x := explore.Small{Values: func(k protocol.Key, _ uint64) []uint64 {
		if k.Kind == protocol.KindOf("disk.tear") {
			return []uint64{0}
		}
		return nil
	}}
	x.Make = func(protocol.Source) (sim.Plan, check.Suite, []sim.Observer) {
		said := ""
		return explore.Adversary{Crashes: []time.Duration{5}}.Plan(plan), check.Suite{
			check.Always("says", sim.Output, func(e *sim.Event) (bool, error) {
				if e.Kind == kindToy {
					said += string(e.Body) + "; "
				}
				return true, nil
			}),
			check.Finally("all is said", func() (uint64, error) {
				runs = append(runs, said)
				return 1, nil
			}),
		}, nil
	}
	r := x.Exhaust(context.Background())
	want := []string{
		"done; ",              // no crash
		"done; back with 1; ", // after the output
		"back with 1; ",       // after the sync
		"back with 0; ",       // after the record was written, and lost
		"back with 1; ",       // or not
		"back with 0; ",       // before the step
	}
	if !slices.Equal(runs, want) || !r.Complete || r.Verdict() != check.Pass {
		t.Errorf("%v: runs %q, want %q", &r, runs, want)
	}
}

// A seed answers what the adversary asks as it does all else.
func TestAPlanUnderAnAdversaryRunsUnderASeed(t *testing.T) {
	plan := explore.Adversary{AnyOrder: true, Crashes: []time.Duration{5}}.Plan(sim.Plan{
		Nodes:  3,
		Node:   func(protocol.NodeID) protocol.Node { return &toy{salt: 5, still: true} },
		Link:   sim.Link{Delay: 1},
		Inputs: []sim.Input{{ID: 1, At: 1, Body: []byte{0}}},
		Until:  1000,
	})
	digests := make(map[sim.Digest]bool)
	for seed := range uint64(50) {
		s, err := sim.New(plan, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		digests[s.Run().Digest] = true
		if _, ok := explore.Unwrap(s.Node(0)).(*toy); !ok {
			t.Fatalf("Unwrap returns a %T", explore.Unwrap(s.Node(0)))
		}
	}
	if len(digests) < 2 {
		t.Error("all seeds come to one run")
	}
}
