package explore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// register is a node that tells all of what it is told to write, and keeps what it
// heard last: nothing orders the writes.
type register struct{ last string }

func (r *register) Start(*protocol.Env) {}

func (r *register) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	r.last = string(msg)
	for to := range protocol.NodeID(3) {
		if from == protocol.Outside && to != env.ID() {
			env.Send(to, kindToy, msg)
		}
	}
	env.Output(kindToy, msg)
}

func (r *register) Timeout(*protocol.Env, uint64) {}
func (r *register) AppendState(b []byte) []byte   { return append(b, r.last...) }

// registers is a scenario of three registers.
func registers() *scenario.Scenario {
	return &scenario.Scenario{
		Name: "registers", Defaults: scenario.Params{Nodes: 3},
		Exhaust: &scenario.Exhaust{
			Small:     explore.Small{Merge: true, Timeless: true, Most: 1, Free: func(k protocol.Key) bool { return k.Kind != explore.KindCrash }},
			Adversary: explore.Adversary{AnyOrder: true, Crashes: []time.Duration{time.Second}},
		},
		Build: func(*scenario.Setup) *scenario.Run { return registered() },
	}
}

func registered() *scenario.Run {
	var last [3]string
	plan := sim.Plan{
		Nodes: 3,
		Node:  func(protocol.NodeID) protocol.Node { return new(register) },
		Link:  sim.Link{Delay: time.Millisecond},
		Until: protocol.Time(time.Minute),
	}
	for i := range uint64(3) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: 1, Node: protocol.NodeID(i % 2), Body: []byte{'a' + byte(i)}})
	}
	return &scenario.Run{Plan: plan, Checks: check.Suite{
		check.Always("outputs", sim.Output, func(e *sim.Event) (bool, error) {
			if e.Kind == kindToy {
				last[e.Node] = string(e.Body)
			}
			return true, nil
		}),
		check.Eventually("all hold the same", 0, func() (uint64, error) {
			if last[0] != last[1] || last[1] != last[2] {
				return 1, errors.New("they hold " + strings.Join(last[:], " "))
			}
			return 1, nil
		}),
	}}
}

// What a search finds is a Trial like any other: a World makes its run again, and
// takes away what it fails without.
func TestWhatASearchFindsIsShrunkAndReplayed(t *testing.T) {
	told := 0
	s := registers()
	x, p := s.SmallWorld(1, s.Defaults)
	x.Failures, x.Tell = 3, func(int) { told++ }
	r := x.Exhaust(context.Background())
	if r.First == nil || r.Failed != 3 || r.Complete || told == 0 || r.Verdict() != check.Violation {
		t.Fatalf("%v, told %d times; want 3 failures, and no more", &r, told)
	}
	if want := "not all runs with messages in any order and at most 1 fault or loss; 3 failed"; !strings.HasSuffix(r.String(), want) {
		t.Errorf("%q, want it to end %q", r.String(), want)
	}
	w := s.World(1, p)
	again := w.Try(r.First.Trial)
	if again.Digest != r.First.Outcome.Digest || again.Check() != "all hold the same" {
		t.Fatalf("the trial comes to %v, and fails %q; in the search to %v", again.Digest, again.Check(), r.First.Outcome.Digest)
	}
	shrunk, err := explore.Shrink(context.Background(), w, r.First.Trial, explore.ShrinkOptions{Runs: 500, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if after := shrunk.After; len(after.Faults) != 0 || len(after.Without) < 1 || len(after.Answers) > 2 {
		t.Errorf("shrunk to %d faults, %d inputs left out, answers %v; want two writes in two orders", len(after.Faults), len(after.Without), after.Answers)
	}
}
