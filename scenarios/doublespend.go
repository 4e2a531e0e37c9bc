package scenarios

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
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
		Shows:    "coins are spent twice, by endorsers that collude and against honest ones: one of each is accepted",
		MinNodes: 4,
		MaxNodes: 100_000,
		Defaults: scenario.Params{Nodes: 5, Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Until: 5 * time.Minute},
		Own: transfers(6, 0),
	}, buildDoubleSpend)
}

// The last two nodes are liars, and each conflict is about another coin of the last
// one. In a collusion all parties have endorsed both transactions, which the plan
// does for them; against honest endorsers the spender must coordinate two-phase
// commit, where they vote themselves.
func buildDoubleSpend(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		if id.Client != m.client {
			return protocol.Ratio{} // what is refused is refused for the conflict
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

	c := m.commits
	r := m.run(slices.Concat(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(), p.calmly(c.Progress(m.bound)),
		p.calmly(d.oneAccepted()), p.calmly(d.allRefused()), p.calmly(d.oneCommits()), p.calmly(d.votedNo()), p.calmly(d.crossed()),
		judge.NewNotary(&m.Network).Endorsed(),
	}, m.whole(), check.Suite{m.history.Linearizable()}))
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(facts(s), d.facts()...) }
	return r
}

// doubles judges the double spends.
type doubles struct {
	m         *market
	spender   protocol.NodeID // a liar whose coins are spent
	other     protocol.NodeID // the other liar
	early     protocol.Time   // when the first statements are made
	late      protocol.Time   // when what was said then has its place
	conflicts []*conflict
	of        map[ledger.ID]place // by wtxid
	attempts  map[twopc.ID]*rivals
	rivals    []*rivals // each once
	seq       uint64
}

// newDoubles judges the double spends of the liars spender and the one before it.
func newDoubles(m *market, spender protocol.NodeID) *doubles {
	return &doubles{m: m, spender: spender, other: spender - 1, of: make(map[ledger.ID]place), attempts: make(map[twopc.ID]*rivals)}
}

// pay gives the spender's next transaction, on its coin, endorsed by all.
func (d *doubles) pay(to, witness protocol.NodeID, coin uint32) *ledger.Tx {
	d.seq++
	return d.m.endorse(d.m.payment(d.spender, to, witness, coin, d.seq))
}

// conflict is two transactions, or one twice, of which one can be accepted at most, all validly
// endorsed by a collusion, unless loses says otherwise.
type conflict struct {
	name   string
	said   int
	winner *ledger.ID
	loses  []ledger.Verdict // by transaction: why it is refused when another is accepted; Accepted: it never is
	first  []int            // by node: 1 plus the transaction that it sent or received first
	began  [2]bool          // some node had that transaction first
	logged []int            // by node: entries so far
	won    []bool           // by node: one was accepted
}

// place is a transaction's among those of its conflict.
type place struct {
	*conflict
	i int
}

// rivals are two transactions on one coin that are put to honest endorsers, one of
// whom is asked for both.
type rivals struct {
	name    string
	ended   int
	commits int
	noes    int // of honest participants
}

