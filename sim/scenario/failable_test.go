package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Its replay file could not be read: there faults hit only nodes that the parameter counts.
func TestAPlanWithAFaultOfAClientIsRefused(t *testing.T) {
	s := counting()
	build := s.Build
	s.Build = func(b *scenario.Setup) *scenario.Run {
		run := build(b)
		run.Plan.Nodes++
		run.Plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, Node: 2, At: 5}}
		return run
	}
	_, err := s.Prepare(1, s.Defaults, source.Seed(1), nil)
	var refused *scenario.PlanError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "hits node 2, want 0 to 1") {
		t.Errorf("the error is %v, want one that says that node 2 cannot fail", err)
	}
}
