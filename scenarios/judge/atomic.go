package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Commits judges two-phase commit by its outputs and by what the plan asks for:
// the conditions of atomic commitment (Bernstein, Hadzilacos, Goodman 1987, section
// 7.3). It is an observer, and sees each event before its checks do.
type Commits struct {
	txs     map[twopc.ID]*commit
	byTx    map[ledger.ID]*commit // what coordinators proposed, by txid
	order   []*commit             // as they began
	decides *commit               // what the last event decided, or nil
	// proposes is what the last event proposed to a first participant, or nil.
	proposes *commit
	client   protocol.NodeID
	delay    time.Duration // the longest usual delay
	// Frames is what the current event says, for all that judge transactions.
	Frames
	// Parties are the nodes that take part in each transfer of the client, ascending.
	Parties map[uint64][]protocol.NodeID
}

// commit is what is known about one transaction.
type commit struct {
	id           twopc.ID
	coordinator  protocol.NodeID
	incarnation  uint32            // of the coordinator, that began it
	participants []protocol.NodeID // as the coordinator began it; nil before
	tx           *ledger.Tx        // of the coordinator's first PREPARE; nil before
	yes, no      []protocol.NodeID
	decided      []decision
}

type decision struct {
	node   protocol.NodeID
	commit bool
}

func (t *commit) decidedBy(id protocol.NodeID) bool {
	return slices.ContainsFunc(t.decided, func(d decision) bool { return d.node == id })
}

func (t *commit) commits() bool {
	return slices.ContainsFunc(t.decided, func(d decision) bool { return d.commit })
}

// After returns the number of attempts of the same client that come after one, by their IDs.
func (c *Commits) After(id twopc.ID) (n int) {
	for _, t := range c.order {
		if t.id.Client == id.Client && t.id.Compare(id) > 0 {
			n++
		}
	}
	return n
}

// transferred reports whether some node has committed an attempt at a client's transfer.
func (c *Commits) transferred(client protocol.NodeID, transfer uint64) bool {
	return slices.ContainsFunc(c.order, func(t *commit) bool {
		return t.id.Client == client && t.id.Transfer == transfer && t.commits()
	})
}

// NewCommits returns a judge of the transactions of a client, and of those that others
// begin. delay is the longest usual delay of a message.
func NewCommits(client protocol.NodeID, delay time.Duration) *Commits {
	return &Commits{txs: make(map[twopc.ID]*commit), byTx: make(map[ledger.ID]*commit), client: client, delay: delay, Parties: make(map[uint64][]protocol.NodeID)}
}

// Watch returns the events that Observe needs.
func (c *Commits) Watch() sim.What { return sim.Output | sim.Sent }

// Selects limits them to the messages in which transactions are proposed.
func (c *Commits) Selects() []sim.Selection {
	return []sim.Selection{{Of: sim.Sent, First: []byte{ofLink}}}
}

// Observe records a node's outputs, and what coordinators propose.
func (c *Commits) Observe(e *sim.Event) {
	c.decides, c.proposes = nil, nil
	if e.What == sim.Sent {
		c.proposed(e)
		return
	}
	r, ok := c.Record(e)
	if !ok {
		return
	}
	t := c.txs[r.ID]
	if t == nil {
		t = &commit{id: r.ID, coordinator: r.Coordinator}
		c.txs[r.ID] = t
		c.order = append(c.order, t)
	}
	switch {
	case e.Kind == twopc.KindBegun:
		t.participants, t.incarnation = append([]protocol.NodeID{}, r.Participants...), e.Incarnation
	case e.Kind == twopc.KindDecided:
		t.decided = append(t.decided, decision{e.Node, r.Yes})
		c.decides = t
	case r.Yes:
		t.yes = append(t.yes, e.Node)
	default:
		t.no = append(t.no, e.Node)
	}
}

// proposed records the transaction of a PREPARE.
func (c *Commits) proposed(e *sim.Event) {
	if e.Kind != twopc.KindPrepare {
		return
	}
	msg, ok := c.Payload(e)
	if !ok {
		return
	}
	id, payload, ok := twopc.Proposal(msg)
	t := c.txs[id]
	if !ok || t == nil || t.coordinator != e.Node || t.tx != nil {
		return
	}
	if tx, v := ledger.Decode(payload); v == ledger.Accepted {
		t.tx, c.byTx[tx.TxID()], c.proposes = tx, t, t
	}
}

