package grouptest

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"dessim/protocol/abcast"
)

// Flags select the worlds that a test runs.
type Flags struct {
	// First is the first seed.
	First uint64

	prefix string
	pkg    string
	seeds  uint64
	nodes  int
}

// NewFlags adds the flags prefix.seeds, prefix.first and prefix.nodes to those of
// the tests of pkg, a path below the module's root.
func NewFlags(pkg, prefix string) *Flags {
	f := &Flags{pkg: pkg, prefix: prefix}
	flag.Uint64Var(&f.seeds, prefix+".seeds", 0, "the number of seeds; 0: a few")
	flag.Uint64Var(&f.First, prefix+".first", 1, "the first seed")
	flag.IntVar(&f.nodes, prefix+".nodes", 0, "the number of nodes; 0: 1 to 5, by the seed")
	return f
}

// Size returns, for most seeds, one of the sizes where most can go wrong.
func (f *Flags) Size(seed uint64) int {
	if f.nodes > 0 {
		return f.nodes
	}
	return []int{3, 5, 3, 5, 2, 5, 3, 1, 5, 3}[seed%10]
}

// reproduce returns the command that runs one seed of a test again.
func (f *Flags) reproduce(test string, seed uint64) string {
	s := fmt.Sprintf("go test ./%s -run '^%s$' -%s.first=%d -%s.seeds=1", f.pkg, strings.ReplaceAll(test, "/", "$/^"), f.prefix, seed, f.prefix)
	if f.nodes > 0 {
		s += fmt.Sprintf(" -%s.nodes=%d", f.prefix, f.nodes)
	}
	return s
}

// Counts are how often things happened in a run.
type Counts struct {
	Crashes, Torn, Minorities, Broadcasts, Deliveries uint64
	Ordered                                           uint64 // messages in the one sequence
	Changes                                           uint64 // and views or terms
	Orphans                                           uint64 // messages ordered after their life had ended
	Demanded                                          uint64 // looks whether a majority that stays connected goes on
	Stats                                             abcast.Stats
	Healed                                            time.Duration // how long after the calm began
}

// count completes the counts of a run that is over.
func (w *World) count() {
	c := &w.counts
	c.Healed = w.end.End.Sub(w.calm)
	c.Broadcasts = uint64(len(w.judge.order))
	c.Torn = w.end.Faults.Torn
	for _, m := range w.members {
		add(&c.Stats, m.stats)
		if m.group != nil {
			add(&c.Stats, m.group.Stats())
		}
	}
}

func add(sum *abcast.Stats, s abcast.Stats) {
	sum.Malformed += s.Malformed
	sum.Foreign += s.Foreign
	sum.Stray += s.Stray
	sum.Early += s.Early
	sum.Ballots += s.Ballots
	sum.Installed += s.Installed
	sum.Excluded += s.Excluded
	sum.Learned += s.Learned
	sum.Cut += s.Cut
	sum.Flushed += s.Flushed
	sum.Repeated += s.Repeated
	sum.Torn += s.Torn
	sum.Gaps += s.Gaps
	sum.Clamped += s.Clamped
}

// A Sum adds up the counts of all runs of a sweep.
type Sum struct {
	Counts
	Runs  uint64
	Worst time.Duration // of Healed
}

// Sweep runs a world for each seed, as many as the flags say or else runs, and fails t at
// the first violation.
func (f *Flags) Sweep(t T, runs uint64, world func(size int, seed uint64) *World) *Sum {
	t.Helper()
	if f.seeds > 0 {
		runs = f.seeds
	}
	sum := &Sum{Runs: runs}
	for seed := f.First; seed < f.First+runs; seed++ {
		w := world(f.Size(seed), seed)
		if wrong := w.Run(); wrong != "" {
			t.Fatalf("seed %d, %d nodes: %s\nreproduce: %s\n%s", seed, w.Size(), wrong, f.reproduce(t.Name(), seed), w.Describe())
		}
		sum.add(&w.counts)
	}
	return sum
}

func (s *Sum) add(c *Counts) {
	s.Crashes += c.Crashes
	s.Torn += c.Torn
	s.Minorities += c.Minorities
	s.Broadcasts += c.Broadcasts
	s.Deliveries += c.Deliveries
	s.Ordered += c.Ordered
	s.Changes += c.Changes
	s.Orphans += c.Orphans
	s.Demanded += c.Demanded
	s.Healed += c.Healed
	s.Worst = max(s.Worst, c.Healed)
	add(&s.Stats, c.Stats)
}

// A Figure is one number of a Sum.
type Figure struct {
	what string
	n    uint64
	must bool
}

// Must is a figure that is 0 only in a vacuous sweep.
func Must(what string, n uint64) Figure { return Figure{what, n, true} }

// May is a figure of interest.
func May(what string, n uint64) Figure { return Figure{what, n, false} }

// Report logs the mean of each figure over the runs. If there were at least full runs, it
// fails t for each Must that is 0. It also fails t if a message was malformed, since no
// world corrupts any.
func (s *Sum) Report(t T, full uint64, figures ...Figure) {
	t.Helper()
	text := ""
	for _, f := range append([]Figure{
		May("broadcasts", s.Broadcasts),
		Must("ordered", s.Ordered),
		Must("ordered of the dead", s.Orphans),
		Must("deliveries", s.Deliveries),
		Must("changes", s.Changes),
		Must("crashes", s.Crashes),
		Must("splits", s.Minorities),
	}, figures...) {
		text += fmt.Sprintf("%d.%02d %s, ", f.n/s.Runs, f.n%s.Runs*100/s.Runs, f.what)
		if f.must && f.n == 0 && s.Runs >= full {
			t.Errorf("no %s in any run", f.what)
		}
	}
	t.Logf("%d runs, in the mean: %s%v to heal, %v at worst", s.Runs, text, (s.Healed / time.Duration(s.Runs)).Round(Tick/10), s.Worst.Round(Tick/10))
	if s.Stats.Malformed != 0 {
		t.Errorf("%d messages are malformed, though none was corrupted", s.Stats.Malformed)
	}
}
