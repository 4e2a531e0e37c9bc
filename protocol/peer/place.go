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
	tx    *ledger.Tx
	body  []byte
	said  bool // broadcast by this life: package abcast cares for it until it has its place
}

// place broadcasts a commit, if that is this node's to do.
func (n *Node) place(env *protocol.Env, c *commit) {
	if c.said || !n.responsible(env.ID(), c) {
		return
	}
	c.said = true
	n.order.Broadcast(env, c.wtxid[:])
	n.flood.Broadcast(env, c.body)
}

// responsible tells whether it is node's to broadcast a commit: the coordinator's,
// or if that is in no view, the lowest other party's in it.
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

// placed takes note that a transaction has its place in the order.
func (n *Node) placed(id ledger.ID) {
	n.out.unplaced = slices.DeleteFunc(n.out.unplaced, func(c *commit) bool { return c.wtxid == id })
}

// viewChanged broadcasts again what the log before a view lacks. A view without
// this life is history, which is being told again: what comes after it may have
// what it lacks.
func (n *Node) viewChanged(env *protocol.Env, v abcast.View) {
	n.members = n.members[:0]
	for _, m := range v.Members {
		n.members = append(n.members, m.Node)
	}
	if !slices.Contains(v.Members, abcast.Life{Node: env.ID(), Incarnation: env.Incarnation()}) {
		return
	}
	for _, c := range slices.Clone(n.out.unplaced) {
		n.place(env, c)
	}
}
