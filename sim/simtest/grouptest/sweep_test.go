package grouptest

import (
	"fmt"
	"strings"
	"testing"
)

// A recorder is a test that ends in panic where a test would end.
type recorder struct{ logged, failed []string }

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestClaim/one" }
func (r *recorder) Logf(format string, args ...any) {
	r.logged = append(r.logged, fmt.Sprintf(format, args...))
}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func TestFailedSweepPrintsTheCommandThatRepeatsIt(t *testing.T) {
	f := &Flags{First: 7, pkg: "sim/stub", prefix: "stub", nodes: 2}
	defer func() {
		report := fmt.Sprint(recover())
		for _, want := range []string{
			"seed 7, 2 nodes: at ", ": 0/0/0 is broadcast twice\n",
			"\nreproduce: go test ./sim/stub -run '^TestClaim$/^one$' -stub.first=7 -stub.seeds=1 -stub.nodes=2\n",
			"\nnode 1/", " stub\n",
		} {
			if !strings.Contains(report, want) {
				t.Errorf("the report lacks %q:\n%s", want, report)
			}
		}
	}()
	f.Sweep(&recorder{}, 3, func(size int, seed uint64) *World { return NewWorld(&stubs, size, seed) })
	t.Errorf("a group whose broadcasts have all one identity passes")
}

func TestReportDemandsOfEnoughRunsWhatMustHappen(t *testing.T) {
	var r recorder
	s := Sum{Runs: 4, Counts: Counts{Ordered: 2, Orphans: 1, Deliveries: 7, Changes: 4, Crashes: 1, Minorities: 1}}
	s.Report(&r, 5, Must("gaps", 0))
	if len(r.failed) != 0 || !strings.Contains(r.logged[0], "0.50 ordered, 0.25 ordered of the dead, 1.75 deliveries, 1.00 changes") {
		t.Errorf("few runs: fails with %q, logs %q", r.failed, r.logged)
	}
	s.Stats.Malformed = 1
	s.Report(&r, 4, Must("gaps", 0), May("cut", 0))
	if got, want := fmt.Sprint(r.failed), "[no gaps in any run 1 messages are malformed, though none was corrupted]"; got != want {
		t.Errorf("fails with %s, want %s", got, want)
	}
}
