package check

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
)

// Position is one place of a node's sequence: what SameOrder compares.
type Position struct {
	Index uint64 // from 0
	Item  string // compared for equality
	// Whole says that each incarnation of a node has the sequence from 0 on; else a later
	// one may continue where the node was, or repeat a part.
	Whole bool
}

// SameOrder requires prefix order: the sequences of all nodes, crashed ones included, are
// prefixes of one common sequence. place reads a position from an event of the set watch,
// and text describes an item. A node's positions have no gaps; after a restart it may
// repeat earlier ones. Each position that another node, or a later incarnation, confirms
// exercises the check.
func SameOrder(name string, watch sim.What, place func(e *sim.Event) (Position, bool), text func(item string) string) *Check {
	o := &order{place: place, text: text}
	return &Check{name: name, watch: watch, see: o.see, conclude: passIfExercised}
}

// order keeps the common sequence and a cursor for each node.
type order struct {
	place  func(e *sim.Event) (Position, bool)
	text   func(item string) string
	canon  []first
	cursor []cursor // by node
}

type cursor struct {
	next        uint64
	incarnation uint32
}

// first is an item of the common sequence, the node that had it first, and the step.
type first struct {
	item string
	node protocol.NodeID
	step uint64
}

func (o *order) see(c *Check, e *sim.Event) {
	p, ok := o.place(e)
	if !ok {
		return
	}
	for uint64(e.Node) >= uint64(len(o.cursor)) {
		o.cursor = append(o.cursor, cursor{incarnation: 1})
	}
	at := &o.cursor[e.Node]
	if p.Whole && p.Index > 0 && e.Incarnation != at.incarnation {
		c.fail(e, fmt.Errorf("node %v has %v as number %d, which is the first of this life", e.Node, o.text(p.Item), p.Index))
		return
	}
	if p.Index > at.next || p.Index < at.next && e.Incarnation == at.incarnation {
		c.fail(e, fmt.Errorf("node %v has %v as number %d after number %d", e.Node, o.text(p.Item), p.Index, int64(at.next)-1))
		return
	}
	at.next, at.incarnation = p.Index+1, e.Incarnation
	if p.Index == uint64(len(o.canon)) {
		o.canon = append(o.canon, first{p.Item, e.Node, e.Step})
		return
	}
	c.exercised++
	if want := o.canon[p.Index]; want.item != p.Item {
		err := fmt.Errorf("node %v has %v as number %d, where node %v has %v since step %d", e.Node, o.text(p.Item), p.Index, want.node, o.text(want.item), want.step)
		c.fail(e, o.evidence(e, p).With(err))
	}
}

// evidence returns the two sequences around a place where they differ.
func (o *order) evidence(e *sim.Event, p Position) *Evidence {
	const around = 8
	from, to := max(p.Index, around)-around, min(p.Index+around, uint64(len(o.canon)))
	usual := Sequence{Name: fmt.Sprintf("node %v", o.canon[p.Index].node), First: from}
	other := Sequence{Name: fmt.Sprintf("node %v", e.Node), First: from}
	for i := from; i < to; i++ {
		f := o.canon[i]
		usual.Items = append(usual.Items, Item{o.text(f.item), f.step})
		if i < p.Index {
			other.Items = append(other.Items, Item{Text: o.text(f.item)})
		}
	}
	other.Items = append(other.Items, Item{o.text(p.Item), e.Step})
	return &Evidence{Sequences: []Sequence{usual, other}}
}
