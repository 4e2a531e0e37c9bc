package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// commits judges two-phase commit by its outputs alone: the conditions of atomic
// commitment (Bernstein, Hadzilacos, Goodman 1987, section 7.3).
type commits struct {
	txs   map[twopc.ID]*commit
	order []*commit // as they began
}

// commit is what is known of one transaction.
type commit struct {
	id           twopc.ID
	coordinator  protocol.NodeID
	participants []protocol.NodeID
	yes, no      []protocol.NodeID
	decided      []decision
}

type decision struct {
	node   protocol.NodeID
	commit bool
}

func newCommits() *commits { return &commits{txs: make(map[twopc.ID]*commit)} }

// see reads an output and finds its transaction.
func (c *commits) see(e *sim.Event) (t *commit, r twopc.Record, ok bool) {
	r, ok = twopc.DecodeOutput(e.Kind, e.Body)
	if !ok {
		return nil, r, false
	}
	t = c.txs[r.ID]
	if t == nil {
		t = &commit{id: r.ID}
		c.txs[r.ID] = t
		c.order = append(c.order, t)
	}
	return t, r, true
}

func word(commit bool) string {
	if commit {
		return "commit"
	}
	return "abort"
}

// agreement is AC1, and enters what it sees for the checks after it.
func (c *commits) agreement() *check.Check {
	return check.Always("AC1 all who decide decide the same", sim.Output, func(e *sim.Event) (bool, error) {
		t, r, ok := c.see(e)
		if !ok {
			return false, nil
		}
		switch e.Kind {
		case twopc.KindBegun:
			t.coordinator, t.participants = r.Coordinator, append(t.participants[:0], r.Participants...)
			return false, nil
		case twopc.KindVoted:
			if r.Yes {
				t.yes = append(t.yes, e.Node)
			} else {
				t.no = append(t.no, e.Node)
			}
			return false, nil
		}
		defer func() { t.decided = append(t.decided, decision{e.Node, r.Yes}) }()
		for _, d := range t.decided {
			if d.commit != r.Yes && d.node != e.Node {
				return true, fmt.Errorf("transaction %v: node %v decides %s, node %v decided %s", t.id, e.Node, word(r.Yes), d.node, word(d.commit))
			}
		}
		return len(t.decided) > 0, nil
	})
}

// stability is AC2.
func (c *commits) stability() *check.Check {
	return check.Always("AC2 no decision is reversed", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != twopc.KindDecided {
			return false, nil
		}
		t, r, ok := c.see(e)
		if !ok {
			return false, nil
		}
		for _, d := range t.decided {
			if d.node == e.Node && d.commit != r.Yes {
				return true, fmt.Errorf("transaction %v: node %v decides %s after %s", t.id, e.Node, word(r.Yes), word(d.commit))
			}
		}
		return true, nil
	})
}

// validity is AC3.
func (c *commits) validity() *check.Check {
	return check.Always("AC3 commit only if all voted yes", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != twopc.KindDecided {
			return false, nil
		}
		t, r, ok := c.see(e)
		if !ok || !r.Yes {
			return false, nil
		}
		if len(t.no) > 0 {
			return true, fmt.Errorf("transaction %v: node %v commits, node %v voted no", t.id, e.Node, t.no[0])
		}
		for _, p := range t.participants {
			if !slices.Contains(t.yes, p) {
				return true, fmt.Errorf("transaction %v: node %v commits, node %v has not voted yes", t.id, e.Node, p)
			}
		}
		return true, nil
	})
}

// progress is AC4, for runs without failures: what aborted had a no.
func (c *commits) progress(bound protocol.Time) *check.Check {
	return check.Eventually("AC4 without failures, all yes commits", bound, func() (uint64, error) {
		n := uint64(0)
		for _, t := range c.order {
			switch {
			case len(t.decided) == 0:
				return n, fmt.Errorf("transaction %v is undecided", t.id)
			case t.decided[0].commit:
				n++
			case len(t.no) == 0:
				return n, fmt.Errorf("transaction %v aborted though nobody voted no", t.id)
			}
		}
		return n, nil
	})
}

// facts counts attempts.
func (c *commits) facts() []Fact {
	committed, aborted := 0, 0
	for _, t := range c.order {
		if len(t.decided) > 0 && t.decided[0].commit {
			committed++
		} else {
			aborted++
		}
	}
	return []Fact{
		{"attempts committed", fmt.Sprint(committed)},
		{"attempts aborted", fmt.Sprint(aborted)},
	}
}
