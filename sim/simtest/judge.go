package simtest

import (
	"slices"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// TB is what Judge needs of a *testing.T, *testing.F or *rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Judge makes one run under src and fails t unless it passes: for property tests, with src
// from Rapid or Sparse and a plan that is drawn too, and for fuzz targets, with a
// source.Bytes. How to repeat the run is up to t.
//
// Runs share the test's process, even with scenario.EachRun; a failure says so then. To confirm it,
// make the failing draws alone: go test -run '^TestX$' -rapid.failfile=FILE, or the file of the
// fuzzer.
//
// Rapid and fuzzers begin with draws that make every answer benign, and shrink towards them. A
// check that is never exercised then fails nothing, unless src is protocol.Benign itself.
func Judge(t TB, run *scenario.Run, src protocol.Source) {
	t.Helper()
	if err := run.Plan.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	s := scenario.Scenario{Name: "judged", Build: func(*scenario.Setup) *scenario.Run { return run }}
	watched := &misfortunes{Source: src}
	r, _ := s.Execute(0, scenario.Params{Nodes: run.Plan.Nodes}, watched, scenario.Options{Watchdog: watchdog("simtest.Judge")})
	o := r.Outcome()
	_, strict := src.(protocol.Benign)
	if o.Failed() || o.Verdict != check.Pass && (strict || watched.any || !unexercised(&o)) {
		t.Fatalf("%s%s", describe(&o), shared(run))
	}
}

// shared says, with scenario.EachRun, that a failure may come from earlier runs of the process.
func shared(run *scenario.Run) string {
	if run.Isolation != scenario.EachRun {
		return ""
	}
	return "\nif this process has made other runs, what is done once a process may matter: make the failing draws alone, by -rapid.failfile or the fuzzer's file"
}

// misfortunes notes whether any answer of a source is not benign.
type misfortunes struct {
	protocol.Source
	any bool
}

func (m *misfortunes) Choose(k protocol.Key, n uint64) uint64 {
	a := m.Source.Choose(k, n)
	m.any = m.any || a > 0
	return a
}

func (m *misfortunes) Chance(k protocol.Key, p protocol.Ratio) bool {
	a := m.Source.Chance(k, p)
	m.any = m.any || a
	return a
}

// unexercised reports whether a run is inconclusive only because checks had nothing to judge.
func unexercised(o *explore.Outcome) bool {
	return len(o.Checks) > 0 && !slices.ContainsFunc(o.Checks, func(c check.Result) bool {
		return c.Verdict == check.Inconclusive && c.Exercised > 0
	})
}
