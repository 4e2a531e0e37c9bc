package explore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"
)

// asked is a Source that notes the questions about turns.
type asked struct {
	protocol.Source
	all []source.Answer
}

func (x *asked) Choose(k protocol.Key, n uint64) uint64 {
	if sim.AsksOfTurns(k.Kind) {
		x.all = append(x.all, source.Answer{Key: k, Range: n})
	}
	return x.Source.Choose(k, n)
}

func (x *asked) Chance(k protocol.Key, p protocol.Ratio) bool {
	if sim.AsksOfTurns(k.Kind) {
		x.all = append(x.all, source.Answer{Key: k})
	}
	return x.Source.Chance(k, p)
}

// turnWorld is raceWorld, which lists the questions about turns.
func turnWorld() *explore.World {
	w := raceWorld()
	w.Turns = func(t *explore.Trial) (explore.Outcome, []source.Answer) {
		src := &asked{Source: source.NewReplay(t.Answers)}
		raced(t, src, w.Inputs)
		return w.Try(t), src.all
	}
	return w
}

// No fault of the trial orders anything: the search adds those that ask.
func TestALostUpdateIsFoundByOneYield(t *testing.T) {
	search := func(workers int, kinds ...string) explore.MisfortuneResult {
		met, err := (&explore.Misfortunes{World: turnWorld(), Trial: &explore.Trial{Nodes: 2}, Kinds: kinds, Nodes: 2, Depth: 1, Runs: 400, Workers: workers}).Search(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return met
	}
	met := search(1, "yield", "order")
	if met.First == nil || len(met.First.Trial.Answers) != 1 || met.First.Trial.Answers[0].Key.Kind != protocol.KindOf("go.yield") || len(met.What) != 1 {
		t.Fatalf("the first failure is %+v, %q", met.First, met.What)
	}
	if again := search(3, "yield", "order"); again.FirstRun != met.FirstRun || again.Runs != met.Runs || again.Failed != met.Failed {
		t.Errorf("with 3 workers %d runs, of which %d fail, the first is %d; with one %d, %d and %d", again.Runs, again.Failed, again.FirstRun, met.Runs, met.Failed, met.FirstRun)
	}
	// Orders alone lose no update.
	if met := search(2, "order"); met.First != nil || !met.Complete || met.Runs < 3 {
		t.Errorf("by orders: %d runs, complete %v, the first failure is %q", met.Runs, met.Complete, met.What)
	}
}

func TestMisfortunesOfOneRunAreNotThoseOfAnother(t *testing.T) {
	search := func(answers []source.Answer) explore.MisfortuneResult {
		met, err := (&explore.Misfortunes{World: turnWorld(), Trial: &explore.Trial{Nodes: 2, Answers: answers}, Kinds: []string{"yield"}, Nodes: 2, Depth: 1, Runs: 400, Workers: 1}).Search(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return met
	}
	want, got := search(nil), search(make([]source.Answer, 0, 8)) // with room that runs could share
	if want.Failed == 0 || got.Failed != want.Failed || got.FirstRun != want.FirstRun {
		t.Errorf("%d runs fail, the first is %d; want %d and %d", got.Failed, got.FirstRun, want.Failed, want.FirstRun)
	}
}

// sluggard adds one to a number at each input: it reads the number, and writes it when it no longer
// stands still.
type sluggard struct{ sum uint64 }

func (*sluggard) Start(*protocol.Env) {}

func (s *sluggard) Receive(env *protocol.Env, _ protocol.NodeID, _ []byte) {
	if turns := env.Scheduler(); turns != nil {
		if d := turns.Stall(1); d > 0 {
			env.SetTimer(d, s.sum)
			return
		}
	}
	s.write(env, s.sum)
}

func (s *sluggard) Timeout(env *protocol.Env, read uint64) { s.write(env, read) }

func (s *sluggard) write(env *protocol.Env, read uint64) {
	s.sum = read + 1
	env.Output(kindSum, []byte{byte(s.sum)})
}

// stallWorld gives a node four inputs, 50 ms apart.
func stallWorld(node func() protocol.Node) *explore.World {
	w := &explore.World{MinNodes: 1, Inputs: []uint64{0, 1, 2, 3}}
	w.Turns = func(t *explore.Trial) (explore.Outcome, []source.Answer) {
		last := byte(0)
		suite := check.Suite{check.Always("each update counts", sim.Output, func(e *sim.Event) (bool, error) {
			if last++; e.Body[0] != last {
				return true, fmt.Errorf("update %d makes it %d", last, e.Body[0])
			}
			return true, nil
		})}
		plan := sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return node() }, Link: sim.Link{Delay: time.Millisecond}, Faults: t.Faults, Until: protocol.Time(time.Minute)}
		for _, id := range w.Inputs {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: id, At: protocol.Time(id+1) * protocol.Time(50*time.Millisecond)})
		}
		src := &asked{Source: source.NewReplay(t.Answers)}
		s, err := sim.New(plan, src, suite.Observers()...)
		if err != nil {
			panic(err)
		}
		r := s.Run()
		results := suite.Results(r.End)
		return explore.Outcome{Verdict: check.Conclude(results), Checks: results, Sim: r, Digest: r.Digest}, src.all
	}
	w.Try = func(t *explore.Trial, _ ...sim.Observer) explore.Outcome {
		o, _ := w.Turns(t)
		return o
	}
	return w
}

// Each of four places is tried for 10 ms first, which changes nothing, then for 100.
func TestAnUpdateThatAnotherOvertakesIsFoundByOneStall(t *testing.T) {
	for _, kinds := range [][]string{{"stall"}, {"yield", "order", "stall"}} {
		met, err := (&explore.Misfortunes{World: stallWorld(func() protocol.Node { return new(sluggard) }), Trial: &explore.Trial{Nodes: 1}, Kinds: kinds, Nodes: 1, Depth: 1, Runs: 400, Workers: 2}).Search(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if met.First == nil || met.FirstRun != 5 || !met.Complete || !slices.Equal(met.What, []string{"go.stall: of node 0, at question 1 of its goroutines' turns, for 100ms"}) {
			t.Errorf("%v: the first failure is run %d, %q; complete %v", kinds, met.FirstRun, met.What, met.Complete)
		}
		if met.Runs != 17 || met.Failed != 6 { // three places each for 100 ms and 1 s
			t.Errorf("%v: %d of %d runs fail, want 6 of 17", kinds, met.Failed, met.Runs)
		}
	}
}

// restless is a sluggard that could yield eight times before it reads, which changes nothing.
type restless struct{ sluggard }

func (r *restless) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	for about := uint64(2); about < 10 && env.Scheduler() != nil; about++ {
		env.Scheduler().Yield(about)
	}
	r.sluggard.Receive(env, from, msg)
}

// The turns get 20 of the runs: fewer than there are yields.
func TestYieldsLeaveRunsForStalls(t *testing.T) {
	met, err := (&explore.Misfortunes{World: stallWorld(func() protocol.Node { return new(restless) }), Trial: &explore.Trial{Nodes: 1}, Kinds: []string{"yield", "stall"}, Nodes: 1, Depth: 1, Runs: 40, Workers: 1}).Search(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if met.First == nil || len(met.What) != 1 || !strings.HasPrefix(met.What[0], "go.stall: ") {
		t.Errorf("after %d runs, the first failure is %q; want that of a stall", met.Runs, met.What)
	}
}
