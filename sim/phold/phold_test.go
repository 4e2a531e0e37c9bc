package phold_test

import (
	"testing"

	"dessim/sim"
	"dessim/sim/phold"
	"dessim/sim/source"
)

// What makes PHOLD a measure: its pending events neither grow nor dwindle, and all
// of its nodes take part.
func TestEveryMessageIsPassedOnForEver(t *testing.T) {
	for _, l := range []phold.Load{{Nodes: 1, Messages: 1}, {Nodes: 20, Messages: 3}} {
		nodes := make(map[string]bool)
		s, err := sim.New(l.Plan(), source.Seed(1), watch{func(e *sim.Event) { nodes[e.Node.String()] = true }})
		if err != nil {
			t.Fatal(err)
		}
		const passed = 1000
		for range l.Nodes + passed {
			if !s.Step() {
				t.Fatalf("%+v ends after %d events", l, s.Events())
			}
		}
		r := s.Result()
		if want := uint64(l.Nodes*l.Messages + passed); r.Sent != want || r.Received != passed {
			t.Errorf("%+v: %d sent and %d received, want %d and %d", l, r.Sent, r.Received, want, passed)
		}
		if len(nodes) != l.Nodes {
			t.Errorf("%+v: %d nodes receive anything, want all", l, len(nodes))
		}
	}
}

type watch struct{ see func(*sim.Event) }

func (watch) Watch() sim.What        { return sim.Received }
func (w watch) Observe(e *sim.Event) { w.see(e) }
