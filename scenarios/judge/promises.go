package judge

import (
	"encoding/hex"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// Promises judges what two-phase commit guarantees when nodes crash, beyond AC1 to AC4.
type Promises struct {
	c         *Commits
	nodes     *Incarnations
	held      map[hold]twopc.ID  // the transaction whose undecided yes reserves it
	keys      map[doubt][]string // the outputs that a yes reserves
	doubts    twopc.Doubts
	long      uint64                           // doubts that lasted long
	committed map[uint64]twopc.ID              // the client's transfers
	unsafe    map[protocol.NodeID][]twopc.Fact // of records that are not synced yet
	proved    map[proof]bool
}

// proof is what a node's disk proves.
type proof struct {
	node protocol.NodeID
	fact twopc.Fact
}

// hold is an output of the ledger at a node.
type hold struct {
	node protocol.NodeID
	key  string
}

// doubt is a node that voted yes on a transaction.
type doubt struct {
	node protocol.NodeID
	id   twopc.ID
}

// NewPromises returns a judge of the transactions of c at these nodes.
func NewPromises(c *Commits, nodes *Incarnations) *Promises {
	return &Promises{
		c: c, nodes: nodes, held: make(map[hold]twopc.ID), keys: make(map[doubt][]string),
		committed: make(map[uint64]twopc.ID),
		unsafe:    make(map[protocol.NodeID][]twopc.Fact), proved: make(map[proof]bool),
	}
}

// Once requires that at most one attempt of a transfer commits.
func (x *Promises) Once() *check.Check {
	return check.Always("no transfer commits twice", sim.Output, func(e *sim.Event) (bool, error) {
		t, now, ok := x.c.decidedNow()
		if !ok || !now.commit || t.id.Client != x.c.client {
			return false, nil
		}
		before, known := x.committed[t.id.Transfer]
		x.committed[t.id.Transfer] = t.id
		if known && before != t.id {
			return true, fmt.Errorf("transfer %d: node %v commits attempt %d, attempt %d has committed", t.id.Transfer, e.Node, t.id.Attempt, before.Attempt)
		}
		return true, nil
	}).OfOutputs(twopc.KindDecided)
}

// Exclusive requires that between a yes and its decision, the node votes yes on no other
// transaction that spends one of the same outputs. It is exercised by each yes.
func (x *Promises) Exclusive() *check.Check {
	return check.Always("a yes vote's reservations hold until its decision", sim.Output, func(e *sim.Event) (bool, error) {
		r, ok := x.c.Record(e)
		d := doubt{e.Node, r.ID}
		switch {
		case !ok:
			return false, nil
		case e.Kind == twopc.KindDecided:
			x.release(d)
			return false, nil
		case e.Kind != twopc.KindVoted || !r.Yes:
			return false, nil
		case x.c.txs[r.ID].decidedBy(e.Node):
			return false, nil // a crash lost the record of an abort: the node is in doubt again, and will learn the same
		}
		for _, k := range r.Keys {
			h := hold{e.Node, string(k)}
			if by, taken := x.held[h]; taken && by != r.ID {
				return true, fmt.Errorf("node %v votes yes on %v, which spends output %s; its yes on %v, undecided, reserved that", e.Node, r.ID, hex.EncodeToString(k[:4]), by)
			}
			x.held[h] = r.ID
			x.keys[d] = append(x.keys[d], h.key)
		}
		return true, nil
	}).OfOutputs(twopc.KindVoted, twopc.KindDecided)
}

func (x *Promises) release(d doubt) {
	for _, k := range x.keys[d] {
		if x.held[hold{d.node, k}] == d.id {
			delete(x.held, hold{d.node, k})
		}
	}
	delete(x.keys, d)
}

// Logged requires that no message is sent before the record that it depends on is synced.
// A node syncs unsynced records that happened to survive a crash before it sends anything;
// so the next sync after a crash makes all records safe that may exist. Messages of nodes
// that a fault of the plan makes lie do not count: they reveal nothing.
func (x *Promises) Logged(plan *sim.Plan) *check.Check {
	lies := func(id protocol.NodeID) bool {
		return slices.ContainsFunc(plan.Faults, func(f fault.Fault) bool { return f.Op == fault.Byzantine && f.Node == id })
	}
	watch := sim.Persisted | sim.Synced | sim.Sent
	return check.Always("votes and decisions are synced before they leave", watch, func(e *sim.Event) (bool, error) {
		switch e.What {
		case sim.Persisted:
			if f, ok := twopc.Proves(e.Body); ok {
				x.unsafe[e.Node] = append(x.unsafe[e.Node], f)
			}
			return false, nil
		case sim.Synced:
			for _, f := range x.unsafe[e.Node] {
				x.proved[proof{e.Node, f}] = true
			}
			x.unsafe[e.Node] = x.unsafe[e.Node][:0]
			return false, nil
		}
		msg, ok := x.c.Payload(e)
		if !ok {
			return false, nil
		}
		f, ok := twopc.Needs(msg)
		if !ok || lies(e.Node) {
			return false, nil
		}
		if !x.proved[proof{e.Node, f}] {
			return true, fmt.Errorf("node %v sends %v to node %v, which reveals its %v, before the record of that is synced", e.Node, e.Kind, e.Peer, f)
		}
		return true, nil
	}).OfMessages(sim.Sent, ofLink)
}

// EveryoneDecides is AC5: once failures are repaired, every node that voted yes decides.
// A coordinator that crashed before it decided has aborted and puts out nothing. again reports
// whether a transaction is one of those that are made anew to the end: the last may be open.
func (x *Promises) EveryoneDecides(bound protocol.Time, again func(twopc.ID) bool) *check.Check {
	return check.EventuallyBut("AC5 every node decides once failures heal", bound, func(excuse check.Excuse) (uint64, error) {
		n := uint64(0)
		for _, t := range x.c.order {
			for _, id := range t.yes {
				switch {
				case id == t.coordinator || t.decidedBy(id):
					n++
				case x.nodes.Lost([]protocol.NodeID{id, t.coordinator}):
					excuse(fmt.Sprintf("node %v on %v, since it or the coordinator will never start again", id, t.id))
				case again(t.id):
					excuse(fmt.Sprintf("node %v on %v, of a transfer that is too old", id, t.id))
				default:
					return n, fmt.Errorf("transaction %v: node %v voted yes and has not decided", t.id, id)
				}
			}
		}
		return n, nil
	})
}

// longDelays is how long a doubt must last to be counted, in longest delays: longer than
// the votes and the decision of a transaction take without failures.
const longDelays = 20

// Watch returns the events that Observe needs.
func (x *Promises) Watch() sim.What { return sim.Output }

// Selects limits them to those of two-phase commit.
func (x *Promises) Selects() []sim.Selection {
	return []sim.Selection{{Of: sim.Output, Kinds: []protocol.Kind{twopc.KindBegun, twopc.KindVoted, twopc.KindDecided}}}
}

// Observe measures doubts.
func (x *Promises) Observe(e *sim.Event) {
	if d, ended := x.doubts.Output(e.At, e.Node, e.Kind, e.Body); ended && d.To.Sub(d.From) > longDelays*x.c.delay {
		x.long++
	}
}

// Long returns the number of long doubts that have ended.
func (x *Promises) Long() uint64 { return x.long }

// Facts returns how many nodes were in doubt, and for how long at most.
func (x *Promises) Facts() []scenario.Fact {
	text := fmt.Sprintf("%d, %d of them long", x.doubts.Ended(), x.long)
	if d := x.doubts.Longest(); d.To > d.From {
		text += fmt.Sprintf("; the longest %v, node %v on %v", d.To.Sub(d.From), d.Node, d.ID)
	}
	return []scenario.Fact{{Name: "doubts ended", Value: text}}
}
