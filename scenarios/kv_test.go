package scenarios

import (
	"fmt"
	"slices"
	"testing"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// kvParams are runs of the scenario kv: each order, calm, with the default faults, with
// any, and with a replica that hears nobody for long.
func kvParams(t *testing.T) (all []scenario.Params) {
	for _, order := range order().Values {
		for _, faults := range []string{"", keyValue().Defaults.Faults, "swarm", "swarm,rot"} {
			p := keyValue().Defaults
			p.Faults = faults
			set(t, keyValue(), &p, "order", order)
			all = append(all, p)
		}
		p := keyValue().Defaults
		p.Fault = "cut 0-4>0 at 3s; heal at 60s"
		set(t, keyValue(), &p, "order", order)
		all = append(all, p)
	}
	return all
}

func TestClientsOfTheStoreSeeALinearizableHistory(t *testing.T) {
	seeds := SeedsOf(5, 15) // others are for make soak
	s := keyValue()
	came := make(map[string]bool)
	for _, p := range kvParams(t) {
		if err := s.Validate(&p); err != nil {
			t.Fatal(err)
		}
		for seed := uint64(1); seed <= seeds; seed++ {
			r, _ := s.Execute(seed, p, source.Seed(seed), scenario.Options{})
			// Of replicas that are no majority any more no state is demanded.
			stuck := slices.ContainsFunc(r.Checks, func(c check.Result) bool {
				return c.Name == "all replicas end in the same state" && c.Verdict == check.Inconclusive && c.Excused == uint64(p.Nodes)
			})
			for _, c := range r.Checks {
				came[c.Name] = came[c.Name] || c.Verdict == check.Pass
				if c.Verdict == check.Violation || c.Verdict == check.Inconclusive && !stuck {
					t.Fatalf("-scenario kv -order %s -faults %s -seed %d: %s: %v: %s", keyValue().Param("order").Get(&p), p.Faults, seed, c.Name, c.Verdict, c.Detail)
				}
			}
			if r.Verdict != check.Pass && !stuck {
				t.Fatalf("-scenario kv -order %s -faults %s -seed %d: %v %s", keyValue().Param("order").Get(&p), p.Faults, seed, r.Verdict, r.Failure)
			}
		}
	}
	for name, did := range came {
		if !did {
			t.Errorf("%q never came to anything", name)
		}
	}
	fmt.Fprintln(t.Output(), len(kvParams(t)), "sorts of runs,", seeds, "seeds each")
}

// What a run left out is a run of the rest, and names it.
func TestOperationsThatAreLeftOutAreNotAsked(t *testing.T) {
	s := keyValue()
	w := s.World(5, s.Defaults)
	want, trial := w.Seed(5, nil, true)
	if got := w.Try(trial); got.Digest != want.Digest {
		t.Fatalf("the trial gives %v, the seed %v", got.Digest, want.Digest)
	}
	trial.Without = w.Inputs[1:]
	o := w.Try(trial)
	if o.Failed() || o.Sim.Outputs == 0 {
		t.Errorf("with one operation: %v, %d outputs", o.Verdict, o.Sim.Outputs)
	}
	for _, c := range o.Checks {
		if c.Name == "every operation completes" && c.Exercised != 1 {
			t.Errorf("%d operations ended, want 1", c.Exercised)
		}
	}
}
