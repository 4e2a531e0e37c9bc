package scenarios

import "dessim/sim/scenario"

// chaos: faults of every kind, in a swarm, for a minute; then all heals. Byzantine nodes and
// rotting disks are left out: not all checks hold against them.
func chaos() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "chaos",
		Shows:    "every kind of fault but lies and rot, in a swarm, for a minute; then all heals and the ledgers agree",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("swarm" + stale),
		Moot:     withoutFailures,
		Own:      transfers(20, 5),
	}, func(p params) *scenario.Run {
		m := newFaultyMarket(p, chaosDelays)
		m.forget()
		return m.judged(m.divided(), m.crashed(), m.forgets())
	})
}

// chaosDelays is a minute of the default delays.
const chaosDelays = 6000
