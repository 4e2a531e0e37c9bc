package scenarios

import (
	"fmt"
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

// verify: a node says tampered transactions among honest ones.
func verify() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "verify",
		Shows:    "a dishonest node says transactions tampered with in every way: each is refused everywhere",
		MinNodes: 4,
		MaxNodes: 100_000,
		Defaults: scenario.Params{Nodes: 5, Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Until: 5 * time.Minute},
		Own: transfers(6, 0),
	}, buildVerify)
}

// The last node is the liar. It says an ordinary transaction first, which pays the
// node before it, and meanwhile all that is wrong in itself; what refers to the
// first transaction it says when that has its place in the order.
func buildVerify(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(twopc.ID) protocol.Ratio { return p.Abort }
	liar := protocol.NodeID(p.Nodes - 1)
	m.Liars = []protocol.NodeID{liar}
	m.askHonest()

	forger, kinds := newTamperer(m.world, liar, liar-1), tamperings()
	t := &tampered{m: m, liar: liar, kinds: kinds, said: make(map[ledger.ID]*statement)}
	late := m.heard(m.begin + 1)
	m.bound = max(m.bound, m.after(late, graceDelays+fetchMost*len(kinds)))
	t.say(m.begin+1, forger.first.Encode(nil), first)
	m.ledgers.Listed++
	for i, k := range kinds {
		at := m.said(m.begin+1, uint64(i))
		if k.late {
			at = m.said(late, uint64(i))
		}
		t.say(at, k.make(forger), i)
		m.ledgers.Logged++
	}

	c := m.commits
	checks := check.Suite{m.Joined(m.bound)}
	if p.Txs > 0 {
		checks = append(checks, c.Agreement(), c.Stability(), c.Validity(), p.calmly(c.Progress(m.bound)))
	} else {
		checks = append(checks, check.Skip("AC1-AC4 of atomic commitment", judge.NoTransfers))
	}
	checks = append(checks, t.kept(), p.calmly(t.judged()), p.calmly(t.refused()), judge.NewNotary(&m.Network).Endorsed())
	r := m.run(append(checks, m.whole()...))
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(facts(s), t.facts()...) }
	return r
}

// tampered judges what became of what the liar said.
type tampered struct {
	m      *market
	liar   protocol.NodeID
	kinds  []tampering
	said   map[ledger.ID]*statement // by wtxid
	all    []*statement             // each once
	came   uint64                   // entries of them all, at all nodes
	wanted uint64
}

// first stands for the kind of the ordinary transaction.
const first = -1

// statement is a body that the liar says, perhaps several times.
type statement struct {
	kinds  []int // in the order of saying
	logged []int // by node: entries so far
}

// say has the liar say a body of that kind.
func (t *tampered) say(at protocol.Time, body []byte, kind int) {
	t.m.input(at, t.liar, peer.SayInput(body))
	t.wanted += uint64(t.m.p.Nodes)
	id := ledger.ID(gossip.Sum(body))
	s := t.said[id]
	if s == nil {
		s = &statement{logged: make([]int, t.m.p.Nodes)}
		t.said[id] = s
		t.all = append(t.all, s)
	}
	s.kinds = append(s.kinds, kind)
}

func (t *tampered) want(kind int) ledger.Verdict {
	if kind == first {
		return ledger.Accepted
	}
	return t.kinds[kind].want
}

func (t *tampered) name(kind int) string {
	if kind == first {
		return "an ordinary transaction"
	}
	return t.kinds[kind].name
}

// kept demands that what is wrong in itself is passed on by no honest node. It is
// exercised by each refusal. A node may answer who fetches such a body for its log:
// that is another kind of message.
func (t *tampered) kept() *check.Check {
	return check.Always("what fails verification is passed on by nobody", sim.Output|sim.Sent, func(e *sim.Event) (bool, error) {
		switch {
		case e.Node == t.liar:
		case e.Kind == peer.KindRefused:
			id, _, ok := peer.DecodeRefused(e.Body)
			return ok && t.said[id] != nil, nil
		case e.What == sim.Sent && (e.Kind == gossip.KindData || e.Kind == gossip.KindBody):
			body, ok := gossip.Payload(e.Body)
			if !ok {
				return false, nil
			}
			if s := t.said[ledger.ID(gossip.Sum(body))]; s != nil && !verified(t.want(s.kinds[0])) {
				return true, fmt.Errorf("node %v passes on to node %v: %s", e.Node, e.Peer, t.name(s.kinds[0]))
			}
		}
		return false, nil
	})
}

// judged demands that each tampered transaction gets the verdict of the rule that it
// breaks, at every node.
func (t *tampered) judged() *check.Check {
	return check.Always("each tampered transaction is refused for what is wrong with it", sim.Output, func(e *sim.Event) (bool, error) {
		x, ok := judge.Entry(e)
		if !ok {
			return false, nil
		}
		s := t.said[x.WTxID]
		if s == nil {
			return false, nil
		}
		n := s.logged[e.Node]
		if n == len(s.kinds) {
			return true, fmt.Errorf("node %v has entry %d, %s, once more than it was said", e.Node, x.Index, t.name(s.kinds[n-1]))
		}
		s.logged[e.Node]++
		t.came++
		if want := t.want(s.kinds[n]); x.Verdict != want {
			return true, fmt.Errorf("node %v has entry %d, %s: %v, want %v", e.Node, x.Index, t.name(s.kinds[n]), x.Verdict, want)
		}
		return true, nil
	})
}

// refused demands that every kind of tampering ends in the log of every node.
func (t *tampered) refused() *check.Check {
	return check.Eventually("every kind of tampering is refused on every node", t.m.bound, func() (uint64, error) {
		if t.came == t.wanted {
			return t.came, nil
		}
		for _, s := range t.all {
			for node, n := range s.logged {
				if n < len(s.kinds) {
					return t.came, fmt.Errorf("node %d has not logged: %s", node, t.name(s.kinds[n]))
				}
			}
		}
		return t.came, nil
	})
}

// facts tells of each kind how many nodes refused it.
func (t *tampered) facts() []scenario.Fact {
	count := make([]int, len(t.kinds))
	for _, s := range t.all {
		for _, n := range s.logged {
			for _, kind := range s.kinds[:n] {
				if kind != first {
					count[kind]++
				}
			}
		}
	}
	var facts []scenario.Fact
	for i, k := range t.kinds {
		facts = append(facts, scenario.Fact{Name: "refused: " + k.name, Value: fmt.Sprintf("%v, by %d nodes", k.want, count[i])})
	}
	return facts
}
