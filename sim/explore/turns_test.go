package explore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// racer runs three workers at each input, as a host of goroutines would: each reads a number,
// takes a lock that does not help, and writes the number plus one.
type racer struct{}

var kindSum = protocol.KindOf("sum")

func (racer) Start(*protocol.Env)                                    {}
func (racer) Receive(env *protocol.Env, _ protocol.NodeID, _ []byte) { race(env) }
func (racer) Timeout(*protocol.Env, uint64)                          {}

func race(env *protocol.Env) {
	type worker struct {
		id    uint64
		value byte // that it has read
		has   bool // read it
	}
	ready, sum, turns := []worker{{id: 1}, {id: 2}, {id: 3}}, byte(0), env.Scheduler()
	for len(ready) > 0 {
		next := 0
		if turns != nil {
			next = int(turns.Order(ready[0].id, uint64(len(ready))))
		}
		w := ready[next]
		ready = slices.Delete(ready, next, next+1)
		if !w.has {
			if w.value, w.has = sum, true; turns != nil && turns.Yield(w.id) {
				ready = append(ready, w)
				continue
			}
		}
		sum = w.value + 1
	}
	env.Output(kindSum, []byte{sum})
}

// raced runs two racers that get inputs by turns.
func raced(t *explore.Trial, src protocol.Source, inputs []uint64, observers ...sim.Observer) sim.Result {
	plan := sim.Plan{Nodes: t.Nodes, Node: func(protocol.NodeID) protocol.Node { return racer{} }, Until: protocol.Time(time.Minute),
		Link: sim.Link{Delay: time.Millisecond}, Faults: fault.Within(t.Faults, t.Nodes)}
	for _, id := range inputs {
		if node := protocol.NodeID(id % 2); !slices.Contains(t.Without, id) && int(node) < t.Nodes {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: id, At: protocol.Time(id+1) * protocol.Time(time.Second), Node: node})
		}
	}
	s, err := sim.New(plan, src, observers...)
	if err != nil {
		panic(err)
	}
	return s.Run()
}

func raceWorld() *explore.World {
	w := &explore.World{MinNodes: 1, Inputs: []uint64{0, 1, 2, 3, 4, 5}}
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		suite := check.Suite{check.Always("no update is lost", sim.Output, func(e *sim.Event) (bool, error) {
			if e.Body[0] != 3 {
				return true, fmt.Errorf("three updates sum to %d", e.Body[0])
			}
			return true, nil
		})}
		r := raced(t, source.NewReplay(t.Answers), w.Inputs, append(suite.Observers(), observers...)...)
		results := suite.Results(r.End)
		return explore.Outcome{Verdict: check.Conclude(results), Checks: results, Sim: r, Digest: r.Digest}
	}
	return w
}

// recordRace returns a run under the answers of a seed, which its answers replay.
func recordRace(t *testing.T, w *explore.World, seed source.Seed, faults []fault.Fault) (*explore.Trial, explore.Outcome) {
	t.Helper()
	trial, rec := &explore.Trial{Nodes: 2, Faults: faults}, &source.Recorder{Source: seed}
	want := raced(trial, rec, w.Inputs)
	trial.Answers = rec.Answers()
	again := w.Try(trial)
	if again.Sim != want {
		t.Fatalf("seed %d: the run ends with %+v, and its replay with %+v", seed, want, again.Sim)
	}
	return trial, again
}

// Orders alone lose no update: a worker writes in the turn in which it reads.
func TestALostUpdateIsShrunkToTheOneYieldThatMatters(t *testing.T) {
	w := raceWorld()
	faults, err := fault.Parse("order 0 at 0s; order 1 at 0s; order 0 at 2s for 2s; crash 1 at 3s for 10ms; heal at 20s; yield 0 20% at 0s; yield 1 20% at 0s for 5s")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for seed := range source.Seed(20) {
		if _, o := recordRace(t, w, seed, faults[:5]); o.Verdict != check.Pass || o.Sim.Faults.Orders == 0 {
			t.Errorf("seed %d: %v without yields, after %d turns out of order", seed, o.Verdict, o.Sim.Faults.Orders)
		}
		trial, o := recordRace(t, w, seed, faults)
		if o.Verdict != check.Violation {
			continue
		}
		failed++
		out, err := explore.Shrink(context.Background(), w, trial, explore.ShrinkOptions{Runs: 2000, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		left := out.After
		var ops []fault.Op
		for i := range left.Faults {
			ops = append(ops, left.Faults[i].Op)
		}
		if !slices.Equal(ops, []fault.Op{fault.Heal, fault.Yield}) || len(left.Without) != 5 || len(left.Answers) != 1 || left.Answers[0].Key.Kind != protocol.KindOf("go.yield") {
			t.Errorf("seed %d: %d answers are shrunk to %+v, with the faults %v and without the inputs %v; want one yield, at one input", seed, len(trial.Answers), left.Answers, left.Faults, left.Without)
		}
	}
	if failed < 5 {
		t.Errorf("vacuous: %d of 20 runs lose an update", failed)
	}
}
