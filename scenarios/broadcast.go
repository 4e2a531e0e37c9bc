package scenarios

import (
	"time"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// broadcasting is the scenario broadcast: committed transactions flood.
func broadcasting() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "broadcast",
		Shows:    "committed transactions flood: every node receives each once, then traffic stops",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: defaults(12, time.Minute),
		Moot:     withoutTransfers,
		Own:      transfers(8, 0),
	}, buildBroadcast)
}

func buildBroadcast(p params) *scenario.Run {
	m := newMarket(p)
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1, m.transfer(i))
	}
	l, f := m.ledgers, m.floods
	r := m.run(check.Suite{
		m.Joined(m.bound),
		p.faultFree(f.Everywhere(m.bound)), p.faultFree(f.Exact(m.bound)), p.faultFree(f.Quiet(m.bound)), p.faultFree(f.Repaired()),
		p.faultFree(l.Integrity()), l.Answered(m.bound), l.Audited(), l.EqualAtEnd(m.bound), m.history.Linearizable(),
	})
	alsoMeasure(r, f.Measure)
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(f.Facts(), facts(s)...) }
	return r
}
