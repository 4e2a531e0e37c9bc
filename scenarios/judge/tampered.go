package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Tampered judges what happens to the transactions that a liar broadcasts.
type Tampered struct {
	nodes  int
	liar   protocol.NodeID
	kinds  []kind
	said   map[ledger.ID]*statement // by wtxid
	all    []*statement             // each once
	came   uint64                   // entries of all statements, at all nodes
	wanted uint64
}

// kind is one way to tamper, and the verdict that it must get.
type kind struct {
	name string
	want ledger.Verdict
}

// statement is a body that the liar broadcasts, perhaps several times.
type statement struct {
	kinds  []int // in the order of broadcasting
	logged []int // by node: entries so far
}

// NewTampered returns a judge of the liar's broadcasts in a network.
func NewTampered(n *Network, liar protocol.NodeID) *Tampered {
	return &Tampered{nodes: len(n.Nodes), liar: liar, said: make(map[ledger.ID]*statement)}
}

// Say records that the liar will broadcast a body, which must get that verdict.
func (t *Tampered) Say(body []byte, name string, want ledger.Verdict) {
	t.wanted += uint64(t.nodes)
	id := ledger.ID(gossip.Sum(body))
	s := t.said[id]
	if s == nil {
		s = &statement{logged: make([]int, t.nodes)}
		t.said[id] = s
		t.all = append(t.all, s)
	}
	s.kinds = append(s.kinds, len(t.kinds))
	t.kinds = append(t.kinds, kind{name, want})
}

// verified reports whether a transaction with that verdict passes all stages that need no
// state, so that nodes may pass it on. Verdicts are numbered by stage.
func verified(v ledger.Verdict) bool { return v == ledger.Accepted || v >= ledger.DuplicateTx }

// Kept requires that no honest node passes on a transaction that is wrong in itself. It is
// exercised by each refusal, and by each body that is passed on: a crash may keep the liar from
// saying anything. A node may still send such a body to a node that fetches it for its log: that
// is another kind of message.
func (t *Tampered) Kept() *check.Check {
	return check.Always("no node passes on what fails verification", sim.Output|sim.Sent, func(e *sim.Event) (bool, error) {
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
			if s := t.said[ledger.ID(gossip.Sum(body))]; s != nil && !verified(t.kinds[s.kinds[0]].want) {
				return true, fmt.Errorf("node %v passes on to node %v: %s", e.Node, e.Peer, t.kinds[s.kinds[0]].name)
			}
			return true, nil
		}
		return false, nil
	}).OfMessages(sim.Sent, ofGossip)
}

// Judged requires that each tampered transaction gets the verdict of the rule that it
// breaks, at every node.
func (t *Tampered) Judged() *check.Check {
	return check.Always("each tampered transaction is refused for its flaw", sim.Output, func(e *sim.Event) (bool, error) {
		x, ok := Entry(e)
		if !ok {
			return false, nil
		}
		s := t.said[x.WTxID]
		if s == nil {
			return false, nil
		}
		n := s.logged[e.Node]
		if n == len(s.kinds) {
			return true, fmt.Errorf("node %v has entry %d, %s, more often than it was broadcast", e.Node, x.Index, t.kinds[s.kinds[n-1]].name)
		}
		s.logged[e.Node]++
		t.came++
		if k := t.kinds[s.kinds[n]]; x.Verdict != k.want {
			return true, fmt.Errorf("node %v has entry %d, %s: %v, want %v", e.Node, x.Index, k.name, x.Verdict, k.want)
		}
		return true, nil
	})
}

// Refused requires that every kind of tampering ends in the log of every node.
func (t *Tampered) Refused(bound protocol.Time) *check.Check {
	return check.Eventually("every node refuses every kind of tampering", bound, func() (uint64, error) {
		if t.came == t.wanted {
			return t.came, nil
		}
		for _, s := range t.all {
			for node, n := range s.logged {
				if n < len(s.kinds) {
					return t.came, fmt.Errorf("node %d has not logged: %s", node, t.kinds[s.kinds[n]].name)
				}
			}
		}
		return t.came, nil
	})
}

// Facts returns, for each kind of tampering, how many nodes refused it.
func (t *Tampered) Facts() []scenario.Fact {
	count := make([]int, len(t.kinds))
	for _, s := range t.all {
		for _, n := range s.logged {
			for _, i := range s.kinds[:n] {
				count[i]++
			}
		}
	}
	var facts []scenario.Fact
	for i, k := range t.kinds {
		if k.want != ledger.Accepted {
			facts = append(facts, scenario.Fact{Name: "refused: " + k.name, Value: fmt.Sprintf("%v, by %d nodes", k.want, count[i])})
		}
	}
	return facts
}
