package scenarios_test

import (
	"testing"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// BenchmarkConcurrentSmall and BenchmarkCrashSmall are whole runs of the size that
// sweeps have, another seed each time.
func BenchmarkConcurrentSmall(b *testing.B) { benchmarkRuns(b, "concurrent") }

func BenchmarkCrashSmall(b *testing.B) { benchmarkRuns(b, "crash") }

func benchmarkRuns(b *testing.B, name string) {
	s := scenarios.Find(name)
	p := s.Defaults
	p.Nodes = 5
	set(b, s, &p, "txs", "10")
	if err := s.Validate(&p); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	events, seed := uint64(0), uint64(0)
	for b.Loop() {
		seed++
		r, _ := s.Execute(seed, p, source.Seed(seed), scenario.Options{})
		if r.Verdict != check.Pass {
			b.Fatalf("%s, seed %d: %s %s", name, seed, r.Verdict, r.Failure)
		}
		events += uint64(r.Sim.Events)
	}
	b.ReportMetric(float64(events)/float64(seed), "events/op")
}
