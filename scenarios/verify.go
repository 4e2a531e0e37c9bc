package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// verify: a node broadcasts tampered transactions among honest ones.
func verify() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "verify",
		Shows:    "a dishonest node broadcasts transactions tampered with in every way; all nodes refuse each",
		MinNodes: 4,
		MaxNodes: 100_000,
		Defaults: defaults(5, 5*time.Minute),
		Own:      transfers(6, 0),
	}, buildVerify)
}

// The last node is the liar. It first broadcasts an ordinary transaction, which pays the
// node before it, together with all transactions that are wrong in themselves. Those that
// refer to the first one follow when that has its place in the order.
func buildVerify(p params) *scenario.Run {
	m := newMarket(p)
	liar := protocol.NodeID(p.Nodes - 1)
	m.Liars = []protocol.NodeID{liar}
	m.askHonest()

	forger, kinds, t := newTamperer(m.world, liar, liar-1), tamperings(), judge.NewTampered(&m.Network, liar)
	say := func(at protocol.Time, body []byte, name string, want ledger.Verdict) {
		m.say(at, liar, body)
		t.Say(body, name, want)
	}
	late := m.heard(m.begin + 1)
	m.bound = max(m.bound, m.after(late, graceDelays+fetchMost*len(kinds)))
	say(m.begin+1, forger.first.Encode(nil), "an ordinary transaction", ledger.Accepted)
	m.ledgers.Listed++
	for i, k := range kinds {
		at := m.said(m.begin+1, uint64(i))
		if k.late {
			at = m.said(late, uint64(i))
		}
		say(at, k.make(forger), k.name, k.want)
		m.ledgers.Logged++
	}

	c := m.commits
	checks := check.Suite{m.Joined(m.bound)}
	if p.Txs > 0 {
		checks = append(checks, c.Agreement(), c.Stability(), c.Validity(), p.faultFree(c.Progress(m.bound)))
	} else {
		checks = append(checks, check.Skip("AC1-AC4 of atomic commitment hold", judge.NoTransfers))
	}
	checks = append(checks, t.Kept(), p.faultFree(t.Judged()), p.faultFree(t.Refused(m.bound)), judge.NewNotary(&m.Network).Endorsed())
	r := m.run(append(checks, m.whole()...))
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(facts(s), t.Facts()...) }
	return r
}
