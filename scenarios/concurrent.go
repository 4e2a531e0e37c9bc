package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// concurrent: many transfers at once from many nodes end in one ledger.
func concurrent() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "concurrent",
		Shows:    "many transfers at once: two-phase commit, one total order, the same ledger on every node",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: defaults(8, time.Minute),
		Moot:     withoutTransfers,
		Own:      transfers(20, 5),
	}, buildConcurrent)
}

// The first two transfers go from left to right and from right to left at once. The links
// between the two are so slow that each begins its broadcast before it hears of the
// other's: so two transactions reach two nodes in different orders. These transfers never
// abort at random, and nothing is lost between the two. See judge.Network.Reordered for
// when that is not enough.
const (
	left       = 1
	right      = 2
	slowDelays = 9
)

func buildConcurrent(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Transfer < 2 {
			return protocol.Ratio{}
		}
		return p.Abort
	}
	slow := sim.Link{Delay: slowDelays * m.delay}
	m.plan.Links = append(m.plan.Links, sim.LinkRule{From: left, To: right, Link: slow}, sim.LinkRule{From: right, To: left, Link: slow})
	for i := range uint64(p.Txs) {
		t := m.transfer(i)
		switch i {
		case 0:
			t.between(m.world, left, right)
		case 1:
			t.between(m.world, right, left)
		}
		m.ask(m.begin+1, t)
	}
	forged := m.forged()
	for _, to := range []protocol.NodeID{0, right} {
		m.input(m.begin+1, to, gossip.Data(forged))
	}
	c, l := m.commits, m.ledgers
	return m.run(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(), p.faultFree(c.Progress(m.bound)),
		l.Order(), p.faultFree(l.Integrity()), l.SameHashes(), l.Conserved(), l.Audited(), p.faultFree(l.NothingForged(forged)),
		l.Answered(m.bound), l.EqualAtEnd(m.bound), l.NoReservation(m.bound), m.history.Linearizable(), m.Reordered(l.Asked(), p.Order == orderRaft),
	})
}

// forged returns a transaction that moves a coin from left to right and is valid but for
// its endorsements: a stranger signed for all parties.
func (w *world) forged() []byte {
	stranger := ledger.NewKey(w.secret("stranger", 0))
	tx := &ledger.Tx{
		Version: ledger.Version,
		Network: w.Genesis.Network(),
		Sender:  w.Owners[left],
		Seq:     1 << 60,
		Inputs:  []ledger.Input{{Outpoint: ledger.Outpoint{TxID: w.Genesis.TxID(), Index: left * coins}, Claimed: coinWorth}},
		Outputs: []ledger.TxOut{{Owner: w.Owners[right], Amount: coinWorth}},
		Witness: w.Owners[0],
	}
	signature := stranger.Sign(nil, tx.Digest())
	for _, o := range tx.Endorsers() {
		tx.Endorse(ledger.Endorsement{Owner: o, Signature: signature})
	}
	return tx.Encode(nil)
}
