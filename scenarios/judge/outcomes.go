package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// Outcomes judges what becomes of each attempt at a transfer: what clients are told of it,
// and in which ledgers its transaction is.
type Outcomes struct {
	c       *Commits
	l       *Ledgers
	net     *Network
	lies    func(id protocol.NodeID) bool
	aborted map[twopc.ID]protocol.NodeID // who told a client that the attempt aborted
	seen    map[ledger.ID]bool           // accepted transactions that were judged, by wtxid
}

// NewOutcomes returns a judge of the transfers of c, which end in the ledgers of l. lies
// reports whether a fault of the plan makes a node lie: nothing is required of what it says
// and proposes.
func NewOutcomes(c *Commits, l *Ledgers, lies func(id protocol.NodeID) bool) *Outcomes {
	return &Outcomes{c: c, l: l, net: l.net, lies: lies, aborted: make(map[twopc.ID]protocol.NodeID), seen: make(map[ledger.ID]bool)}
}

// Truthful requires that what a sender tells the client of an attempt is true: aborted, that
// no node ever commits it; the rest, that the sender has committed it, and that its ledger
// lists the transaction, or not.
func (o *Outcomes) Truthful() *check.Check {
	name := "what clients are told of attempts is true"
	if o.l.Asked() == 0 {
		return check.Skip(name, NoTransfers)
	}
	return check.Always(name, sim.Sent|sim.Output, func(e *sim.Event) (bool, error) {
		if e.What == sim.Output {
			return false, o.contradicted(e)
		}
		if e.Kind != peer.KindReply || o.lies(e.Node) {
			return false, nil
		}
		msg, ok := o.c.Payload(e)
		if !ok {
			return false, nil
		}
		r, ok := peer.DecodeReply(msg)
		if !ok {
			return false, nil
		}
		return true, o.told(e, r)
	}).OfMessages(sim.Sent, ofLink).OfOutputs(twopc.KindDecided)
}

// contradicted returns an error if an attempt commits of which a client heard that it
// aborted.
func (o *Outcomes) contradicted(e *sim.Event) error {
	t, now, ok := o.c.decidedNow()
	if !ok || !now.commit {
		return nil
	}
	if who, told := o.aborted[t.id]; told {
		return fmt.Errorf("node %v commits %v, of which node %v told the client that it aborted", e.Node, t.id, who)
	}
	return nil
}

// told judges a reply at the moment when it leaves.
func (o *Outcomes) told(e *sim.Event, r peer.Reply) error {
	id := twopc.ID{Client: e.Peer, Transfer: r.Transfer, Attempt: r.Attempt}
	t := o.c.txs[id]
	if r.Outcome == peer.Aborted {
		o.aborted[id] = e.Node
		if t != nil && t.commits() {
			return fmt.Errorf("node %v tells the client that %v aborted, node %v commits it", e.Node, id, t.decided[0].node)
		}
		return nil
	}
	if t == nil || !slices.Contains(t.decided, decision{e.Node, true}) {
		return fmt.Errorf("node %v tells the client that %v is %v, and has not committed it", e.Node, id, r.Outcome)
	}
	if t.tx == nil || r.Outcome == peer.Committed {
		return nil
	}
	if listed := o.net.Nodes[e.Node].Ledger().Listed(t.tx.TxID()); listed != (r.Outcome == peer.Accepted) {
		return fmt.Errorf("node %v tells the client that %v is %v; that its ledger lists the transaction is %v", e.Node, id, r.Outcome, listed)
	}
	return nil
}

// OnlyCommitted requires that a ledger lists no transaction of an honest sender that no node
// has committed.
func (o *Outcomes) OnlyCommitted() *check.Check {
	name := "ledgers list nothing that did not commit"
	if o.l.Asked() == 0 {
		return check.Skip(name, NoTransfers)
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		x := &o.l.entry
		if !o.l.entered || x.Verdict != ledger.Accepted || o.seen[x.WTxID] {
			return false, nil
		}
		body, ok := o.net.Nodes[e.Node].Body(x.WTxID)
		tx, v := ledger.Decode(body)
		if !ok || v != ledger.Accepted || o.lying(tx.Sender) {
			return false, nil // the second ledger reports what has no body
		}
		o.seen[x.WTxID] = true
		t := o.c.byTx[tx.TxID()]
		switch {
		case t == nil:
			return true, fmt.Errorf("node %v lists %v, which no coordinator proposed", e.Node, tx.TxID().String()[:8])
		case !t.commits():
			return true, fmt.Errorf("node %v lists %v of %v, which no node has committed", e.Node, tx.TxID().String()[:8], t.id)
		}
		return true, nil
	}).OfOutputs(peer.KindEntry)
}

// lying reports whether the owner is a member that broadcasts whatever its inputs say, or
// that a fault makes lie.
func (o *Outcomes) lying(owner ledger.Owner) bool {
	i := slices.Index(o.net.Owners, owner)
	return i >= 0 && (slices.Contains(o.net.Liars, protocol.NodeID(i)) || o.lies(protocol.NodeID(i)))
}

// Everywhere requires that each transaction of an honest sender that some node commits is
// listed by every node in the end, whether or not a client waits for it.
func (o *Outcomes) Everywhere(bound protocol.Time) *check.Check {
	name := "what commits ends in every ledger"
	if o.l.Asked() == 0 {
		return check.Skip(name, NoTransfers)
	}
	return check.EventuallyBut(name, bound, func(excuse check.Excuse) (n uint64, missing error) {
		for _, t := range o.c.order {
			tx := t.tx
			switch {
			case tx == nil || !t.commits() || o.lying(tx.Sender):
				continue
			case o.net.stuck():
				excuse(fmt.Sprintf("%v, %s", t.id, noMajority))
				continue
			case o.net.Incarnations.Lost(t.participants):
				excuse(fmt.Sprintf("%v, one party of which will never start again", t.id))
				continue
			}
			if missing := o.unlisted(t.id, tx.TxID()); missing != nil {
				return n, missing
			}
			n++
		}
		return n, nil
	})
}

// unlisted returns an error that names a node whose ledger lacks a transaction.
func (o *Outcomes) unlisted(id twopc.ID, txid ledger.ID) error {
	for i, n := range o.net.Nodes {
		at := protocol.NodeID(i)
		switch {
		case o.net.Incarnations.Lost([]protocol.NodeID{at}) || o.l.keyless(i):
		case n == nil || o.net.Incarnations.Down(at):
			return fmt.Errorf("node %v is down", at)
		case !n.Ledger().Listed(txid):
			return fmt.Errorf("%v has committed, and node %v does not list its transaction %v", id, at, txid.String()[:8])
		}
	}
	return nil
}
