package scenarios_test

import (
	"strings"
	"testing"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// A repair that no run needs is not tested, whatever passes.
func TestEveryRepairIsNeededInSomeRun(t *testing.T) {
	s := scenarios.Find("chaos")
	for _, order := range []string{"isis", "raft"} {
		p := s.Defaults
		set(t, s, &p, "order", order)
		set(t, s, &p, "faults", "swarm,repair")
		missing := make(map[string]bool)
		for _, r := range s.Repairs(&p) {
			missing["needed: "+r.Name] = true
		}
		const most = 60
		seed := uint64(1)
		for ; seed <= most && len(missing) > 0; seed++ {
			r, _ := s.Execute(seed, p, source.Seed(seed), scenario.Options{})
			for _, c := range r.Checks {
				if strings.HasPrefix(c.Name, "needed: ") && c.Verdict == check.Pass {
					delete(missing, c.Name)
				}
			}
		}
		if len(missing) > 0 {
			t.Errorf("order %s: no run of %d needs %v", order, most, missing)
		}
		t.Logf("order %s: %d seeds", order, seed-1)
	}
}
