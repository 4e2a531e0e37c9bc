package scenarios_test

import (
	"testing"

	"dessim/protocol/kademlia"
	"dessim/sim"
)

// hops is an observer that sums up the hops of lookups.
type hops struct{ lookups, sum int }

func (h *hops) Watch() sim.What { return sim.Output }

func (h *hops) Observe(e *sim.Event) {
	if e.Kind != kademlia.KindLooked {
		return
	}
	if l, ok := kademlia.DecodeLooked(e.Body); ok {
		h.lookups++
		h.sum += l.Hops
	}
}

// If all buckets of 1,024 nodes hold 8 contacts drawn at random, or all that there
// are, greedy lookups take 2.37 hops in the mean, where a contact of the node's own
// table is the first hop. Those of package kademlia are spread, so it may take a little
// less.
func TestLookupsAmongAThousandNodesTakeTwoToThreeHops(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs 1,024 nodes")
	}
	const want, most = 2.37, 0.12
	var h hops
	s := mustParse(t, "-scenario bootstrap -nodes 1024")
	s.Seed = 1
	if r := s.run(nil, &h); s.fault(&r) != "" {
		t.Error(s.fault(&r))
	}
	if h.lookups < 200 {
		t.Fatalf("%d lookups ended, want 200", h.lookups)
	}
	mean := float64(h.sum) / float64(h.lookups)
	t.Logf("%d lookups took %.2f hops in the mean", h.lookups, mean)
	if mean < want-most || mean > want+most {
		t.Errorf("%d lookups took %.2f hops in the mean, want %.2f +- %.1f\nreproduce: go run ./cmd/dessim -scenario bootstrap -nodes 1024 -seed 1", h.lookups, mean, want, most)
	}
}