// decidedNow returns the transaction that the current event decides, as recorded.
func (c *Commits) decidedNow() (t *commit, now decision, ok bool) {
	if t = c.decides; t == nil {
		return nil, now, false
	}
	return t, t.decided[len(t.decided)-1], true
}

func word(commit bool) string {
	if commit {
		return "commit"
	}
	return "abort"
}

// Agreement is AC1. It is exercised by each node that decides after another.
func (c *Commits) Agreement() *check.Check {
	return check.Always("AC1 all nodes that decide agree", sim.Output, func(e *sim.Event) (bool, error) {
		t, now, ok := c.decidedNow()
		if !ok {
			return false, nil
		}
		second := false
		for _, d := range t.decided {
			if d.node == now.node {
				continue
			}
			second = true
			if d.commit != now.commit {
				return true, fmt.Errorf("transaction %v: node %v decides %s, node %v decided %s", t.id, e.Node, word(now.commit), d.node, word(d.commit))
			}
		}
		return second, nil
	}).OfOutputs(twopc.KindDecided)
}

// Stability is AC2. It is exercised by each decision: only after a restart does a node
// decide a second time.
func (c *Commits) Stability() *check.Check {
	return check.Always("AC2 no decision is reversed", sim.Output, func(e *sim.Event) (bool, error) {
		t, now, ok := c.decidedNow()
		if !ok {
			return false, nil
		}
		for _, d := range t.decided {
			if d.node == now.node && d.commit != now.commit {
				return true, fmt.Errorf("transaction %v: node %v decides %s after %s", t.id, e.Node, word(now.commit), word(d.commit))
			}
		}
		return true, nil
	}).OfOutputs(twopc.KindDecided)
}

// Validity is AC3. The nodes that must have voted are those of the plan for a transfer of
// the client, and otherwise those with which the coordinator began.
func (c *Commits) Validity() *check.Check {
	return check.Always("AC3 nothing commits unless all vote yes", sim.Output, func(e *sim.Event) (bool, error) {
		t, now, ok := c.decidedNow()
		if !ok || !now.commit {
			return false, nil
		}
		must := t.participants
		if t.id.Client == c.client {
			must = c.Parties[t.id.Transfer]
		}
		switch {
		case !slices.Equal(must, t.participants):
			return true, fmt.Errorf("transaction %v: node %v commits, participants were %v, should be %v", t.id, e.Node, t.participants, must)
		case len(must) == 0:
			return true, fmt.Errorf("transaction %v: node %v commits what no coordinator began", t.id, e.Node)
		case len(t.no) > 0:
			return true, fmt.Errorf("transaction %v: node %v commits, node %v voted no", t.id, e.Node, t.no[0])
		}
		for _, p := range must {
			if !slices.Contains(t.yes, p) {
				return true, fmt.Errorf("transaction %v: node %v commits, node %v has not voted yes", t.id, e.Node, p)
			}
		}
		return true, nil
	}).OfOutputs(twopc.KindDecided)
}

// Progress is AC4, for runs without failures: every abort follows a no.
func (c *Commits) Progress(bound protocol.Time) *check.Check {
	return check.Eventually("AC4 without failures, unanimous yes votes commit", bound, func() (uint64, error) {
		n := uint64(0)
		for _, t := range c.order {
			switch {
			case len(t.decided) == 0:
				return n, fmt.Errorf("transaction %v is undecided", t.id)
			case t.decided[0].commit:
				n++
			case len(t.no) == 0:
				return n, fmt.Errorf("transaction %v aborted although no node voted no", t.id)
			}
		}
		return n, nil
	})
}

// Begun returns the number of attempts that a coordinator began.
func (c *Commits) Begun() int { return len(c.order) }

// BegunBy returns the number of those that one of these nodes coordinates.
func (c *Commits) BegunBy(nodes []protocol.NodeID) (n int) {
	for _, t := range c.order {
		if slices.Contains(nodes, t.coordinator) {
			n++
		}
	}
	return n
}

// Count returns how many attempts committed and how many aborted.
func (c *Commits) Count() (committed, aborted int) {
	for _, t := range c.order {
		if len(t.decided) > 0 && t.decided[0].commit {
			committed++
		} else {
			aborted++
		}
	}
	return committed, aborted
}

// Facts returns the numbers of attempts.
func (c *Commits) Facts() []scenario.Fact {
	committed, aborted := c.Count()
	return []scenario.Fact{
		{Name: "attempts committed", Value: fmt.Sprint(committed)},
		{Name: "attempts aborted", Value: fmt.Sprint(aborted)},
	}
}