// collude has the liars say the conflicts of which everybody is an accomplice.
func (d *doubles) collude() {
	early, pay := d.early, d.pay
	both := []ledger.Verdict{ledger.InputSpent, ledger.InputSpent}

	c := d.conflict("one liar, one after the other", both)
	d.say(c, early, d.spender, pay(0, 1, 0))
	d.say(c, d.late, d.spender, pay(1, 0, 0))

	c = d.conflict("two liars at once", both)
	d.say(c, early, d.spender, pay(0, 1, 1))
	d.say(c, early, d.other, pay(1, 0, 1))

	c = d.conflict("the same transaction twice", []ledger.Verdict{ledger.DuplicateTx})
	again := pay(0, 1, 2)
	d.say(c, early, d.spender, again)
	d.say(c, early, d.other, again)

	c = d.conflict("one spender with two witnesses", both)
	d.say(c, early, d.spender, pay(0, 1, 3))
	d.say(c, early, d.other, pay(0, d.other, 3))

	c = d.conflict("two witnesses of one Lamport pair", []ledger.Verdict{ledger.PairReused, ledger.PairReused})
	d.say(c, early, d.spender, pay(0, 1, 4))
	d.seq-- // the pair of the one before
	d.say(c, early, d.other, pay(0, d.other, 4))

	c = d.conflict("the same with a high s", []ledger.Verdict{ledger.Accepted, ledger.HighS})
	low := pay(0, 1, 5)
	high := *low
	high.Endorsements = append([]ledger.Endorsement(nil), low.Endorsements...)
	high.Endorsements[0].Signature = highS(high.Endorsements[0].Signature)
	d.say(c, early, d.spender, low)
	d.say(c, early, d.other, &high)
}

func (d *doubles) conflict(name string, loses []ledger.Verdict) *conflict {
	c := &conflict{name: name, loses: loses, first: make([]int, d.m.p.Nodes), logged: make([]int, d.m.p.Nodes), won: make([]bool, d.m.p.Nodes)}
	d.conflicts = append(d.conflicts, c)
	d.m.ledgers.Listed++
	return c
}

// say has a liar say a transaction of the conflict. All but one are refused.
func (d *doubles) say(c *conflict, at protocol.Time, liar protocol.NodeID, tx *ledger.Tx) {
	d.m.input(at, liar, peer.SayInput(tx.Encode(nil)))
	d.m.history.Say(at, liar, tx, c.said < len(c.loses) && c.loses[c.said] == ledger.HighS)
	id := tx.WTxID()
	if _, again := d.of[id]; !again {
		d.of[id] = place{c, c.said}
	}
	if c.said++; c.said > 1 {
		d.m.ledgers.Logged++
	}
}

// oneAccepted demands that of each conflict one transaction is accepted, the same at
// every node, and the others refused for the conflict.
func (d *doubles) oneAccepted() *check.Check {
	return check.Always("of each conflict one is accepted, the same everywhere", sim.Output, func(e *sim.Event) (bool, error) {
		x, ok := judge.Entry(e)
		if !ok {
			return false, nil
		}
		p, ok := d.of[x.WTxID]
		if !ok {
			return false, nil
		}
		p.logged[e.Node]++
		switch {
		case x.Verdict != ledger.Accepted && x.Verdict != p.loses[p.i]:
			return true, fmt.Errorf("%s: node %v has entry %d %v, want accepted or %v", p.name, e.Node, x.Index, x.Verdict, p.loses[p.i])
		case x.Verdict != ledger.Accepted:
			return true, nil
		case p.won[e.Node]:
			return true, fmt.Errorf("%s: node %v accepts a second one as entry %d", p.name, e.Node, x.Index)
		case p.winner != nil && *p.winner != x.WTxID:
			return true, fmt.Errorf("%s: node %v accepts %v, another node %v", p.name, e.Node, x.WTxID.String()[:8], p.winner.String()[:8])
		}
		p.won[e.Node], p.winner = true, &x.WTxID
		return true, nil
	})
}

// allRefused demands that every node outputs the whole conflict: one accepted, all
// others refused.
func (d *doubles) allRefused() *check.Check {
	return check.Eventually("every node refuses all but one of each conflict", d.m.bound, func() (uint64, error) {
		n := uint64(0)
		for _, c := range d.conflicts {
			for node, logged := range c.logged {
				switch {
				case logged < c.said:
					return n, fmt.Errorf("%s: node %d has logged %d of %d", c.name, node, logged, c.said)
				case !c.won[node]:
					return n, fmt.Errorf("%s: node %d has accepted none", c.name, node)
				}
				n++
			}
		}
		return n, nil
	})
}

