package scenarios_test

import (
	"testing"

	"dessim/sim/check"
	"dessim/sim/explore"
)

// A trial of all that a seed's run was made of is that run; without an input it is
// another.
func TestATrialIsTheRunThatItWasRecordedFrom(t *testing.T) {
	for _, flags := range []string{
		"-seed 7 -scenario crash -faults swarm",
		"-seed 7 -scenario crash -order lamport",
		"-seed 3 -scenario concurrent -nodes 4 -txs 5 -loss 10% -copy 10%",
	} {
		s := mustParse(t, flags)
		w := s.Scenario.World(s.Seed, s.Params)
		want, trial := w.Seed(s.Seed, nil, true)
		if got := w.Try(trial); got.Digest != want.Digest || got.Verdict != check.Pass {
			t.Errorf("%v: the trial gives %v %v, the seed %v", s, got.Verdict, got.Digest, want.Digest)
		}
		trial.Without = []uint64{1}
		if got := w.Try(trial); got.Digest == want.Digest || got.Failed() {
			t.Errorf("%v: without a transfer the trial gives %v %v %+v, the seed %v", s, got.Verdict, got.Digest, got.Checks, want.Digest)
		}
	}
}

// A search asks only whether a check fails, and needs no more of a run than that. What
// it gets must be what the whole run says.
func TestAGuardedRunEndsWithItsFailureAndAgreesWithTheWholeOne(t *testing.T) {
	const flags = "-scenario crash -nodes 4 -txs 4 -until 30s -order sequencer -faults crash,restart,lose -fault 'byzantine 1 replays 50% at 2s for 5s' -seed "
	failed := 0
	for seed := range uint64(6) {
		s := mustParse(t, "-scenario crash -nodes 4 -txs 4 -until 30s -order sequencer -faults crash,restart,lose")
		s.Seed, s.Params.Fault = seed+1, "byzantine 1 replays 50% at 2s for 5s"
		w := s.Scenario.World(s.Seed, s.Params)
		whole, trial := w.Seed(s.Seed, nil, true)
		name := whole.Check()
		if name == "" {
			name = whole.Checks[0].Name
		}
		g := w.Fails(trial, explore.Guard{Check: name})
		if g.Fails != whole.Failed() {
			t.Fatalf("%s%d: guarded by %q it fails: %v; the whole run: %v", flags, s.Seed, name, g.Fails, whole.Verdict)
		}
		if !g.Fails {
			continue
		}
		failed++
		if step := whole.Violated().Step; g.Events < step || g.Events > step+64 {
			t.Errorf("%s%d: fails at step %d and ends at %d", flags, s.Seed, step, g.Events)
		}
		less := *trial
		less.Answers = g.Used()
		if again := w.Fails(&less, explore.Guard{Check: name}); !again.Fails || again.Events != g.Events || len(less.Answers) >= len(trial.Answers) {
			t.Errorf("%s%d: with the %d used of %d answers: %+v, want %+v", flags, s.Seed, len(less.Answers), len(trial.Answers), again, g)
		}
		if cut := w.Fails(trial, explore.Guard{Check: name, MaxEvents: 100}); cut.Fails || !cut.GivenUp {
			t.Errorf("%s%d: of a run cut short %+v, want it given up", flags, s.Seed, cut)
		}
		if other := w.Fails(trial, explore.Guard{Check: "no such check"}); other.Fails {
			t.Errorf("%s%d: it fails by a check that it has not", flags, s.Seed)
		}
	}
	if failed == 0 {
		t.Error("no seed fails")
	}
}
