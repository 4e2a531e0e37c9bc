package scenarios_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"dessim/sim/check"
)

var (
	sweepRuns  = flag.String("sweep", "", "sweep these runs, given as flags of dessim run and parted by ';', until a violation")
	sweepSeeds = flag.Int("sweep.seeds", sweepMost, "sweep seeds 1 to this")
)

// found is the first violation of a sweep.
type found struct {
	subject
	checks []string // the violated ones
}

// String tells it in one line, which reported finds in the output.
func (f *found) String() string {
	return fmt.Sprintf("violation of %s, reproduce: go run ./cmd/dessim %v", strings.Join(f.checks, " and of "), f.subject)
}

// sweep runs seeds 1 to seeds, each with one of the runs in turn, until a
// violation. Runs that panic or stay inconclusive are counted, not found: whoever
// sweeps for a planted bug wants the checks to report it.
func sweep(runs []subject, seeds int) (f *found, others int) {
	for seed := range seeds {
		s := runs[seed%len(runs)]
		s.seed = uint64(seed + 1)
		r := s.run(nil)
		switch r.Verdict {
		case check.Pass:
		case check.Violation:
			f := &found{subject: s}
			for _, c := range r.Checks {
				if c.Verdict == check.Violation {
					f.checks = append(f.checks, fmt.Sprintf("%q", c.Name))
				}
			}
			return f, others
		default:
			others++
		}
	}
	return nil, others
}

// TestSweep is what test binaries with a planted edit are built for.
func TestSweep(t *testing.T) {
	if *sweepRuns == "" {
		t.Skip("no -sweep")
	}
	var runs []subject
	for flags := range strings.SplitSeq(*sweepRuns, ";") {
		runs = append(runs, mustParse(t, flags))
	}
	f, others := sweep(runs, *sweepSeeds)
	if f == nil {
		t.Fatalf("no violation with seeds 1 to %d; %d runs did not pass otherwise", *sweepSeeds, others)
	}
	t.Logf("%v (%d runs did not pass otherwise)", f, others)
}
