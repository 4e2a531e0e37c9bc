package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// concurrent: many transfers at once from many nodes end in one ledger.
func concurrent() *Scenario {
	return &Scenario{
		Name:     "concurrent",
		Shows:    "many transfers at once: two-phase commit, one total order, the same ledger on every node",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: Params{
			Nodes: 8, Txs: 20, Order: abcast.ISIS.String(),
			Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Abort: protocol.Percent(5), Until: time.Minute,
		},
		build: buildConcurrent,
	}
}

// Questions of the workload; they are named by the transfer.
var (
	kindSender   = protocol.KindOf("work.sender")
	kindReceiver = protocol.KindOf("work.receive")
	kindWitness  = protocol.KindOf("work.witness")
	kindAmount   = protocol.KindOf("work.amount")
)

// The first two transfers go from left to right and from right to left at once,
// and the links between these two are so slow that each has begun to broadcast
// before it hears of the other's broadcast: so two transactions reach two nodes in
// different orders. They are never aborted at random, nor lost on these links.
const (
	left       = 1
	right      = 2
	slowDelays = 9
	maxAmount  = 1000
	// attemptDelays is how long an attempt takes that is aborted, with the pause
	// after it, at the most.
	attemptDelays = 100
)

func buildConcurrent(seed uint64, p Params, src protocol.Source) *Run {
	w := newWorld(seed, p, src)
	w.abort = func(id twopc.ID) protocol.Ratio {
		if id.Transfer < 2 {
			return protocol.Ratio{}
		}
		return p.Abort
	}
	plan := w.plan(1)
	client := protocol.NodeID(p.Nodes)
	near := sim.Link{Delay: p.Delay, Jitter: p.Jitter}
	slow := sim.Link{Delay: slowDelays * w.delay}
	plan.Links = []sim.LinkRule{
		{From: client, To: sim.Any, Link: near},
		{From: sim.Any, To: client, Link: near},
		{From: left, To: right, Link: slow},
		{From: right, To: left, Link: slow},
	}
	for i := range uint64(p.Txs) {
		sender, r := w.transfer(i)
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: w.begin + 1, Node: client, Body: peer.OrderInput(sender, r)})
	}
	forged := w.forged()
	for i, to := range []protocol.NodeID{0, right} {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(p.Txs + i), At: w.begin + 1, Node: to, Body: gossip.Data(forged)})
	}
	plan.Inputs = w.inputs(plan.Inputs)
	bound := w.after(w.begin, graceDelays+50*p.Txs+attemptDelays*repeats(p.Abort, 3))
	c, l := newCommits(), newLedgers(w, forged)
	return &Run{
		Plan: plan,
		Checks: check.Suite{
			w.joinedCheck(bound),
			c.agreement(), c.stability(), c.validity(), c.progress(bound, p.Txs),
			l.order(), l.sameHashes(), l.conserved(), l.spentOnce(), l.nothingForged(),
			l.answered(bound), l.equalAtEnd(bound), l.noReservation(bound), l.reordered(),
		},
		watch: []sim.Observer{&w.sent},
		nodes: w.rows,
		facts: func(s *sim.Sim) []Fact { return append(c.facts(), l.facts()...) },
	}
}

// transfer gives the workload's transfer i: who sends what to whom.
func (w *world) transfer(i uint64) (sender protocol.NodeID, r peer.Request) {
	n := uint64(w.p.Nodes)
	s := w.choose(kindSender, i, n)
	to := (s + 1 + w.choose(kindReceiver, i, n-1)) % n
	switch i {
	case 0:
		s, to = left, right
	case 1:
		s, to = right, left
	}
	// The witness is one of the others, counted from the sender on.
	k := 1 + w.choose(kindWitness, i, n-2)
	if (to+n-s)%n <= k {
		k++
	}
	return protocol.NodeID(s), peer.Request{
		Transfer: i,
		Receiver: w.owners[to],
		Witness:  w.owners[(s+k)%n],
		Amount:   1 + w.choose(kindAmount, i, maxAmount),
	}
}

// forged gives a transaction that spends a coin of left in favour of right, as it
// would be, but for its endorsements: a stranger signed in everybody's name.
func (w *world) forged() []byte {
	stranger := ledger.NewKey(w.secret("stranger", 0))
	tx := &ledger.Tx{
		Version: ledger.Version,
		Network: w.genesis.Network(),
		Sender:  w.owners[left],
		Seq:     1 << 60,
		Inputs:  []ledger.Input{{Outpoint: ledger.Outpoint{TxID: w.genesis.TxID(), Index: left * coins}, Claimed: coinWorth}},
		Outputs: []ledger.TxOut{{Owner: w.owners[right], Amount: coinWorth}},
		Witness: w.owners[0],
	}
	for _, o := range tx.Endorsers() {
		tx.Endorse(ledger.Endorsement{Owner: o, Signature: stranger.Sign(nil, tx.Digest())})
	}
	return tx.Encode(nil)
}
