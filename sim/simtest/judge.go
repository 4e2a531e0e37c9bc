package simtest

import (
	"dessim/protocol"
	"dessim/sim/check"
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
func Judge(t TB, run *scenario.Run, src protocol.Source) {
	t.Helper()
	if err := run.Plan.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	s := scenario.Scenario{Name: "judged", Build: func(*scenario.Setup) *scenario.Run { return run }}
	r, _ := s.Execute(0, scenario.Params{Nodes: run.Plan.Nodes}, src, scenario.Options{Watchdog: watchdog("simtest.Judge")})
	if o := r.Outcome(); o.Failed() || o.Verdict != check.Pass {
		t.Fatalf("%s", describe(&o))
	}
}
