package scenarios_test

import (
	"flag"
	"runtime"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
)

var soakSeeds = flag.Int("soak.seeds", 20, "soak with seeds 1 to this, and a fiftieth of them, but at least one, with 64 nodes")

// tenPercent is what links lose and copy in the lossy half of a soak.
var tenPercent = protocol.Percent(10)

// soakRuns gives the runs of a soak, those that take long first, so that no
// worker is left with them in the end.
func soakRuns(seeds int) (runs []subject) {
	for _, nodes := range []int{64, 8, 3} {
		n := seeds
		if nodes == 64 {
			n = max(1, seeds/50)
		}
		for _, s := range scenarios.All() {
			for _, loss := range []protocol.Ratio{{}, tenPercent} {
				p := s.Defaults
				p.Nodes, p.Loss, p.Copy = nodes, loss, loss
				for seed := range n {
					runs = append(runs, subject{s, uint64(seed + 1), p})
				}
			}
		}
	}
	return runs
}

const soakShown = 10 // faults that are shown; hundreds would say no more

func TestSoak(t *testing.T) {
	seeds := *soakSeeds
	if testing.Short() {
		seeds = min(seeds, 3)
	}
	runs := soakRuns(seeds)
	work := make(chan subject)
	var (
		wait   sync.WaitGroup
		lock   sync.Mutex
		events uint64
		faults int
	)
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for s := range work {
				r := s.run(nil)
				fault := s.fault(&r)
				lock.Lock()
				events += r.Sim.Events
				if fault != "" {
					if faults++; faults <= soakShown {
						t.Error(fault)
					}
				}
				lock.Unlock()
			}
		})
	}
	for _, s := range runs {
		work <- s
	}
	close(work)
	wait.Wait()
	took := time.Since(began)
	if faults > soakShown {
		t.Errorf("and %d more", faults-soakShown)
	}
	t.Logf("%d runs of %d seeds, %d events in %v: %.0f seeds/s, %.0f events/s", len(runs), seeds, events,
		took.Round(time.Millisecond), float64(len(runs))/took.Seconds(), float64(events)/took.Seconds())
}
