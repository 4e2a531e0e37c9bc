package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// The cost of a commit with two participants beside the coordinator, which participates
// too: see package twopc.
const (
	commitMessages = 8
	commitForced   = 5
)

// CommitCosts counts what each transaction costs.
type CommitCosts struct {
	commits *Commits
	spent   map[twopc.ID]*cost
	unsafe  map[protocol.NodeID][]twopc.ID // whose records are not synced yet
}

type cost struct{ messages, forced int }

// NewCommitCosts returns a counter for the transactions of c.
func NewCommitCosts(c *Commits) *CommitCosts {
	return &CommitCosts{commits: c, spent: make(map[twopc.ID]*cost), unsafe: make(map[protocol.NodeID][]twopc.ID)}
}

func (x *CommitCosts) of(id twopc.ID) *cost {
	if x.spent[id] == nil {
		x.spent[id] = new(cost)
	}
	return x.spent[id]
}

// Check requires the exact cost of every commit, on a quiet network.
func (x *CommitCosts) Check(bound protocol.Time, l sim.Link) *check.Check {
	name := fmt.Sprintf("each commit costs %d messages, %d forced writes", commitMessages, commitForced)
	if !l.Loss.Never() || !l.Copy.Never() {
		return check.Skip(name, "messages are lost or copied, which costs more")
	}
	return check.Eventually(name, bound, func() (uint64, error) {
		n := uint64(0)
		for _, t := range x.commits.order {
			if len(t.decided) == 0 || !t.decided[0].commit {
				continue
			}
			n++
			if c := *x.of(t.id); c != (cost{commitMessages, commitForced}) {
				return n, fmt.Errorf("transaction %v cost %d messages and %d forced writes", t.id, c.messages, c.forced)
			}
		}
		return n, nil
	}).Seeing(sim.Sent|sim.Persisted|sim.Synced, x.see)
}

func (x *CommitCosts) see(e *sim.Event) {
	switch e.What {
	case sim.Sent:
		if e.Kind == link.KindResend || e.Kind == link.KindAck {
			return // a message of the link itself
		}
		if msg, ok := link.Payload(e.Body); ok {
			if id, ok := twopc.MessageID(msg); ok {
				x.of(id).messages++
			}
		}
	case sim.Persisted:
		if id, ok := twopc.ForcedID(e.Body); ok {
			x.unsafe[e.Node] = append(x.unsafe[e.Node], id)
		}
	case sim.Synced:
		for _, id := range x.unsafe[e.Node] {
			x.of(id).forced++
		}
		x.unsafe[e.Node] = x.unsafe[e.Node][:0]
	}
}
