package judge

import (
	"encoding/binary"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// Holds judges which outputs nodes reserve in two-phase commit: those of the transactions
// that a node has proposed or voted yes on, and that it has not decided, and no others.
type Holds struct {
	c     *Commits
	net   *Network
	nodes []holder // by member
}

// holder is what a node must reserve.
type holder struct {
	keys     map[string]twopc.ID
	voted    map[twopc.ID]int // the turns of its first yes votes, from 1 on
	proposed []twopc.ID       // of those in keys, those that a crash aborts
	changed  bool             // since the node was last compared
}

// NewHolds returns a judge of the members' reservations.
func NewHolds(c *Commits, n *Network) *Holds {
	x := &Holds{c: c, net: n, nodes: make([]holder, len(n.Nodes))}
	for i := range x.nodes {
		x.nodes[i] = newHolder()
	}
	return x
}

func newHolder() holder {
	return holder{keys: make(map[string]twopc.ID), voted: make(map[twopc.ID]int)}
}

// Exact requires that a node's reservations are exactly what its outputs and proposals say.
// A node is compared when its next step begins: then all that the last one did has been
// seen. Nodes that lie are exempt.
func (x *Holds) Exact(lies func(id protocol.NodeID) bool) *check.Check {
	watch := sim.Output | sim.Sent | sim.Crashed | sim.Received | sim.Fired
	c := check.Always("nodes reserve exactly what they promised", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(x.nodes)) {
			return false, nil // a client
		}
		h := &x.nodes[e.Node]
		switch e.What {
		case sim.Received, sim.Fired:
			if !h.changed && x.net.Nodes[e.Node].Reservations() == len(h.keys) || lies(e.Node) {
				return false, nil // the common case first: this is called for each event
			}
			h.changed = false
			return len(h.keys) > 0, x.compare(e.Node, h)
		case sim.Crashed:
			for _, id := range h.proposed {
				h.release(id)
			}
			h.proposed = h.proposed[:0]
		case sim.Sent:
			x.propose(e, h)
		case sim.Output:
			x.output(e, h)
		}
		return false, nil
	})
	return Steps(c).OfMessages(sim.Sent, ofLink).OfOutputs(twopc.KindVoted, twopc.KindDecided).OrNotApplicable("no reservation outlasted a step")
}

// compare requires that a node holds these outputs, for these transactions.
func (x *Holds) compare(node protocol.NodeID, h *holder) error {
	n := x.net.Nodes[node]
	for _, key := range protocol.SortedKeys(h.keys) {
		id := h.keys[key]
		if by, ok := n.Holder([]byte(key)); !ok || by != id {
			return fmt.Errorf("node %v has promised output %x to %v, and reserves it for %s", node, key[:4], id, holderName(by, ok))
		}
	}
	if r := n.Reservations(); r > len(h.keys) {
		return fmt.Errorf("node %v reserves %d outputs, and has promised %d", node, r, len(h.keys))
	}
	return nil
}

func holderName(id twopc.ID, ok bool) string {
	if !ok {
		return "none"
	}
	return id.String()
}

// propose records what a coordinator that takes part reserves, from its first PREPARE on: its
// own vote is output only with the decision.
func (x *Holds) propose(e *sim.Event, h *holder) {
	t := x.c.proposes
	if t == nil || !slices.Contains(t.participants, e.Node) {
		return
	}
	h.proposed = append(h.proposed, t.id)
	for i := range t.tx.Inputs {
		p := t.tx.Inputs[i].Outpoint
		h.hold(string(binary.BigEndian.AppendUint32(p.TxID[:], p.Index)), t.id)
	}
}

// output records votes and decisions.
func (x *Holds) output(e *sim.Event, h *holder) {
	r, ok := x.c.Record(e)
	switch {
	case !ok:
	case e.Kind == twopc.KindDecided:
		h.release(r.ID)
		h.proposed = slices.DeleteFunc(h.proposed, func(id twopc.ID) bool { return id == r.ID })
	case e.Kind == twopc.KindVoted && r.Yes && r.Coordinator != e.Node:
		h.vote(r, x.c.txs[r.ID].decidedBy(e.Node))
	}
}

// vote records a yes. A node that has decided may vote yes again: a crash lost the record of an
// abort, so it is in doubt again. What another transaction has reserved since then stays with
// that, even if the node is in doubt again about both: it says so in the order of their ids.
func (h *holder) vote(r twopc.Record, decided bool) {
	if h.voted[r.ID] == 0 {
		h.voted[r.ID] = len(h.voted) + 1
	}
	for _, k := range r.Keys {
		if by, taken := h.keys[string(k)]; !decided || !taken || h.voted[by] < h.voted[r.ID] {
			h.hold(string(k), r.ID)
		}
	}
}

func (h *holder) hold(key string, id twopc.ID) {
	h.keys[key] = id
	h.changed = true
}

func (h *holder) release(id twopc.ID) {
	for _, key := range protocol.SortedKeys(h.keys) {
		if h.keys[key] == id {
			delete(h.keys, key)
		}
	}
	h.changed = true
}
