package judge

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
)

// joining follows the rounds of a watched node's join: at least some, and then until one brings
// no new contact, up to a bound.
type joining struct {
	rounds int // begun: those that the node joined through nobody in count, too
	added  int // contacts, in the last one
}

// Bounds of the rounds of a join.
const (
	leastRounds = 3
	mostRounds  = 12
)

// joins judges the end of a join.
func (q *Queries) joins(n *watched, e *sim.Event) {
	j := &n.join
	switch {
	case j.rounds == 1 && n.tables.step == 0: // it is the first node
	case j.rounds < leastRounds:
		q.wrong("node %v has joined after %d rounds, want at least %d", e.Node, j.rounds, leastRounds)
	case j.rounds < mostRounds && j.added > 0:
		q.wrong("node %v has joined after a round that brought %d new contacts", e.Node, j.added)
	}
}

// gained counts, after a step, the contact that answered if it is a good one now and was none.
func (j *joining) gained(t *tables, was bool) {
	if t.heard != (kademlia.Contact{}) && !was && t.have.good(t.heard) {
		j.added++
	}
}

// good reports whether a contact is there and not stale.
func (m *model) good(c kademlia.Contact) bool {
	i := m.find(c.ID)
	return i >= 0 && m.table[i].Addr == c.Addr && !m.table[i].Stale
}

// reunion is what a watched node must do with the answer of an absent node: if it names a node
// that belongs to the k closest, and is no good contact, it looks for its own id, which makes
// one network of two; else it does not.
type reunion struct {
	step      uint64
	lacks     bool
	looks     int // queries of lookups for the own id in the step
	refreshed uint64
}

// absentAnswered notes an answer that a node has taken, if it is that of an absent node.
func (q *Queries) absentAnswered(id protocol.NodeID, n *watched, t *dueTaken) {
	if !t.seeks || t.failed || q.c.Untimely {
		return
	}
	r := &n.reunion
	*r = reunion{step: n.tables.step, refreshed: t.refreshed}
	own, near, k := q.c.IDs[id], []kademlia.ID{}, q.c.Config.K
	for i := range n.tables.want.table {
		if c := &n.tables.want.table[i]; !c.Stale {
			near = append(near, c.ID)
		}
	}
	slices.SortFunc(near, closer(own))
	near = near[:min(k, len(near))]
	for _, named := range t.named[:min(k, len(t.named))] {
		if named != own && !slices.Contains(near, named) && (len(near) < k || own.Closer(named, near[k-1])) {
			r.lacks = true
		}
	}
}

// reunites judges, before a node's next step, whether it looked for its own id. A refresh may do
// so in the same step.
func (q *Queries) reunites(id protocol.NodeID, n *watched, d *kademlia.DHT) {
	r := n.reunion
	n.reunion = reunion{}
	switch {
	case r.step == 0:
	case r.lacks && r.looks == 0:
		q.wrong("node %v heard of a node next to it from one that was absent, and does not look for itself", id)
	case !r.lacks && r.looks > 0 && d.Stats().Refreshed == r.refreshed:
		q.wrong("node %v looks for itself, though one that was absent told it of nobody new next to it", id)
	}
}
