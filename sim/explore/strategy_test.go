package explore

import (
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

func delayKey(from, to protocol.NodeID, n uint64) protocol.Key {
	return protocol.Key{Kind: protocol.KindOf("net.delay"), A: from, B: to, N: protocol.Hash2(n, 1)}
}

func TestStrategiesHaveNamesThatReadBack(t *testing.T) {
	for _, s := range Strategies() {
		if got, err := ParseStrategy(s.String()); got != s || err != nil {
			t.Errorf("%v reads back as %v, %v", s, got, err)
		}
	}
	if _, err := ParseStrategy("rando"); err == nil {
		t.Error("rando is a strategy")
	}
}

// Equal questions get equal answers, whatever was asked between.
func TestEveryStrategyAnswersByName(t *testing.T) {
	for _, s := range Strategies() {
		for seed := range uint64(50) {
			src := s.Source(SeedRun{Seed: seed, Ancestors: []uint64{3, 9}[:seed%3]})
			var first []uint64
			for round := range 2 {
				for i := range uint64(200) {
					k := delayKey(protocol.NodeID(i%5), protocol.NodeID(i%3), i)
					a := src.Choose(k, 1000)
					if src.Chance(protocol.Key{Kind: protocol.KindOf("net.loss"), N: i}, protocol.Percent(20)) {
						a += 1000
					}
					if round == 0 {
						first = append(first, a)
					} else if first[i] != a {
						t.Fatalf("%v, seed %d: question %d is answered %d, then %d", s, seed, i, first[i], a)
					}
				}
			}
		}
	}
}

func TestSwarmedSeedsRuleOutHalfOfTheKinds(t *testing.T) {
	kinds := []protocol.Kind{protocol.KindOf("net.loss"), protocol.KindOf("abort"), protocol.KindOf("f.crash")}
	const seeds = 1000
	for _, drawn := range []bool{false, true} {
		out := make([]int, len(kinds))
		for seed := range uint64(seeds) {
			src := Swarm.Source(SeedRun{Seed: seed})
			if drawn {
				src.Chance(protocol.Key{Kind: protocol.KindOf("f.on")}, protocol.Percent(50))
			}
			for i, kind := range kinds {
				any := false
				for n := range uint64(100) {
					any = src.Chance(protocol.Key{Kind: kind, N: n}, protocol.Percent(20)) || any
				}
				if !any {
					out[i]++
				}
			}
		}
		for i, kind := range kinds {
			low, high := seeds*2/5, seeds*3/5
			if drawn && i == 2 {
				low, high = 0, 0 // package swarm drew it
			}
			if out[i] < low || out[i] > high {
				t.Errorf("faults drawn as a swarm: %v: %v is ruled out in %d of %d seeds", drawn, kind, out[i], seeds)
			}
		}
	}
}

// In a run without change points each link is slow or fast from beginning to end; all
// seeds together have both, and links that change sides, at most five times.
func TestPrioritiesMakeLinksSlowOrFast(t *testing.T) {
	const most = 1000
	var slow, fast, changed int
	for seed := range uint64(300) {
		src := PCT.Source(SeedRun{Seed: seed})
		changes, last := 0, make(map[[2]protocol.NodeID]uint64)
		for n := range uint64(5000) {
			link := [2]protocol.NodeID{protocol.NodeID(n % 5), protocol.NodeID(n / 5 % 5)}
			a := src.Choose(delayKey(link[0], link[1], n), most)
			if before, known := last[link]; known && before != a {
				changes++
			}
			last[link] = a
			switch a {
			case 0:
				fast++
			case most - 1:
				slow++
			default:
				t.Fatalf("seed %d: delay %d, want 0 or %d", seed, a, most-1)
			}
		}
		if changes > 5 {
			t.Errorf("seed %d: links change sides %d times", seed, changes)
		}
		changed += changes
	}
	if slow < fast/10 || fast < slow || changed < 100 {
		t.Errorf("%d slow, %d fast, %d changes", slow, fast, changed)
	}
	k := protocol.Key{Kind: protocol.KindOf("other"), N: 7}
	if got, want := PCT.Source(SeedRun{Seed: 4}).Choose(k, 1<<40), source.Seed(4).Choose(k, 1<<40); got != want {
		t.Errorf("another question is answered %d, want %d, as the seed does", got, want)
	}
}

// A mutant answers some questions anew, and all others as its parent.
func TestMutantsAnswerMostlyAsTheirParents(t *testing.T) {
	const asked = 4096
	var all int
	for seed := uint64(100); seed < 140; seed++ {
		parent, child := Guided.Source(SeedRun{Seed: 8, Ancestors: []uint64{3}}), Guided.Source(SeedRun{Seed: seed, Ancestors: []uint64{3, 8}})
		differ := 0
		for n := range uint64(asked) {
			k := delayKey(1, 2, n)
			was, is := parent.Choose(k, 1<<40), child.Choose(k, 1<<40)
			if was != is && is != source.Seed(seed).Choose(k, 1<<40) {
				t.Fatalf("seed %d answers neither by itself nor as its parent", seed)
			}
			if was != is {
				differ++
			}
		}
		if differ > asked*6/10 {
			t.Errorf("seed %d answers %d of %d questions anew", seed, differ, asked)
		}
		all += differ
	}
	if mean := all / 40; mean < asked/50 || mean > asked/3 {
		t.Errorf("mutants answer %d of %d questions anew in the mean", mean, asked)
	}
}

func TestTheCorpusKeepsWhatReachedSomethingNew(t *testing.T) {
	c := corpus{reached: make(map[uint32]bool)}
	c.learn(0, SeedRun{Seed: 1}, []uint32{5})
	c.learn(1, SeedRun{Seed: 2}, nil)
	c.learn(2, SeedRun{Seed: 3, Ancestors: make([]uint64, mostAncestors)}, []uint32{6})
	if c.known != 0 || len(c.kept) != 1 || c.kept[0].Seed != 1 || !c.reached[6] {
		t.Fatalf("%+v", c)
	}
	if r := c.mutate(9); len(r.Ancestors) != 0 {
		t.Errorf("a generation knows what it found itself: %+v", r)
	}
	c.learn(generation-1, SeedRun{Seed: 64}, nil)
	mutants := 0
	for seed := range uint64(1000) {
		if r := c.mutate(seed); slices.Equal(r.Ancestors, []uint64{1}) && r.Salt() == 1 {
			mutants++
		} else if len(r.Ancestors) != 0 || r.Salt() != seed {
			t.Fatalf("%+v", r)
		}
	}
	if mutants < 700 || mutants > 800 {
		t.Errorf("%d of 1000 seeds are mutants, want three in four", mutants)
	}
}

func TestCoverageIsOfStatesAndMessages(t *testing.T) {
	a, b := protocol.KindOf("a"), protocol.KindOf("b")
	see := func(events ...sim.Event) []uint32 {
		c := coverage{reached: make(map[uint32]bool)}
		for i := range events {
			c.Observe(&events[i])
		}
		return protocol.SortedKeys(c.reached)
	}
	one := see(sim.Event{What: sim.Received, Node: 3, Kind: a, Incarnation: 1})
	for name, events := range map[string][]sim.Event{
		"another message":        {{What: sim.Received, Kind: b, Incarnation: 1}},
		"another incarnation":    {{What: sim.Received, Kind: a, Incarnation: 2}},
		"after an output":        {{What: sim.Output, Kind: b}, {What: sim.Received, Kind: a, Incarnation: 1}},
		"after another message":  {{What: sim.Received, Kind: b, Incarnation: 1}, {What: sim.Received, Kind: a, Incarnation: 1}},
		"one node and then next": {{What: sim.Received, Kind: a, Incarnation: 1}, {What: sim.Received, Node: 1, Kind: a, Incarnation: 1}},
		"before a restart":       {{What: sim.Output, Kind: b}, {What: sim.Started}, {What: sim.Received, Kind: a, Incarnation: 1}},
	} {
		same := name == "one node and then next" || name == "before a restart"
		if got := see(events...); slices.Equal(got, one) != same {
			t.Errorf("%s: reached %v, alone %v", name, got, one)
		}
	}
}
