package scenarios

import (
	"os"
	"strconv"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/source"
)

func TestTrySoak(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SEEDS"))
	nodes, _ := strconv.Atoi(os.Getenv("NODES"))
	for _, name := range []string{"bootstrap", "concurrent"} {
		for _, lossy := range []bool{false, true} {
			s := Find(name)
			t0 := time.Now()
			bad := 0
			var ev uint64
			for seed := uint64(1); seed <= uint64(n); seed++ {
				p := s.Defaults
				p.Nodes = nodes
				if lossy {
					p.Loss, p.Copy = protocol.Percent(10), protocol.Percent(10)
				}
				r, _ := s.Execute(seed, p, source.Seed(seed), Options{})
				ev += r.Sim.Events
				if r.Verdict != check.Pass && bad < 5 {
					bad++
					t.Errorf("%s lossy=%v seed %d: %v %s end %v %v", name, lossy, seed, r.Verdict, r.Failure, r.Sim.End, r.Sim.Reason)
					for _, c := range r.Checks {
						if c.Verdict != check.Pass && c.Verdict != check.NotApplicable {
							t.Errorf("    %s: %v %s", c.Name, c.Verdict, c.Detail)
						}
					}
				}
			}
			d := time.Since(t0)
			t.Logf("%s lossy=%v nodes=%d: %d seeds in %v, %.0f seeds/s, %d events/run", name, lossy, nodes, n, d.Round(time.Millisecond), float64(n)/d.Seconds(), ev/uint64(n))
		}
	}
}
