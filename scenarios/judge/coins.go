package judge

import (
	"encoding/binary"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// Coins judges which coins nodes keep for what they have committed. A node that forgets one,
// after a restart too, spends it again or agrees that another does, so what has committed is
// refused.
type Coins struct {
	c     *Commits
	l     *Ledgers
	nodes []keeper // by member
	armed []bool   // by member: it has open ones
	key   []byte   // scratch
}

// keeper is what a node must keep coins for.
type keeper struct {
	all     []kept // that it has committed
	open    []kept // of them, those that had no place in its log when it was last compared
	refused map[ledger.ID]bool

	places compared // what was known of places when open was last looked through
}

// compared is what must change for a commit of an open list to get its place, or to be refused.
type compared struct {
	ledger  *ledger.State
	logged  uint64
	open    int
	refused int
}

// kept is a commit whose coins are kept.
type kept struct {
	*commit
	txid ledger.ID
}

// NewCoins returns a judge of the coins of what c records, in the ledgers of l.
func NewCoins(c *Commits, l *Ledgers) *Coins {
	return &Coins{c: c, l: l, nodes: make([]keeper, len(l.net.Nodes)), armed: make([]bool, len(l.net.Nodes))}
}

// Kept requires that a node which has committed a transaction keeps its inputs, by a promise
// or a reservation, until it has a place in the node's log, or one of them is spent. A node is
// compared when its next step begins. Nodes that lie are exempt.
func (x *Coins) Kept(lies func(id protocol.NodeID) bool) *check.Check {
	watch := sim.Output | sim.Crashed | sim.Received | sim.Fired
	c := check.Always("coins of a commit are kept until its place", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(x.nodes)) {
			return false, nil // a client
		}
		k := &x.nodes[e.Node]
		defer func() { x.armed[e.Node] = len(k.open) > 0 }()
		switch e.What {
		case sim.Crashed: // its log is built again
			k.open, k.refused, k.places = slices.Clone(k.all), nil, compared{}
			return false, nil
		case sim.Output:
			x.output(e, k)
			return false, nil
		}
		if len(k.open) == 0 || lies(e.Node) || slices.Contains(x.l.net.Liars, e.Node) {
			return false, nil
		}
		return true, x.compare(e.Node, k)
	})
	return ArmedSteps(c, x.armed).OfOutputs(twopc.KindDecided, peer.KindEntry).OrNotApplicable("nothing committed waited for its place")
}

func (x *Coins) output(e *sim.Event, k *keeper) {
	if t, now, ok := x.c.decidedNow(); ok {
		if now.commit && t.tx != nil && !slices.ContainsFunc(k.all, func(o kept) bool { return o.commit == t }) {
			x := kept{t, t.tx.TxID()}
			k.all, k.open = append(k.all, x), append(k.open, x)
		}
		return
	}
	if !x.l.entered || x.l.entry.Verdict == ledger.Accepted {
		return
	}
	if body, ok := x.l.net.Nodes[e.Node].Body(x.l.entry.WTxID); ok {
		if tx, v := ledger.Decode(body); v == ledger.Accepted {
			if k.refused == nil {
				k.refused = make(map[ledger.ID]bool)
			}
			k.refused[tx.TxID()] = true
		}
	}
}

// compare requires that a node keeps the coins of what is open.
func (x *Coins) compare(node protocol.NodeID, k *keeper) (missing error) {
	n := x.l.net.Nodes[node]
	now := compared{n.Ledger(), n.Ledger().LogLen(), len(k.open), len(k.refused)}
	placed := now != k.places
	open := k.open[:0]
	for _, t := range k.open {
		if placed && (k.refused[t.txid] || now.ledger.Listed(t.txid)) {
			continue
		}
		p := x.lost(n, &t)
		if p != nil && !spendable(now.ledger, t.tx) {
			continue
		}
		if p != nil && missing == nil {
			missing = fmt.Errorf("node %v has committed %v, which has no place yet, and does not keep its input %d of %v", node, t.id, p.Index, p.TxID.String()[:8])
		}
		open = append(open, t)
	}
	clear(k.open[len(open):])
	now.open = len(open)
	k.open, k.places = open, now
	return missing
}

// lost returns the first input of a transaction that a node does not keep for it, or nil.
func (x *Coins) lost(n *peer.Node, t *kept) *ledger.Outpoint {
	for i := range t.tx.Inputs {
		p := &t.tx.Inputs[i].Outpoint
		if by, promised := n.Promised(*p); promised && by == t.txid {
			continue
		}
		x.key = binary.BigEndian.AppendUint32(append(x.key[:0], p.TxID[:]...), p.Index)
		if holder, _ := n.Holder(x.key); holder != t.id {
			return p
		}
	}
	return nil
}

// spendable reports whether all inputs of a transaction are unspent.
func spendable(s *ledger.State, tx *ledger.Tx) bool {
	found := 0
	for p := range s.Unspent(tx.Sender) {
		if slices.ContainsFunc(tx.Inputs, func(in ledger.Input) bool { return in.Outpoint == p }) {
			found++
		}
	}
	return found == len(tx.Inputs)
}
