// Package exhaustive_test makes all runs of small worlds of the real machines: every
// order in which messages can be received, a crash at every point, a loss of every
// message. The numbers of runs and states are pinned, so that a search that comes to
// skip more, or a machine that comes to do more, is noticed.
//
// What takes longer than seconds is made by
//
//	go test ./sim/simtest/exhaustive -full -timeout 0
package exhaustive_test

import (
	"context"
	"flag"
	"runtime/debug"
	"testing"

	"dessim/sim/check"
	"dessim/sim/explore"
)

var full = flag.Bool("full", false, "search the larger worlds, too")

// Many runs are small, and so is the heap that they are collected in: less often takes a fifth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// searched makes all runs of x, and demands that they pass and are as many as ever.
func searched(t *testing.T, x *explore.Small, golden string) {
	t.Helper()
	x.Failures = 1 // in a hundred thousand runs that fail there is nothing new
	r := x.Exhaust(context.Background())
	if first := r.First; first != nil {
		c := first.Outcome.Violated()
		t.Fatalf("%v\n%s%s: %s\nanswers %v", &r, first.Outcome.Failure, c.Name, c.Detail, first.Trial.Answers)
	}
	if got := r.String(); got != golden {
		t.Errorf("the search came to\n%s\nwant\n%s", got, golden)
	}
	if v := r.Verdict(); v != check.Pass {
		t.Errorf("the search is %s: %+v", v, r.Checks)
	}
}
