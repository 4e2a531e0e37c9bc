package scenario_test

import (
	"testing"

	"dessim/sim/cryptorand"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

func TestARunWithAnswersToCryptoRandHasAProcessForItsWorkerAtLeast(t *testing.T) {
	for _, c := range []struct {
		asked, want scenario.Isolation
		random      bool
	}{
		{scenario.Shared, scenario.Shared, false},
		{scenario.Shared, scenario.EachWorker, true},
		{scenario.EachRun, scenario.EachRun, true},
		{scenario.EachRun, scenario.EachRun, false},
	} {
		s := counting()
		build := s.Build
		s.Build = func(b *scenario.Setup) *scenario.Run {
			run := build(b)
			run.Isolation = c.asked
			if c.random {
				run.Plan.Random = cryptorand.Answers(1)
			}
			return run
		}
		w := s.World(7, s.Defaults)
		if got := s.Isolation(7, s.Defaults); got != c.want || w.Isolation != c.want || w.Salt != 7 {
			t.Errorf("%+v: %v, and a world with %v and salt %d", c, got, w.Isolation, w.Salt)
		}
		if alone := w.Isolation == explore.EachRun; alone != (w.Turns != nil) {
			t.Errorf("%+v: alone %v, and lists turns %v", c, alone, w.Turns != nil)
		}
	}
}
