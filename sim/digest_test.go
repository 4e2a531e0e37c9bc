package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stormy is a fixed plan with everything in it.
func stormy() Plan {
	plan := Plan{Nodes: 6, Until: 400, Disk: Disk{Sync: 2, Jitter: 3}}
	plan.Node = func(protocol.NodeID) protocol.Node { return &chaos{nodes: plan.Nodes, plain: true} }
	plan.Link = Link{Delay: 3, Jitter: 9, Loss: protocol.Percent(10), Copy: protocol.Percent(10)}
	for i := range uint64(10) {
		plan.Inputs = append(plan.Inputs, input(i, protocol.Time(20*i), protocol.NodeID(i%6), "\x03"))
	}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, Node: 1, At: 30, After: 2, For: 9}, {ID: 2, Op: fault.Crash, Node: 2, At: 50, For: 20}}
	return plan
}

func TestASeedFixesTheDigest(t *testing.T) {
	seen := make(map[Digest]source.Seed)
	for seed := range source.Seed(20) {
		want := mustNew(t, stormy(), seed).Run()
		if got := mustNew(t, stormy(), seed).Run(); got != want {
			t.Fatalf("seed %d gives %+v, then %+v", seed, want, got)
		}
		if other, ok := seen[want.Digest]; ok {
			t.Errorf("seeds %d and %d give the same digest", seed, other)
		}
		seen[want.Digest] = seed
	}
}

// A run must not depend on what else the process does.
func TestInterleavedRunsDoNotInfluenceEachOther(t *testing.T) {
	const runs = 8
	var alone, together [runs]Result
	for i := range alone {
		alone[i] = mustNew(t, stormy(), source.Seed(i)).Run()
	}
	var sims [runs]*Sim
	for i := range sims {
		sims[i] = mustNew(t, stormy(), source.Seed(i))
	}
	for turn, busy := 0, runs; busy > 0; turn++ {
		busy = 0
		for i := range sims {
			if sims[i].Advance(1 + (turn+i)%5) {
				busy++
			}
		}
	}
	for i := range sims {
		together[i] = sims[i].Result()
	}
	if d := cmp.Diff(alone, together); d != "" {
		t.Errorf("alone and together differ:\n%s", d)
	}
	for i := range slices.Backward(alone[:]) {
		if got := mustNew(t, stormy(), source.Seed(i)).Run(); got != alone[i] {
			t.Errorf("in reverse order seed %d gives %+v, want %+v", i, got, alone[i])
		}
	}
}

func TestTheDigestOfAnUnfinishedRunIsThatOfItsEvents(t *testing.T) {
	plan := stormy()
	plan.Disk = Disk{} // a step that waits for the disk is folded before
	a, b := mustNew(t, plan, source.Seed(1)), mustNew(t, plan, source.Seed(1))
	changes, before := 0, a.Digest()
	for a.Step() && b.Step() {
		if a.Digest() != b.Digest() {
			t.Fatalf("digests differ at event %d", a.Result().Events)
		}
		if a.Digest() != before {
			changes++
		}
		before = a.Digest()
	}
	if n := int(a.Result().Events); n < 500 || changes != n-1 {
		t.Errorf("the digest changed in %d of %d events, want all but the fault that waits for its step", changes, n)
	}
}

// summer is a plan in which three nodes send numbers to the first, which makes
// their sum final: it does not depend on the order of arrival.
func summer(text string) Plan {
	return Plan{Nodes: 4, Link: Link{Delay: 5, Jitter: 1000}, Node: func(id protocol.NodeID) protocol.Node {
		sum, n := 0, 0
		return script{
			start: func(env *protocol.Env) {
				if id > 0 {
					env.Send(0, kindT, []byte{byte(id)})
				}
			},
			receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
				sum += int(msg[0])
				if n++; n == 3 {
					say(env, fmt.Sprint(text, sum))
				}
			},
		}
	}}
}

func TestEachLayerOfTheDigestTellsWhatChanged(t *testing.T) {
	base := mustNew(t, summer("sum "), source.Seed(1)).Run().Digest

	bytes := mustNew(t, summer("total "), source.Seed(1)).Run().Digest
	if bytes.Decisions != base.Decisions || bytes.Network != base.Network || bytes.Outputs == base.Outputs {
		t.Errorf("other bytes of an output change %+v to %+v, want the outputs alone", base, bytes)
	}
	delays := mustNew(t, summer("sum "), source.Seed(2)).Run().Digest
	if delays.Decisions == base.Decisions || delays.Network == base.Network || delays.Outputs != base.Outputs {
		t.Errorf("other delays change %+v to %+v, want all but the outputs", base, delays)
	}
	// Parameters are not folded: only what happened counts.
	plan := summer("sum ")
	plan.Until = protocol.Time(2 * time.Hour)
	plan.Disk.Sync = 5
	if same := mustNew(t, plan, source.Seed(1)).Run().Digest; same != base {
		t.Errorf("parameters without a consequence change %+v to %+v", base, same)
	}
	// Without jitter there is nothing to decide, though there is a network.
	plan.Link.Jitter = 0
	if d := mustNew(t, plan, source.Seed(1)).Run().Digest; d.Decisions != mustNew(t, Plan{Nodes: 4, Node: scripts(script{})}, nil).Run().Digest.Decisions {
		t.Errorf("a run without questions has the decisions %x", d.Decisions)
	}
	if base.Sum() == bytes.Sum() || len(base.String()) != 16 || base.String() == delays.String() {
		t.Errorf("sums are %v, %v, %v", base, bytes, delays)
	}
}

func TestAnswersToNodesAreDecisions(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{start: func(env *protocol.Env) { env.Choose(kindT, 1000) }})}
	a, b := mustNew(t, plan, source.Seed(1)).Run().Digest, mustNew(t, plan, source.Seed(2)).Run().Digest
	if a.Decisions == b.Decisions || a.Network != b.Network || a.Outputs != b.Outputs {
		t.Errorf("another answer changes %+v to %+v, want the decisions alone", a, b)
	}
}

func TestAReplayIsTheRunRecorded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t)
		rec := &source.Recorder{Source: drawSource(t)}
		want := mustNew(t, plan, rec).Run()
		replay := source.NewReplay(rec.Answers())
		if d := cmp.Diff(want, mustNew(t, plan, replay).Run()); d != "" {
			t.Fatalf("the replay differs:\n%s", d)
		}
	})
}
