package scenarios

import (
	"slices"
	"strings"
	"testing"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// made makes the run of seed 1 that the flags say.
func made(t *testing.T, name, flags string) (r scenario.Report) {
	t.Helper()
	s := scenario.Find(All(), name)
	p, err := s.ParseParams(flags)
	if err != nil {
		t.Fatalf("%s %s: %v", name, flags, err)
	}
	r, _ = s.Execute(1, p, source.Seed(1), scenario.Options{})
	return r
}

// passes requires that the runs pass: scenario, flags, and so on.
func passes(t *testing.T, runs ...string) {
	t.Helper()
	for i := 0; i < len(runs); i += 2 {
		if r := made(t, runs[i], runs[i+1]); r.Verdict != check.Pass {
			t.Errorf("%v: run -scenario %s %s", r.Verdict, runs[i], runs[i+1])
			for _, c := range r.Checks {
				if c.Verdict == r.Verdict {
					t.Errorf("\t%s: %s", c.Name, c.Detail)
				}
			}
		}
	}
}

func TestTheAnswersToWhatAClogOrAPauseHeldBackAreNoFlood(t *testing.T) {
	passes(t,
		"partition", "-nodes 4 -order raft -faults none -fault 'clog *>1 at 3s for 2m'",
		"partition", "-nodes 4 -order raft -faults none -fault 'pause 1 at 3s for 2m'",
		"partition", "-nodes 4 -order isis -faults none -fault 'clog *>1 at 3s for 3m'",
		"churn", "-faults none -fault 'clog *>1 at 30m for 60m'",
	)
}

func TestNothingIsDueBeforeTheLastSlowSyncIsOver(t *testing.T) {
	passes(t,
		"partition", "-faults none -fault 'slowsync 1 by 15s at 0s for 2500ms'",
		"kv", "-nodes 4 -faults none -fault 'slowsync 1 by 30s at 0s for 2500ms'",
		"crash", "-faults none -fault 'slowsync 1 by 5m at 0s'",
	)
}

func TestChurnJudgesNoLivenessWhenFaultsLastToTheEnd(t *testing.T) {
	const flags = "-nodes 8 -faults none -fault 'slow *>* by 100ms at 0s'"
	passes(t, "churn", flags)
	for _, c := range made(t, "churn", flags).Checks {
		if c.Name == "every lookup ends, unless its node leaves" && c.Verdict != check.NotApplicable {
			t.Errorf("%q is %v, want it not applicable", c.Name, c.Verdict)
		}
	}
}

func TestAHealBeforeTheWorkloadIsRefused(t *testing.T) {
	for _, s := range All() {
		for heal, ok := range map[string]bool{"0s": false, "1ms": false, "30m": true, "never": true} {
			_, err := s.ParseParams("-until 4h -fault 'heal at " + heal + "'")
			if ok != (err == nil) {
				t.Errorf("%s: heal at %s: %v, want it accepted: %v", s.Name, heal, err, ok)
			}
			if !ok && err != nil && !strings.Contains(err.Error(), "heal at "+heal+": want a time after") {
				t.Errorf("%s: heal at %s: %v", s.Name, heal, err)
			}
		}
	}
}

func TestMessagesThatDamagedOnesMisleadAreNoWarning(t *testing.T) {
	for _, flags := range []string{"-faults none -fault 'corrupt *>* 100% at 3s'", "-nodes 4 -txs 3 -faults none -fault 'byzantine 3 alters 100% at 0s'"} {
		strays := uint64(0)
		for _, name := range []string{"partition", "chaos", "crash"} {
			r := made(t, name, flags)
			strays += r.Sim.Misaddressed.Sent
			if w := r.Warnings(); len(w) > 0 || r.Strict() != r.Verdict {
				t.Errorf("run -scenario %s %s: %v, warnings %q", name, flags, r.Strict(), w)
			}
		}
		if strays == 0 {
			t.Errorf("%s: no message went astray: the test shows nothing", flags)
		}
	}
	r := made(t, "crash", "-faults none -fault 'crash 1 at 3s for 1s'")
	r.Sim.Misaddressed.Sent = 1
	if r.Strict() != check.Inconclusive {
		t.Error("without damage a message to no node is no warning")
	}
}

func TestLiesAreCountedAmongTheFaults(t *testing.T) {
	r := made(t, "crash", "-nodes 4 -txs 3 -faults none -fault 'byzantine 3 alters 100% at 0s'")
	i := slices.IndexFunc(r.Counts, func(c scenario.Count) bool { return c.Name == "lies" })
	if i < 0 || r.Counts[i].N == 0 || r.Counts[i].N != r.Written[0].N {
		t.Errorf("%v, want the %d lies of the fault", r.Counts, r.Written[0].N)
	}
}

func TestTheFaultWindowOfARunThatNeverHealsHasNoEnd(t *testing.T) {
	for _, name := range []string{"crash", "kv"} {
		facts := made(t, name, "-nodes 4 -faults none -fault 'cut 0>1,2,3 at 3s; heal at never'").Facts
		i := slices.IndexFunc(facts, func(f scenario.Fact) bool { return f.Name == "fault window" })
		if i < 0 || !strings.HasSuffix(facts[i].Value, " to the end: nothing heals") {
			t.Errorf("%s: %v, want a fault window without an end", name, facts)
		}
	}
}

// A liar sends old messages again, and so reveals votes that its present life has no record of.
func TestALiarIsNotBlamedForWhatItsMessagesReveal(t *testing.T) {
	const name = "votes and decisions are synced before they leave"
	for seed := range uint64(6) {
		s := scenario.Find(All(), "crash")
		p, err := s.ParseParams("-nodes 4 -txs 3 -faults none -fault 'byzantine 3 replays 100% at 0s'")
		if err != nil {
			t.Fatal(err)
		}
		r, _ := s.Execute(seed+1, p, source.Seed(seed+1), scenario.Options{})
		for _, c := range r.Checks {
			if c.Name == name && (c.Verdict == check.Violation || c.Exercised == 0) {
				t.Errorf("seed %d: %q is %v, %s; want the messages of honest nodes judged, and no others", seed+1, name, c.Verdict, c.Detail)
			}
		}
	}
}
