package peer

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// The danger of a crash is a commit whose transaction never gets its place in the
// order, since the node that was to broadcast it is down. So every party remembers
// the commits without a place. When a view begins, whatever an earlier incarnation
// broadcast is in the log or never will be: then the coordinator broadcasts again
// what the log lacks, or, if it is not in the view, the lowest of the other parties
// does. When views follow quickly two may do so at once; the second place in the
// order is refused as spent by the first.

// commit is a committed transaction in which this node took part.
type commit struct {
	id    twopc.ID
	nodes []protocol.NodeID // coordinator first
	wtxid ledger.ID
	body  []byte
	sent  bool // broadcast by this incarnation: package abcast sees to its place
}

// place broadcasts a commit if this node is responsible for that.
func (n *Node) place(env *protocol.Env, c *commit) {
	if c.sent || !n.responsible(env.ID(), c) {
		return
	}
	c.sent = true
	n.order.Broadcast(env, c.wtxid[:])
	n.flood.Broadcast(env, c.body)
}

// responsible reports whether self is the party that broadcasts a commit: the
// coordinator or, if that is not in the view, the lowest other party in it.
func (n *Node) responsible(self protocol.NodeID, c *commit) bool {
	if c.nodes[0] == self {
		return true
	}
	if !n.cfg.Survive {
		return false
	}
	for i, id := range c.nodes {
		if _, in := slices.BinarySearch(n.members, id); in && (i == 0 || id < self) {
			return false
		}
	}
	_, in := slices.BinarySearch(n.members, self)
	return in
}

// HasPlace reports whether a transaction that this node has committed has its place in the
// order, by its id and txid. It is false of one that is refused at its place.
func (n *Node) HasPlace(id twopc.ID, tx ledger.ID) bool {
	return n.state.Listed(tx) || slices.ContainsFunc(n.queue.items, func(o ordered) bool {
		c := n.out.commits[o.id]
		return c != nil && c.id == id
	})
}

// placed records that a transaction has its place in the order.
func (n *Node) placed(id ledger.ID) {
	n.out.unplaced = slices.DeleteFunc(n.out.unplaced, func(c *commit) bool { return c.wtxid == id })
}

// hasPlace reports whether a commit needs no place any more: the order may be faster than
// the decision.
func (n *Node) hasPlace(tx *ledger.Tx, wtxid ledger.ID) bool {
	return n.state.Listed(tx.TxID()) || slices.ContainsFunc(n.queue.items, func(o ordered) bool { return o.id == wtxid })
}

// viewChanged broadcasts again what the log before a view lacks. A view without this
// incarnation is history that is being replayed: what the log lacks may follow it.
func (n *Node) viewChanged(env *protocol.Env, v abcast.View) {
	n.view, n.members = v.Number, n.members[:0]
	for _, m := range v.Members {
		n.members = append(n.members, m.Node)
	}
	if !slices.Contains(v.Members, abcast.Member{Node: env.ID(), Incarnation: env.Incarnation()}) {
		return
	}
	for _, c := range slices.Clone(n.out.unplaced) {
		n.place(env, c)
	}
}
