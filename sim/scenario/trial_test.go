package scenario_test

import (
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

func TestATrialIsTheRunThatItWasRecordedFrom(t *testing.T) {
	failed, sooner := 0, 0
	s := counting()
	for seed := range uint64(50) {
		w := s.World(seed, s.Defaults)
		want, trial := w.Seed(seed, nil, true)
		got := w.Try(trial)
		if got.Digest != want.Digest || got.Check() != want.Check() {
			t.Fatalf("seed %d: the trial gives %v %q, the seed %v %q", seed, got.Digest, got.Check(), want.Digest, want.Check())
		}
		if !want.Failed() {
			continue
		}
		failed++
		g := w.Fails(trial, explore.Guard{Check: "counts grow"})
		if !g.Fails || g.Events > want.Sim.Events {
			t.Errorf("seed %d: guarded it fails: %v, after %d events of %d", seed, g.Fails, g.Events, want.Sim.Events)
		}
		if g.Events < want.Sim.Events {
			sooner++
		}
		if g := w.Fails(trial, explore.Guard{Check: "another"}); g.Fails {
			t.Errorf("seed %d: it fails by a check that there is not", seed)
		}
		less := *trial
		less.Answers = g.Used()
		if o := w.Try(&less); !o.Fails(explore.Guard{Check: "counts grow"}) {
			t.Errorf("seed %d: without the answers that it did not use it passes", seed)
		}
	}
	if failed == 0 {
		t.Error("no seed fails: the test is vacuous")
	}
	s.Own[0] = scenario.Int("inputs", 90, 0, 100, "so many that a run goes on after its failure")
	s.Own[1] = scenario.Duration("pause", 100*time.Millisecond, time.Millisecond, time.Hour, "between inputs")
	for seed := range uint64(20) {
		w := s.World(seed, s.Defaults)
		want, trial := w.Seed(seed, nil, true)
		if g := w.Fails(trial, explore.Guard{Check: "counts grow"}); g.Fails && g.Events < want.Sim.Events {
			sooner++
		}
	}
	if sooner == 0 {
		t.Error("no guarded run ends sooner: the test is vacuous")
	}
}

func TestTrialsWithoutInputsAndNodesAreRunAsTold(t *testing.T) {
	s := counting()
	w := s.World(1, s.Defaults)
	if d := cmp.Diff([]uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, w.Inputs); d != "" || w.MinNodes != 1 {
		t.Errorf("at least %d nodes, inputs %s", w.MinNodes, d)
	}
	all := w.Try(&explore.Trial{Nodes: 2})
	if less := w.Try(&explore.Trial{Nodes: 2, Without: []uint64{3, 4}}); all.Sim.Outputs != 20 || less.Sim.Outputs != 16 {
		t.Errorf("%d outputs, and %d without two of ten inputs; want 20 and 16", all.Sim.Outputs, less.Sim.Outputs)
	}
	crash := []fault.Fault{{ID: 1, Op: fault.Crash, Node: 1, At: 1e9, For: 1e9}}
	if o := w.Try(&explore.Trial{Nodes: 1, Faults: crash}); o.Sim.Crashes != 0 {
		t.Error("a fault of a node that was taken away hits its successor")
	}
	if o := w.Try(&explore.Trial{Nodes: 2, Faults: []fault.Fault{{ID: 1, Op: fault.Crash, Node: 9, At: 1}}}); o.Verdict != check.Inconclusive {
		t.Errorf("a plan that cannot run is %v, want inconclusive", o.Verdict)
	}
	p := s.Defaults
	p.Faults, p.Fault = "", "crash 0 at 1500ms for 1s"
	if r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{}); r.Sim.Crashes != 1 || r.Sim.Dropped == 0 {
		t.Errorf("the fault that was told crashes %d times, %d messages are dropped; want 1 and some", r.Sim.Crashes, r.Sim.Dropped)
	}
}

// broken panics at its first message.
type broken struct{}

func (broken) Start(*protocol.Env)                            {}
func (broken) Receive(*protocol.Env, protocol.NodeID, []byte) { panic(errors.New("cannot count")) }
func (broken) Timeout(*protocol.Env, uint64)                  {}

// one returns a scenario of one node, which gets one input.
func one(make func() protocol.Node) *scenario.Scenario {
	return &scenario.Scenario{Name: "broken", Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Second}, Build: func(b *scenario.Setup) *scenario.Run {
		return &scenario.Run{Plan: sim.Plan{
			Nodes:  1,
			Node:   func(protocol.NodeID) protocol.Node { return make() },
			Link:   sim.Link{Delay: 1},
			Until:  1,
			Inputs: []sim.Input{{ID: 0, At: 1}},
		}}
	}}
}

func TestANodeThatPanicsViolatesTheRunWithItsPlace(t *testing.T) {
	s := one(func() protocol.Node { return broken{} })
	o, _ := s.World(1, s.Defaults).Seed(1, nil, true)
	c := o.Violated()
	if !o.Failed() || o.Failure != "" || c.Name != explore.Panicked || c.Step != 2 || c.At != 1 {
		t.Errorf("%+v", o)
	}
	if !regexp.MustCompile(`^node 0 panicked \(receives an input\): cannot count, at dessim/sim/scenario/trial_test.go:\d+ broken\.Receive$`).MatchString(c.Detail) {
		t.Errorf("the sentence is %q", c.Detail)
	}
	if want := explore.Panicked + ": " + o.Panic.Frames[0]; o.Signature() != want || len(o.Panic.Frames) != 1 {
		t.Errorf("signature %q, want %q; frames %q", o.Signature(), want, o.Panic.Frames)
	}
	r, ok := s.Execute(1, s.Defaults, protocol.Benign{}, scenario.Options{})
	if !ok || r.Verdict != check.Violation || len(r.Nodes) != 1 || r.Sim.Events == 0 {
		t.Errorf("ok %v: %+v; want the rows of the nodes, which tell how far it came", ok, r)
	}
}

