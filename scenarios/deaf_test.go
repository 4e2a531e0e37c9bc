package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

const (
	goesOn   = "a majority that stays connected delivers its broadcasts"
	complete = "operations of clients that reach a lasting majority complete"
)

// executed runs a scenario under written faults alone.
func executed(t *testing.T, s *scenario.Scenario, order, faults string, txs uint64, until time.Duration) scenario.Report {
	t.Helper()
	p := s.Defaults
	p.Faults, p.Fault, p.Until = "", faults, until
	set(t, s, &p, "order", order)
	set(t, s, &p, "txs", fmt.Sprint(txs))
	if err := s.Validate(&p); err != nil {
		t.Fatal(err)
	}
	r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
	return r
}

// judgedBy fails t unless the run passes and the named check was exercised.
func judgedBy(t *testing.T, r scenario.Report, name, reproduce string) {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name && c.Verdict == check.Pass && r.Verdict == check.Pass {
			return
		}
	}
	t.Errorf("%v %s, want a pass with %q exercised\n%v\nreproduce: go run ./cmd/dessim %s", r.Verdict, r.Failure, name, r.Checks, reproduce)
}

// Whoever does not hear, or is not heard, or both now and then: the others go on while
// that lasts, and not only when it is over.
func TestLinksThatFailOneWayStopNoOrder(t *testing.T) {
	faults := []string{"deaf 0", "deaf 1", "deaf 4", "mute 0", "mute 3", "cut 0>1", "cut 4>3", "partition 2|3", "partition 0|1", "partition 0|2-4",
		"partition 0,1|2-4"}
	for j, order := range order().Values {
		for i, f := range faults {
			if (i+j)%3 != 0 && !*InFull { // each fault in one order, or two
				continue
			}
			f = fmt.Sprintf("%s at 5s for 40s", f)
			r := executed(t, partition(), order, f, 30, 10*time.Minute)
			judgedBy(t, r, goesOn, fmt.Sprintf("-scenario partition -txs 30 -order %s -faults none -fault '%s'", order, f))
		}
	}
}

func TestOperationsEndThoughNothingHeals(t *testing.T) {
	for _, order := range order().Values {
		for _, f := range []string{"deaf 0", "deaf 2", "cut 0-4>0", "mute 1", "partition 2|3"} {
			f = fmt.Sprintf("%s at 3s; heal at never", f)
			r := executed(t, keyValue(), order, f, 30, 5*time.Minute)
			done := false
			for _, fact := range r.Facts {
				done = done || fact.Name == "operations" && strings.HasSuffix(fact.Value, ", 30 completed")
			}
			if r.Verdict != check.Pass || !done {
				t.Errorf("%v, %v, want 30 operations completed\nreproduce: go run ./cmd/dessim -scenario kv -until 5m -order %s -faults none -fault '%s'", r.Verdict, r.Facts, order, f)
			}
		}
		f := "cut 0-4>0 at 3s; heal at 60s"
		judgedBy(t, executed(t, keyValue(), order, f, 30, 10*time.Minute), complete, fmt.Sprintf("-scenario kv -order %s -faults none -fault '%s'", order, f))
	}
}

// A link that fails for half of each tick may hit each heartbeat, or none.
func TestLinksThatFlapWithTheHeartbeatStarveNobody(t *testing.T) {
	for _, order := range order().Values {
		for _, f := range []string{"partition 0|1-4", "mute 0", "partition 0,1|2-4"} {
			f = fmt.Sprintf("heal at never; %s at 5s every 50ms", f)
			r := executed(t, crash(), order, f, 10, 10*time.Minute)
			judgedBy(t, r, "all nodes end with the same ledger", fmt.Sprintf("-scenario crash -order %s -faults none -fault '%s'", order, f))
		}
	}
}
