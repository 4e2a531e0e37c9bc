package kvstore_test

import (
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/simtest"
	"example.com/kvstore/workload"
)

func TestAcknowledgedWritesAreReadBack(t *testing.T) {
	simtest.Run(t, simtest.Options{Nodes: 1, Seeds: 200, ShrinkRuns: 2000}, func(p simtest.Params) (sim.Plan, check.Suite) {
		plan := workload.Plan(20)
		plan.Faults = p.Faults(workload.Faults, workload.Storm())
		return plan, check.Suite{workload.Survive()}
	})
}