func TestAMessageToNoNodeIsAWarning(t *testing.T) {
	s := counting() // whose only node tells a neighbour that it does not have
	r, _ := s.Execute(1, scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute}, protocol.Benign{}, scenario.Options{})
	want := []string{"messages to nodes that do not exist: 10, the first by node 0 to node 1: told at step 2, 1000.000000 ms"}
	if !slices.Equal(r.Warnings(), want) || r.Verdict != check.Pass || r.Strict() != check.Inconclusive {
		t.Errorf("verdict %v, strictly %v, warnings %q; want a pass with %q", r.Verdict, r.Strict(), r.Warnings(), want)
	}
	p := s.Defaults
	p.Faults = ""
	if r, _ = s.Execute(1, p, protocol.Benign{}, scenario.Options{}); len(r.Warnings()) > 0 {
		t.Errorf("warnings %q, want none: every message has a node", r.Warnings())
	}
}

// quitter ends its goroutine at its first message, as a node does that calls t.FailNow.
type quitter struct{ broken }

func (quitter) Receive(*protocol.Env, protocol.NodeID, []byte) { runtime.Goexit() }

func TestANodeThatEndsItsGoroutineIsAPanicOfTheNode(t *testing.T) {
	s := one(func() protocol.Node { return quitter{} })
	r, ok := s.Execute(1, s.Defaults, protocol.Benign{}, scenario.Options{})
	if !ok || r.Verdict != check.Violation || !strings.Contains(r.Checks[0].Detail, "runtime.Goexit") || !strings.Contains(r.Checks[0].Detail, " quitter.Receive") {
		t.Errorf("ok %v: %+v", ok, r)
	}
}

func TestAnObserverThatPanicsIsNoFindingAboutANode(t *testing.T) {
	s := one(func() protocol.Node { return quitter{} })
	r, ok := s.Execute(1, s.Defaults, protocol.Benign{}, scenario.Options{Observers: []sim.Observer{panicking{}}})
	o := r.Outcome()
	if !ok || r.Verdict != scenario.Failed || o.Check() != explore.Unbroken || o.Judgement() != explore.Failed || !strings.Contains(r.Failure, " panicking.Observe") {
		t.Errorf("ok %v: %+v", ok, r)
	}
}

// panicking is an observer that panics.
type panicking struct{}

func (panicking) Watch() sim.What    { return sim.Received }
func (panicking) Observe(*sim.Event) { panic("cannot see") }

// storm sends itself ever more.
type storm struct{ protocol.Node }

func (storm) Start(env *protocol.Env) { env.SetTimer(1, 0) }
func (storm) Timeout(env *protocol.Env, _ uint64) {
	env.SetTimer(1, 0)
	env.Send(1, protocol.KindOf("twice"), nil)
	env.Send(1, protocol.KindOf("twice"), nil)
	env.Output(protocol.KindOf("once"), nil)
}
func (storm) Receive(*protocol.Env, protocol.NodeID, []byte) {}

func TestARunThatFillsItsEventsIsInconclusiveAndSaysOfWhat(t *testing.T) {
	s := one(func() protocol.Node { return storm{} })
	build := s.Build
	s.Build = func(b *scenario.Setup) *scenario.Run {
		run := build(b)
		run.Plan.Nodes, run.Plan.Until = 2, protocol.MaxTime
		run.Checks = check.Suite{check.Always("all is well", sim.Fired, func(*sim.Event) (bool, error) { return true, nil })}
		return run
	}
	p := s.Defaults
	var digest sim.Digest
	for range 2 {
		if err := s.Set(&p, "events", "1000"); err != nil {
			t.Fatal(err)
		}
		r, ok := s.Execute(1, p, protocol.Benign{}, scenario.Options{})
		ended := r.Checks[0]
		if !ok || r.Verdict != check.Inconclusive || r.Sim.Events != 1000 || r.Sim.Reason != sim.Bounded || ended.Name != explore.Ends || r.Checks[1].Verdict != check.Pass {
			t.Fatalf("ok %v: %+v", ok, r)
		}
		if !regexp.MustCompile(`^its bound of 1000 events was reached; the most frequent sends, outputs, timers and syncs: twice \d+ \(50%\), (timers|output once) \d+ \((24|25)%\), `).MatchString(ended.Detail) {
			t.Errorf("it says %q", ended.Detail)
		}
		if digest != (sim.Digest{}) && digest != r.Sim.Digest {
			t.Errorf("digests %v and %v", digest, r.Sim.Digest)
		}
		digest = r.Sim.Digest
		if o := r.Outcome(); o.Counts[0] != (explore.Count{Name: "ended by -events", N: 1}) {
			t.Errorf("a sweep adds up %v", o.Counts)
		}
	}
}

func TestARunWithoutItsBoundIsTheSameWithIt(t *testing.T) {
	s := one(func() protocol.Node { return storm{} })
	p := s.Defaults
	free, _ := s.Execute(1, p, protocol.Benign{}, scenario.Options{})
	p.Events = free.Sim.Events
	if r, _ := s.Execute(1, p, protocol.Benign{}, scenario.Options{}); r.Sim != free.Sim {
		t.Errorf("with a bound of all its events it is %+v, without %+v", r.Sim, free.Sim)
	}
}