// compete puts rivals to honest endorsers. The first two nodes are asked for both of
// a pair, each once as the receiver and once as the witness.
func (d *doubles) compete() {
	d.rival("honest endorsers, one after the other", 6, d.early, d.late)
	d.rival("honest endorsers at once", 7, d.early, d.early)
}

// rival has the spender coordinate two-phase commit for two transactions on a coin.
func (d *doubles) rival(name string, coin uint32, at1, at2 protocol.Time) {
	r := &rivals{name: name}
	d.rivals = append(d.rivals, r)
	for i, at := range []protocol.Time{at1, at2} {
		d.seq++
		receiver, witness := protocol.NodeID(i), protocol.NodeID(1-i)
		tx := d.m.payment(d.spender, receiver, witness, coin, d.seq)
		d.attempts[twopc.ID{Client: d.spender, Transfer: d.seq, Attempt: 1}] = r
		d.m.spend(at, d.spender, d.seq, [2]protocol.NodeID{receiver, witness}, tx)
	}
}

// oneCommits demands that of two rivals one commits at the most. What commits is
// then expected in every list.
func (d *doubles) oneCommits() *check.Check {
	return check.Always("honest endorsers let one of two rivals commit at most", sim.Output, func(e *sim.Event) (bool, error) {
		v, ok := twopc.DecodeOutput(e.Kind, e.Body)
		r := d.attempts[v.ID]
		switch {
		case !ok || r == nil:
			return false, nil
		case e.Kind == twopc.KindVoted && !v.Yes:
			r.noes++
		case e.Kind == twopc.KindDecided && e.Node == d.spender:
			r.ended++
			if v.Yes {
				r.commits++
				d.m.ledgers.Listed++
			}
			if r.commits > 1 {
				return true, fmt.Errorf("%s: transaction %v commits as well", r.name, v.ID)
			}
			return true, nil
		}
		return false, nil
	})
}

// votedNo demands that both of two rivals end, and that an honest participant voted
// no on one of them.
func (d *doubles) votedNo() *check.Check {
	return check.Eventually("honest endorsers vote no on a double spend", d.m.bound, func() (uint64, error) {
		n := 0
		for _, r := range d.rivals {
			switch {
			case r.ended < 2:
				return uint64(n), fmt.Errorf("%s: %d of 2 have ended", r.name, r.ended)
			case r.noes == 0:
				return uint64(n), fmt.Errorf("%s: nobody has voted no", r.name)
			}
			n += r.noes
		}
		return uint64(n), nil
	})
}

// crossed demands that rival statements of the two liars reached two nodes in
// different orders: each liar has its own before it hears of the other's.
func (d *doubles) crossed() *check.Check {
	return check.Sometimes("a conflict reached two nodes in different orders", check.EachRun, sim.Sent|sim.Received, func(e *sim.Event) bool {
		if e.Kind != gossip.KindData {
			return false
		}
		body, ok := gossip.Payload(e.Body)
		if !ok {
			return false
		}
		p, ok := d.of[ledger.ID(gossip.Sum(body))]
		if !ok || p.first[e.Node] != 0 {
			return false
		}
		p.first[e.Node] = p.i + 1
		p.began[p.i] = true
		return p.began[0] && p.began[1]
	})
}

// facts tells the end of each conflict.
func (d *doubles) facts() []scenario.Fact {
	var facts []scenario.Fact
	for _, c := range d.conflicts {
		won := 0
		for _, w := range c.won {
			if w {
				won++
			}
		}
		value := fmt.Sprintf("1 of %d accepted by %d nodes", c.said, won)
		if won == 0 {
			value = fmt.Sprintf("none of %d accepted yet", c.said)
		}
		facts = append(facts, scenario.Fact{Name: c.name, Value: value})
	}
	for _, r := range d.rivals {
		facts = append(facts, scenario.Fact{Name: r.name, Value: fmt.Sprintf("%d of 2 committed, %d voted no", r.commits, r.noes)})
	}
	return facts
}
