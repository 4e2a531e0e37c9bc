package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// committing is the scenario commit: transfers by two-phase commit, some of which
// abort and are tried again.
func committing() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "commit",
		Shows:    "transfers by two-phase commit: random aborts, retries by the client, exact costs",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: defaults(6, time.Minute),
		Moot:     withoutTransfers,
		Own:      transfers(12, 10),
	}, buildCommit)
}

func buildCommit(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Transfer == 0 && id.Attempt == 1 {
			return protocol.Percent(100) // so that every run has an abort
		}
		return p.Abort
	}
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1, m.transfer(i))
	}
	c, l := m.commits, m.ledgers
	return m.run(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(), p.faultFree(c.Progress(m.bound)),
		p.faultFree(judge.NewCommitCosts(c).Check(m.bound, m.Link)), p.retried(l.Retried()),
		p.faultFree(l.Integrity()), l.Answered(m.bound), l.Conserved(), l.Audited(), l.EqualAtEnd(m.bound), l.NoReservation(m.bound),
	})
}
