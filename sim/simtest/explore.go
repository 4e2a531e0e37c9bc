package simtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"dessim/sim/scenario"
)

// ExploreOptions are the options of Explore. Runs is required.
type ExploreOptions struct {
	// Flags are parameters in place of the scenario's defaults, as on the command line. If
	// they leave the scenario without faults, its nodes are built for crashes all the same.
	Flags string
	// Runs is the greatest number of runs. If there are more places, they are spread.
	Runs int
	// Depth is the greatest number of misfortunes in a run; 0 is 1.
	Depth int
	// Kinds are those of explore.MisfortuneKinds that are tried; nil is all.
	Kinds []string
	// ShrinkRuns bounds the runs of shrinking a failure; 0 shrinks nothing.
	ShrinkRuns int
}

// Explore makes runs of s in which all is benign except one misfortune, such as a crash or a
// lost message, at each place in turn: see explore.Misfortunes. With scenario.EachRun, each run has
// a process of its own, like the runs of a failure of Run. Explore fails t at the first run
// that fails, and shrinks, saves and reports it as Run does.
func Explore(t *testing.T, s *scenario.Scenario, o ExploreOptions) {
	t.Helper()
	p, err := paramsOf(s, o.Flags)
	if err == nil && !p.Failing() {
		p.Faults = "crash"
		err = s.Validate(&p)
	}
	if err != nil {
		t.Fatalf("simtest: %v", err)
	}
	if o.Runs < 1 || o.Depth < 0 || o.ShrinkRuns < 0 {
		t.Fatalf("simtest: ExploreOptions has %d runs, depth %d and %d runs to shrink in; want at least 1, 0 and 0", o.Runs, o.Depth, o.ShrinkRuns)
	}
	r := &runner{tester: t, o: Options{ShrinkRuns: o.ShrinkRuns}, verbose: testing.Verbose(), watchdog: watchdog(t.Name()),
		Subject: scenario.Subject{Scenario: s, Params: p}, place: newPlace(t.Name())}
	r.start = r.startTest()
	if r.serve() {
		return
	}
	r.explore(&o, os.Getenv(ReplayVariable))
}

func (r *runner) explore(o *ExploreOptions, file string) {
	r.Helper()
	if file != "" {
		r.saved(file)
		return
	}
	r.allSaved()
	x := r.Scenario.Misfortunes(r.watchdog, r.Seed, r.Params)
	x.Runs, x.Depth, x.Kinds, x.Failures, x.Workers = o.Runs, max(o.Depth, 1), o.Kinds, 1, runtime.GOMAXPROCS(0)
	var broken func() error
	x.World, _, broken = r.apart(r.Seed)
	met, err := x.Search(context.Background())
	if err = cmp.Or(broken(), err); err != nil {
		r.Fatalf("%v", err)
	}
	if met.First != nil {
		about := fmt.Sprintf("run %d, with %s", met.FirstRun, cmp.Or(strings.Join(met.What, "; "), "no misfortune"))
		r.report(about, r.Subject, x.World, met.First.Trial, &met.First.Outcome, r.place.command(""))
	}
	if r.verbose {
		r.Logf("%d places, %d runs; %d misfortunes were not tried", met.Places, met.Runs, met.Untried)
	}
	if met.Inconclusive == met.Runs {
		r.Errorf("vacuous: none of %d runs shows anything", met.Runs)
	}
}
