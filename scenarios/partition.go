package scenarios

import "dessim/sim/scenario"

// partition: the network splits and heals while both sides are asked for transfers.
func partition() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "partition",
		Shows:    "the network splits, in two or more, one way or flapping, with transfers on all sides; then it heals",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("partition,cut,ring,flap" + stale),
		Moot:     withoutFailures,
		Own:      transfers(12, 5),
	}, func(p params) *scenario.Run {
		m := newFaultyMarket(p, 2*windowDelays)
		return m.judged(m.divided())
	})
}
