package peer

import (
	"bytes"
	"math"

	"dessim/protocol"
	"dessim/protocol/ledger"
)

// A disk that several machines share can be made shorter only by all of them at once:
// once most records are about what is over, the node discards all of them, and each
// machine writes down again what still matters. One sync makes both final. If the node
// crashes before, the old records are there after the restart, and any of the new ones:
// every machine bears to read a record twice.

// endedRecords is the usual Config.Ended.
const endedRecords = 1024

// KindCompact is the question whether a node discards early: see Config.Compact.
var KindCompact = protocol.KindOf("compact")

// A checkpointer can write down again what its records say: of the orders that keep
// records package abcast's can, package raft's can't.
type checkpointer interface {
	Checkpoint(env *protocol.Env)
}

// tidy discards what has become too much. It is called at the end of each step.
func (n *Node) tidy(env *protocol.Env) {
	order, ok := n.order.(checkpointer)
	if !n.cfg.Survive || !ok {
		return
	}
	now := persisted(env.Effects())
	n.records += now
	early := now > 0 && env.Chance(KindCompact, n.cfg.Compact)
	if !early && !n.overgrown() {
		return
	}
	env.Sync() // what was reported by two-phase commit is safe then, so it has ended
	before := len(env.Effects())
	env.Discard(math.MaxUint64)
	n.vote.Checkpoint(env)
	order.Checkpoint(env)
	n.checkpoint(env)
	env.Sync()
	n.records = persisted(env.Effects()[before:])
}

// overgrown reports whether most records are about what is over, and many are.
func (n *Node) overgrown() bool {
	return n.records > n.ended && // else without a walk over all clients
		n.records > n.ended+2*(n.vote.Live()+len(n.bodies.own)+len(n.out.unplaced)+len(n.keys.known))
}

func persisted(effects []protocol.Effect) (n int) {
	for i := range effects {
		if effects[i].Op == protocol.OpPersist {
			n++
		}
	}
	return n
}

// checkpoint writes down this package's records again: all commits, those without a
// place in their order, the other bodies and the keys.
func (n *Node) checkpoint(env *protocol.Env) {
	unplaced := make(map[ledger.ID]bool)
	for _, c := range n.out.unplaced {
		unplaced[c.wtxid] = true
	}
	for _, id := range protocol.SortedKeysFunc(n.out.commits, compareIDs) {
		if !unplaced[id] {
			n.persist(env, n.out.commits[id].record())
		}
	}
	for _, c := range n.out.unplaced {
		n.persist(env, c.record())
	}
	for _, id := range protocol.SortedKeysFunc(n.bodies.own, compareIDs) {
		if n.out.commits[id] == nil {
			n.persist(env, stored{typ: storeBody, body: n.bodies.own[id]})
		}
	}
	for _, o := range protocol.SortedKeysFunc(n.keys.known, func(a, b ledger.Owner) int { return bytes.Compare(a[:], b[:]) }) {
		if o != n.self {
			n.persist(env, stored{typ: storeKey, key: n.keys.known[o]})
		}
	}
}

func compareIDs(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) }

func (c *commit) record() stored {
	return stored{typ: storeCommit, id: c.id, nodes: c.nodes, body: c.body}
}
