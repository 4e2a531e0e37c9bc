package scenarios_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/swarm"
)

// echo answers whoever asks, and says so.
type echo struct{}

func (echo) Start(*protocol.Env) {}

func (echo) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	env.Output(protocol.KindOf("heard"), msg)
	if from == protocol.Outside {
		env.Send(1-env.ID(), protocol.KindOf("echo"), msg)
	}
}

func (echo) Timeout(*protocol.Env, uint64) {}

// echoing is a scenario as somebody else would write it.
func echoing() *scenarios.Scenario {
	return scenarios.New(scenarios.Scenario{
		Name: "echo", Shows: "a node hears itself", MinNodes: 2, MaxNodes: 2,
		Defaults: scenarios.Params{Nodes: 2, Txs: 3, Delay: time.Millisecond, Until: time.Minute, Faults: "crash"},
		Unused:   []string{"order", "abort"},
	}, func(_ uint64, p scenarios.Params, src protocol.Source) (sim.Plan, check.Suite) {
		plan := sim.Plan{
			Nodes: p.Nodes,
			Node:  func(protocol.NodeID) protocol.Node { return echo{} },
			Link:  sim.Link{Delay: p.Delay, Jitter: p.Jitter, Loss: p.Loss, Copy: p.Copy},
			Until: protocol.Time(p.Until),
		}
		for i := range uint64(p.Txs) {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(time.Second)})
		}
		plan.Faults = p.Storm(src, swarm.Config{Nodes: []protocol.NodeID{0, 1}, From: 1, To: protocol.Time(10 * time.Second), Delay: time.Millisecond, Most: 4})
		return plan, check.Suite{check.Sometimes("somebody hears something", check.EachRun, sim.Output, func(*sim.Event) bool { return true })}
	})
}

func ExampleNew() {
	s := echoing()
	p := s.Defaults
	p.Faults = ""
	r, _ := s.Execute(1, p, source.Seed(1), scenarios.Options{})
	fmt.Println(r.Verdict, r.Sim.Outputs, len(r.Nodes))
	// Output: pass 6 2
}

func TestASearchTakesThingsAwayFromSomebodyElsesScenario(t *testing.T) {
	s := echoing()
	if err := s.Validate(&s.Defaults); err != nil {
		t.Fatal(err)
	}
	crashes := uint64(0)
	for seed := range uint64(20) {
		w := s.World(seed, s.Defaults)
		want, trial := w.Seed(seed, nil, true)
		crashes += want.Sim.Crashes
		if got := w.Try(trial); got.Digest != want.Digest {
			t.Fatalf("seed %d: the trial gives %v, the seed %v", seed, got.Digest, want.Digest)
		}
		trial.Faults = []fault.Fault{}
		if got := w.Try(trial); got.Sim.Crashes != 0 || got.Sim.Outputs != 6 {
			t.Fatalf("seed %d: without faults %d crashes, %d outputs; want none and 6", seed, got.Sim.Crashes, got.Sim.Outputs)
		}
		trial.Without = []uint64{1}
		if got := w.Try(trial); got.Sim.Outputs != 4 {
			t.Fatalf("seed %d: without an input %d outputs, want 4", seed, got.Sim.Outputs)
		}
	}
	if crashes == 0 {
		t.Error("no seed has crashes: the test is vacuous")
	}
	p := s.Defaults
	p.Faults, p.Fault = "", "crash 0 at 500ms for 1s"
	if r, _ := s.Execute(1, p, source.Seed(1), scenarios.Options{}); r.Sim.Crashes != 1 || r.Sim.Dropped != 1 {
		t.Errorf("the fault that was told crashes %d times, %d inputs are dropped; want 1 and 1", r.Sim.Crashes, r.Sim.Dropped)
	}
}
