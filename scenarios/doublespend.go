package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// doubleSpend: coins are spent twice, in every way.
func doubleSpend() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "doublespend",
		Shows:    "coins are spent twice, with colluding and with honest endorsers; one spend of each is accepted",
		MinNodes: 4,
		MaxNodes: 100_000,
		Defaults: defaults(5, 5*time.Minute),
		Own:      transfers(6, 0),
	}, buildDoubleSpend)
}

// The last two nodes are liars, and each conflict is about a different coin of the last
// one. In a collusion all parties have endorsed both transactions, as the plan arranges.
// Against honest endorsers the spender must coordinate two-phase commit, in which they
// vote.
func buildDoubleSpend(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Client != m.client {
			return protocol.Ratio{} // so that only the conflict makes a node refuse
		}
		return p.Abort
	}
	spender := protocol.NodeID(p.Nodes - 1)
	m.Liars = []protocol.NodeID{spender - 1, spender}
	m.askHonest()

	d := newDoubles(m, spender)
	d.early, d.late = m.begin+1, m.heard(m.begin+1)
	m.bound = max(m.bound, m.after(d.late, graceDelays))
	d.collude()
	d.compete()
	if p.Nodes >= splitNodes {
		d.split()
	}

	c, j := m.commits, d.judge
	r := m.run(slices.Concat(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(), p.faultFree(c.Progress(m.bound)),
		p.faultFree(j.OneAccepted()), p.faultFree(j.AllRefused(m.bound)), p.faultFree(j.OneCommits()), p.faultFree(j.VotedNo(m.bound)), p.faultFree(j.Crossed()), p.faultFree(d.bothCommit()),
		judge.NewNotary(&m.Network).Endorsed(),
	}, m.whole(), check.Suite{m.history.Linearizable()}))
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(facts(s), j.Facts()...) }
	return r
}

// doubles makes liars spend coins twice.
type doubles struct {
	m       *market
	judge   *judge.DoubleSpends
	spender protocol.NodeID // the liar whose coins are spent
	other   protocol.NodeID // the other liar
	early   protocol.Time   // when the liars broadcast first
	late    protocol.Time   // when those broadcasts have their places in the order
	seq     uint64
}

// newDoubles makes the liar spender spend coins twice, with the help of the node before it.
func newDoubles(m *market, spender protocol.NodeID) *doubles {
	return &doubles{m: m, judge: judge.NewDoubleSpends(m.ledgers), spender: spender, other: spender - 1}
}

// pay returns the spender's next transaction, on its coin, endorsed by all.
func (d *doubles) pay(to, witness protocol.NodeID, coin uint32) *ledger.Tx {
	d.seq++
	return d.m.endorse(d.m.payment(d.spender, to, witness, coin, d.seq))
}

// collude makes the liars broadcast the conflicts in which all parties collude.
func (d *doubles) collude() {
	early, pay := d.early, d.pay
	both := []ledger.Verdict{ledger.InputSpent, ledger.InputSpent}

	c := d.judge.Conflict("one liar, one after the other", both)
	d.say(c, early, d.spender, pay(0, 1, 0))
	d.say(c, d.late, d.spender, pay(1, 0, 0))

	c = d.judge.Conflict("two liars at once", both)
	d.say(c, early, d.spender, pay(0, 1, 1))
	d.say(c, early, d.other, pay(1, 0, 1))

	c = d.judge.Conflict("the same transaction twice", []ledger.Verdict{ledger.DuplicateTx})
	again := pay(0, 1, 2)
	d.say(c, early, d.spender, again)
	d.say(c, early, d.other, again)

	c = d.judge.Conflict("one spender with two witnesses", both)
	d.say(c, early, d.spender, pay(0, 1, 3))
	d.say(c, early, d.other, pay(0, d.other, 3))

	c = d.judge.Conflict("two witnesses of one Lamport pair", []ledger.Verdict{ledger.PairReused, ledger.PairReused})
	d.say(c, early, d.spender, pay(0, 1, 4))
	d.seq-- // the previous transaction's pair again
	d.say(c, early, d.other, pay(0, d.other, 4))

	c = d.judge.Conflict("the same with a high s", []ledger.Verdict{ledger.Accepted, ledger.HighS})
	low := pay(0, 1, 5)
	high := *low
	high.Endorsements = append([]ledger.Endorsement(nil), low.Endorsements...)
	high.Endorsements[0].Signature = highS(high.Endorsements[0].Signature)
	d.say(c, early, d.spender, low)
	d.say(c, early, d.other, &high)
}

