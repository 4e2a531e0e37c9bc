package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// story is the scenario ledger: the six tasks of the distributed ledger, one after the
// other in one network. Its summary tells them as a story.
func story() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "ledger",
		Shows:    "the whole story: bootstrap, commit, broadcast, verify, order, refuse the double spend",
		MinNodes: 4,
		MaxNodes: 100_000,
		Defaults: defaults(8, 5*time.Minute),
		Moot:     withoutTransfers,
		Own:      transfers(10, 5),
	}, buildStory)
}

// lookDelays is the time over which the lookups are spread, in delays.
const lookDelays = 100

func buildStory(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(id twopc.ID) protocol.Ratio {
		switch {
		case id.Client != m.client:
			return protocol.Ratio{} // so that only the conflict makes a node refuse
		case id.Transfer == 0 && id.Attempt == 1:
			return protocol.Percent(100) // so that the story has a retry
		}
		return p.Abort
	}
	spender := protocol.NodeID(p.Nodes - 1)
	m.Liars = []protocol.NodeID{spender - 1, spender}
	t := &tale{market: m, lookups: m.look(), doubles: newDoubles(m, spender)}
	t.act()
	c, l, k, f, d := m.commits, m.ledgers, t.lookups, t.floods, t.doubles
	r := m.run(check.Suite{
		m.Joined(m.bound), p.faultFree(k.Closest()), p.faultFree(k.Answered(m.bound)), p.faultFree(k.Keys(m.bound)),
		c.Agreement(), c.Stability(), c.Validity(), p.faultFree(c.Progress(m.bound)), p.retried(l.Retried()),
		p.faultFree(f.Everywhere(m.bound)), p.faultFree(f.Quiet(m.bound)),
		p.faultFree(l.NothingForged(t.forged)), judge.NewNotary(&m.Network).Endorsed(),
		l.Order(), p.faultFree(l.Integrity()), l.SameHashes(), l.Conserved(), l.Audited(),
		p.faultFree(d.judge.OneAccepted()), p.faultFree(d.judge.AllRefused(m.bound)), p.faultFree(d.judge.OneCommits()), p.faultFree(d.judge.VotedNo(m.bound)),
		l.Answered(m.bound), l.EqualAtEnd(m.bound), l.NoReservation(m.bound), m.history.Linearizable(),
	})
	r.Story = t.tell
	alsoMeasure(r, f.Measure, k.Measure)
	return r
}

// tale is the world of the story.
type tale struct {
	*market
	lookups *judge.Lookups
	doubles *doubles
	forged  []byte
}

// look makes every node look up the next one and fetch its key.
func (m *market) look() *judge.Lookups {
	var quests []judge.Quest
	n := m.p.Nodes
	for a := range n {
		quests = append(quests, judge.Quest{Asker: a, Target: (a + 1) % n}, judge.Quest{Asker: a, Target: (a + 1) % n, Key: true})
	}
	return m.addQuests(&m.plan, quests, m.begin, lookDelays) // the first inputs
}

// act adds the acts' inputs, one act after the other.
func (t *tale) act() {
	trade := t.after(t.begin, lookDelays+graceDelays/10)
	for i := range uint64(t.p.Txs) {
		t.ask(t.said(trade, i), t.honest(i))
	}
	t.forged = t.world.forged()
	for _, to := range []protocol.NodeID{0, right} {
		t.input(trade, to, gossip.Data(t.forged))
	}
	d := t.doubles
	d.early = t.heard(t.after(trade, graceDelays/10))
	d.late = t.heard(d.early)
	t.bound = max(t.bound, t.after(d.late, graceDelays))
	both := []ledger.Verdict{ledger.InputSpent, ledger.InputSpent}
	c := d.judge.Conflict("one liar, one after the other", both)
	d.say(c, d.early, d.spender, d.pay(0, 1, 0))
	d.say(c, d.late, d.spender, d.pay(1, 0, 0))
	c = d.judge.Conflict("two liars at once", both)
	d.say(c, d.early, d.spender, d.pay(0, 1, 1))
	d.say(c, d.early, d.other, d.pay(1, 0, 1))
	d.rival("honest endorsers, one after the other", 2, d.early, d.late)
}

// tell returns the story: a sentence or two for each task.
func (t *tale) tell() []string {
	s, n := t.Nodes[0].Ledger(), t.p.Nodes
	committed, aborted := t.commits.Count()
	looked, looks := t.lookups.Ended()
	bodies, messages, handed := t.floods.Bodies()
	forged := uint64(0)
	for _, node := range t.Nodes {
		forged += node.Stats().Forged
	}
	lines := []string{
		fmt.Sprintf("bootstrap: %d nodes joined through node 0; each looked the next one up (%d of %d found, %s hops on average) and fetched its key (%d).",
			n, looked, looks, t.lookups.MeanHops(), t.lookups.Found()),
		fmt.Sprintf("commit: the client asked for %d transfers; two-phase commit took %d attempts, of which %d committed and %d aborted; %d transfers were accepted.",
			t.ledgers.Asked(), committed+aborted, committed, aborted, t.ledgers.Accepted()),
		fmt.Sprintf("broadcast: %d bodies flooded in %d messages; every node was handed each once (%d times in all).",
			bodies, messages, handed),
		fmt.Sprintf("verify: a stranger handed in a transaction with forged signatures; it was refused %d times and passed on by no node.", forged),
		fmt.Sprintf("order: %d transactions have one place each on all nodes, by %s; all logs hash to %s.", s.LogLen(), t.p.Order, s.LogHash().String()[:16]),
	}
	for _, c := range t.doubles.judge.Conflicts {
		if c.Winner != nil {
			lines = append(lines, fmt.Sprintf("double spend, %s: node %v's coin was spent %d times; every node accepted %v and refused the rest.",
				c.Name, t.doubles.spender, c.Said, c.Winner.String()[:8]))
		}
	}
	for _, r := range t.doubles.judge.Rivals {
		lines = append(lines, fmt.Sprintf("double spend against %s: %d of 2 committed, the other got %d votes of no.", r.Name, r.Commits, r.Noes))
	}
	return append(lines, fmt.Sprintf("the end: every node lists the same %d transactions, hash %s; their unspent outputs are worth %d, as was minted.",
		s.ListLen(), s.ListHash().String()[:16], s.Total()))
}
