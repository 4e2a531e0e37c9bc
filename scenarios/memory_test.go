package scenarios

import (
	"runtime"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// heapInUse returns the bytes of the heap that are reachable.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// All in all, with the simulator and the checks, a node that has joined takes a few kilobytes: so a
// million fit into ten gigabytes.
func TestNodesOfKademliaAloneTakeLittleMemory(t *testing.T) {
	const nodes, most = 750, 6000
	for _, s := range []*scenario.Scenario{bootstrap()} {
		p := s.Defaults
		p.Nodes = nodes
		var m *sim.Sim
		before := heapInUse()
		r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{Begun: func(x *sim.Sim) { m = x }})
		if r.Verdict != check.Pass {
			t.Fatalf("%s: verdict %s", s.Name, r.Verdict)
		}
		r = scenario.Report{}
		each := (heapInUse() - before) / nodes
		runtime.KeepAlive(m)
		t.Logf("%s: %d bytes a node", s.Name, each)
		if each > most {
			t.Errorf("%s: a node takes %d bytes, want at most %d", s.Name, each, most)
		}
		if need := s.Needs(p); need < each*nodes || need > 40*each*nodes {
			t.Errorf("%s: the estimate is %d bytes, and %d nodes take %d", s.Name, need, nodes, each*nodes)
		}
	}
}

func TestTheEstimateOfMemoryGrowsWithTheNetwork(t *testing.T) {
	for _, s := range []*scenario.Scenario{bootstrap(), churn()} {
		last := uint64(0)
		for n := 2; n <= mostAlone; n = n*3/2 + 1 {
			p := s.Defaults
			p.Nodes = n
			if need := s.Needs(p); need < last {
				t.Errorf("%s: %d nodes take %d bytes, and fewer take %d", s.Name, n, need, last)
			} else {
				last = need
			}
		}
		if last < 5_000_000_000 {
			t.Errorf("%s: a million nodes take %d bytes, want more", s.Name, last)
		}
	}
}
