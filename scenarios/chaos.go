package scenarios

import "dessim/protocol"

// chaos: everything that can fail does, in a swarm, for a minute; then it heals. Lies and
// disks that rot are left out: not all is promised against them.
func chaos() *Scenario {
	return &Scenario{
		Name:     "chaos",
		Shows:    "every kind of fault but lies and rot at once, in a swarm, for a minute; then all heals and the ledgers are the same",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: stormDefaults(20, "swarm"),
		moot:     withoutFailures,
		build: func(seed uint64, p Params, src protocol.Source) *Run {
			m := newStorm(seed, p, src, chaosDelays)
			return m.judged(m.divided(), m.crashed())
		},
	}
}

// chaosDelays is a minute of the default delays.
const chaosDelays = 6000
