package explore_test

import (
	"testing"

	"dessim/protocol"
	"dessim/sim"
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
	search := func(workers int, kinds ...string) explore.Met {
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
	search := func(answers []source.Answer) explore.Met {
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
