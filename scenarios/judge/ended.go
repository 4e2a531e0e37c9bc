package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// ended is what has ended at a node, by its disk.
type ended struct {
	unsafe []twopc.ID          // of records that are not synced yet
	safe   map[twopc.ID]uint32 // the incarnation that synced the record
}

// Over requires that a restart takes up nothing that has ended, by a record which was synced in an
// earlier incarnation: it is neither in doubt about it, nor decides it again. Nodes that lie
// are exempt.
func (x *Promises) Over(nodes int, lies func(id protocol.NodeID) bool) *check.Check {
	over := make([]ended, nodes)
	watch := sim.Persisted | sim.Synced | sim.Crashed | sim.Output
	c := check.Always("a restart takes up nothing that has ended", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil // a client
		}
		n := &over[e.Node]
		switch e.What {
		case sim.Persisted:
			if id, ok := twopc.Ends(e.Body); ok {
				n.unsafe = append(n.unsafe, id)
			}
		case sim.Crashed:
			n.unsafe = n.unsafe[:0]
		case sim.Synced:
			n.sync(e.Incarnation)
		case sim.Output:
			r, ok := x.c.Record(e)
			if !ok || e.Kind == twopc.KindBegun || lies(e.Node) {
				return false, nil
			}
			if since, known := n.safe[r.ID]; known && since < e.Incarnation {
				return true, fmt.Errorf("node %v puts out %v of %v, which ended there in incarnation %d", e.Node, e.Kind, r.ID, since)
			}
			return e.Incarnation > 1, nil
		}
		return false, nil
	})
	return c.OfOutputs(twopc.KindVoted, twopc.KindDecided).OrNotApplicable("no node votes or decides after a restart")
}

func (n *ended) sync(incarnation uint32) {
	if n.safe == nil {
		n.safe = make(map[twopc.ID]uint32)
	}
	for _, id := range n.unsafe {
		if _, known := n.safe[id]; !known {
			n.safe[id] = incarnation
		}
	}
	n.unsafe = n.unsafe[:0]
}

// host is what a node's disk has of what its host does with commits.
type host struct {
	unsafe []twopc.ID // not synced yet
	safe   map[twopc.ID]bool
}

// Hosted requires that two-phase commit records the end of a commit only when what its host
// recorded for it is safe: else a crash could keep the one and lose the other, and the host would
// never hear of the commit. What may have survived a crash counts as safe. Transactions that a
// node coordinates which lies are exempt: the host may refuse them.
func (x *Promises) Hosted(nodes int, lies func(id protocol.NodeID) bool) *check.Check {
	hosts := make([]host, nodes)
	watch := sim.Persisted | sim.Synced | sim.Crashed
	c := check.Always("a commit ends when its host's records are safe", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil // a client
		}
		h := &hosts[e.Node]
		if e.What != sim.Persisted {
			for _, id := range h.unsafe {
				if h.safe == nil {
					h.safe = make(map[twopc.ID]bool)
				}
				h.safe[id] = true
			}
			h.unsafe = h.unsafe[:0]
			return false, nil
		}
		if id, ok := peer.ReadCommit(e.Body); ok {
			h.unsafe = append(h.unsafe, id)
			return false, nil
		}
		r, _, ok := twopc.ReadEntry(e.Body)
		if !ok || !r.Ends() {
			return false, nil
		}
		if t := x.c.txs[r.ID]; t == nil || lies(t.coordinator) {
			return false, nil
		}
		if !h.safe[r.ID] {
			return true, fmt.Errorf("node %v records that %v, and what it recorded for that is not synced", e.Node, r)
		}
		return true, nil
	})
	return c.OrNotApplicable("no commit ended")
}
