package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

// apart are the runs that can be in parts.
var apart = []string{"-scenario bootstrap", "-scenario bootstrap -nodes 510 -k 4 -delay 9ms", "-scenario bootstrap -nodes 1", "-scenario bootstrap -nodes 100 -loss 1% -copy 1%"}

// Every run is the same on any number of threads: traces, digests, checks and summaries.
func TestRunsAreTheSameOnAnyNumberOfThreads(t *testing.T) {
	subjects := slices.Clone(apart)
	for _, s := range scenarios.All() {
		switch s.Name {
		case "bootstrap":
		case "churn":
			subjects = append(subjects, "-scenario churn -nodes 20 -txs 40") // it is serial anyway
		default:
			subjects = append(subjects, "-scenario "+s.Name)
		}
	}
	subjects = append(subjects, "-scenario bootstrap -nodes 5 -fault 'crash 2 at 3s for 1s'")
	for _, flags := range subjects {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			x, err := scenario.ParseSubject(scenarios.All(), flags)
			if err != nil {
				t.Fatal(err)
			}
			seeds, most := uint64(1), 2
			if slices.Contains(apart, flags) {
				seeds, most = scenarios.SeedsOf(1, 3), 3
				if strings.Contains(flags, " -nodes 510 ") {
					most = int(scenarios.SeedsOf(2, 3)) // its traces are long
				}
			}
			for seed := range seeds {
				want, trace, _ := onThreads(x, seed, 1)
				for threads := 2; threads <= most; threads++ {
					got, same, serial := onThreads(x, seed, threads)
					if same != trace {
						t.Fatalf("seed %d: the trace on %d threads differs", seed, threads)
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("seed %d: the reports on one thread (-) and on %d (+) differ:\n%s", seed, threads, d)
					}
					alone := strings.HasSuffix(flags, "-nodes 1")
					if can := slices.Contains(apart, flags) && !alone; can == serial {
						t.Errorf("seed %d: serial: %v, want %v", seed, serial, !can)
					}
				}
			}
		})
	}
}

// report is what a run on any number of threads has in common.
type report struct {
	Verdict string
	Sim     sim.Result
	Checks  []string
	Nodes   []scenario.Node
	Facts   []scenario.Fact
	Counts  []scenario.Count
	Impacts []sim.Impact
	Story   []string
}

func onThreads(x scenario.Subject, seed uint64, threads int) (r report, trace string, serial bool) {
	seen := &sim.Trace{Only: sim.Everything, Text: x.Scenario.Words(&x.Params)}
	o := scenario.Options{Observers: []sim.Observer{seen}, Threads: threads, Fewer: func(text string) {
		serial = serial || strings.Contains(text, " is serial: ")
	}}
	full, _ := x.Scenario.Execute(seed, x.Params, source.Seed(seed), o)
	r = report{Verdict: string(full.Verdict) + full.Failure, Sim: full.Sim, Nodes: full.Nodes, Facts: full.Facts, Counts: full.Counts, Impacts: full.Impacts, Story: full.Story}
	for i := range full.Checks {
		c := &full.Checks[i]
		r.Checks = append(r.Checks, fmt.Sprintln(c.Name, c.Verdict, c.Exercised, c.Detail, c.Excused, c.At, c.Step))
	}
	return r, seen.String(), serial
}
