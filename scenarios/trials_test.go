package scenarios_test

import (
	"testing"

	"dessim/sim/check"
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
		w := s.scenario.World(s.seed, s.params)
		want, trial := w.Seed(s.seed, nil, true)
		if got := w.Try(trial); got.Digest != want.Digest || got.Verdict != check.Pass {
			t.Errorf("%v: the trial gives %v %v, the seed %v", s, got.Verdict, got.Digest, want.Digest)
		}
		trial.Without = []uint64{1}
		if got := w.Try(trial); got.Digest == want.Digest || got.Verdict != check.Pass {
			t.Errorf("%v: without a transfer the trial gives %v %v, the seed %v", s, got.Verdict, got.Digest, want.Digest)
		}
	}
}
