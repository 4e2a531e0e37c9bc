package scenarios

import "dessim/protocol"

// partition: the network splits and heals while both sides are asked for transfers.
func partition() *Scenario {
	return &Scenario{
		Name:     "partition",
		Shows:    "the network splits, in two or more, one way or flapping, with transfers on all sides; then it heals",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: stormDefaults(12, "partition,cut,ring,flap"),
		moot:     withoutFailures,
		build: func(seed uint64, p Params, src protocol.Source) *Run {
			m := newStorm(seed, p, src, 2*stormDelays)
			return m.judged(m.divided())
		},
	}
}
