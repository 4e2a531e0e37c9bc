package scenarios_test

import (
	"testing"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/history"
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

// BenchmarkDescribe describes each node of a run after each of its events, as the history of a
// run for a page does.
func BenchmarkDescribe(b *testing.B) {
	s, err := parseSubject("-scenario concurrent -order isis -nodes 6")
	if err != nil {
		b.Fatal(err)
	}
	d := &telling{nodes: map[protocol.NodeID]protocol.Node{}}
	s = s.withNodes(d.nodes)
	b.ReportAllocs()
	for b.Loop() {
		s.run(nil, d)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(d.descriptions), "ns/description")
	b.ReportMetric(float64(d.bytes)/float64(d.descriptions), "B/description")
}

// telling describes the node of each event.
type telling struct {
	nodes               map[protocol.NodeID]protocol.Node
	descriptions, bytes int
	text                []byte
}

func (d *telling) Watch() sim.What { return sim.Received | sim.Fired }

func (d *telling) Observe(e *sim.Event) {
	d.text, _ = history.Describe(d.nodes[e.Node], d.text)
	d.bytes += len(d.text)
	d.descriptions++
}
