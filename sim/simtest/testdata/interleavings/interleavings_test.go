package interleavings

import (
	"strings"
	"testing"

	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/story"
)

// In the order of arrival, no mistake shows.
func TestByArrivalEveryJobEndsWell(t *testing.T) {
	for _, s := range All() {
		x := subject(t, "-scenario "+s.Name+" -faults none")
		for seed := range uint64(20) {
			if out, _ := x.World().Seed(seed, nil, false); out.Failed() {
				t.Errorf("%s, seed %d: %s", s.Name, seed, out.Check())
			}
		}
	}
}

// Each mistake is found within a hundred seeds, shrunk to at most three answers, and told with the
// goroutine and the line.
func TestEachMistakeIsFoundAndShrunk(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			x := subject(t, "-scenario "+s.Name)
			w := x.World()
			for seed := uint64(1); seed <= 100; seed++ {
				if out, _ := w.Seed(seed, nil, false); !out.Failed() {
					continue
				}
				x.Seed = seed
				w = x.World() // whose trials have that salt
				_, trial := w.Seed(seed, nil, true)
				shrunk, err := explore.Shrink(t.Context(), w, trial, explore.ShrinkOptions{Runs: 2000, Workers: 1})
				if err != nil {
					t.Fatal(err)
				}
				if n := len(shrunk.After.Answers); n < 1 || n > 3 {
					t.Errorf("seed %d is shrunk to %d answers, want 1 to 3", seed, n)
				}
				told, _, _ := story.OfTrial(x, shrunk.After, &shrunk.Is, story.About{}, nil)
				if text := strings.Join(told.Lines(), "\n"); !strings.Contains(text, "goroutine "+how(s).begun) || !strings.Contains(text, how(s).does) || !strings.Contains(text, " at interleavings/bugs.go:") {
					t.Errorf("the story of seed %d does not say which goroutine yields or stalls where:\n%s", seed, text)
				}
				return
			}
			t.Error("no seed of 1 to 100 fails")
		})
	}
}

// shown is how a mistake shows.
type shown struct {
	kinds   []string // of misfortunes, one of which brings it about
	answers int      // of that one
	begun   string   // where its goroutine was begun
	does    string   // what that does, in the words of a story
}

func how(s *scenario.Scenario) shown {
	if s.Name == "overtaken" {
		return shown{[]string{"stall"}, 2, "interleavings/interleavings.go:", " stalls for "}
	}
	return shown{[]string{"yield", "order"}, 1, "interleavings/bugs.go:", " yields at interleavings/bugs.go:"}
}

// A search that adds one misfortune to a run by arrival finds each mistake.
func TestEachMistakeIsOneTurnFromTheRunByArrival(t *testing.T) {
	for _, s := range All() {
		x := subject(t, "-scenario "+s.Name)
		search := x.Scenario.Misfortunes(nil, x.Seed, x.Params)
		search.Kinds, search.Runs, search.Failures = how(s).kinds, 1000, 1
		met, err := search.Search(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if met.First == nil || len(met.What) != 1 || len(met.First.Trial.Answers) != how(s).answers {
			t.Errorf("%s: %d runs, and the first failure is %+v, by %q; want one misfortune of %d answers", s.Name, met.Runs, met.First, met.What, how(s).answers)
		}
	}
}

func subject(t *testing.T, flags string) scenario.Subject {
	t.Helper()
	x, err := scenario.ParseSubject(All(), flags)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
