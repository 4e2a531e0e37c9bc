package scenarios

import (
	"strings"
	"testing"
	"time"

	"dessim/sim/scenario"
	"dessim/sim/source"
)

// All of them are under way at once, of few senders, so that coins change hands often.
func TestManyTransfersAtOnceAreJudgedWhole(t *testing.T) {
	s := concurrent()
	p := s.Defaults
	p.Nodes, p.Until = 4, time.Hour
	set(t, s, &p, "txs", "300")
	r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
	for _, c := range r.Checks {
		if strings.HasSuffix(c.Name, "ledger history is linearizable") && c.Exercised != 300 {
			t.Errorf("%v: %s, %d requests ended, want 300", c.Verdict, c.Detail, c.Exercised)
		}
	}
	if r.Verdict != "pass" {
		t.Errorf("%v %s %v", r.Verdict, r.Failure, r.Checks)
	}
}