// say makes a liar broadcast a transaction of the conflict.
func (d *doubles) say(c *judge.Conflict, at protocol.Time, liar protocol.NodeID, tx *ledger.Tx) {
	d.m.say(at, liar, tx.Encode(nil))
	d.m.history.Say(at, liar, tx, c.Flawed())
	d.judge.Say(c, tx.WTxID())
}

// compete asks honest endorsers for rivals. The first two nodes are asked for both of
// a pair, each once as the receiver and once as the witness.
func (d *doubles) compete() {
	d.rival("honest endorsers, one after the other", 6, d.early, d.late)
	d.rival("honest endorsers at once", 7, d.early, d.early)
}

// rival makes the spender coordinate two-phase commit for two transactions on a coin.
func (d *doubles) rival(name string, coin uint32, at1, at2 protocol.Time) {
	var attempts [2]twopc.ID
	for i, at := range []protocol.Time{at1, at2} {
		d.seq++
		receiver, witness := protocol.NodeID(i), protocol.NodeID(1-i)
		tx := d.m.payment(d.spender, receiver, witness, coin, d.seq)
		attempts[i] = twopc.ID{Client: d.spender, Transfer: d.seq, Attempt: 1}
		d.m.spend(at, d.spender, d.seq, [2]protocol.NodeID{receiver, witness}, tx)
	}
	d.judge.Compete(name, attempts)
}

// splitNodes is the least number of nodes for split: three honest ones, and the liars.
const splitNodes = 5

// split makes the other liar spend a coin in two transactions before different parties: two
// honest ones, and one with a liar that votes as an honest node does. None of them knows of
// both, so all vote yes, both transactions commit, and the second is refused in the order. It
// spends another coin too, which must be free again: later the liar pays all that it has left
// to a party of the second, before one of the first.
func (d *doubles) split() {
	m, at := d.m, d.m.heard(d.late)
	var attempts [2]twopc.ID
	var wtxids [2]ledger.ID
	for i, parties := range [2][2]protocol.NodeID{{0, 2}, {1, d.spender}} {
		d.seq++
		tx := m.payment(d.other, parties[0], parties[1], 0, d.seq)
		if i == 1 {
			tx.Inputs = append(tx.Inputs, ledger.Input{Outpoint: m.genesisCoin(d.other, 1), Claimed: coinWorth})
			tx.Outputs[1].Amount += coinWorth
		}
		m.spend(at, d.other, d.seq, parties, tx)
		attempts[i], wtxids[i] = twopc.ID{Client: d.other, Transfer: d.seq, Attempt: 1}, m.endorse(tx).WTxID()
	}
	d.judge.Split("honest endorsers of one each", attempts, wtxids)
	if m.p.Txs == 0 {
		return // then clients ask for nothing
	}
	later := m.heard(m.heard(at))
	const left = coins*coinWorth - paid
	m.ask(later, transfer{sender: d.other, Request: peer.Request{Transfer: uint64(m.p.Txs), Receiver: m.Owners[1], Witness: m.Owners[0], Amount: left}})
	m.bound = max(m.bound, m.after(later, graceDelays))
}

// bothCommit rules the check out if there are too few nodes for split.
func (d *doubles) bothCommit() *check.Check {
	c := d.judge.BothCommit()
	if d.m.p.Nodes < splitNodes {
		return c.Skipped("there are too few nodes for two spends with other parties")
	}
	return c
}
