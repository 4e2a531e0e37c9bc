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
	Name  string // for people; empty means Item in hex
}

// SameOrder demands prefix order: the sequences of all nodes, crashed ones
// included, are prefixes of one common sequence. place reads a position from an
// event of the set watch. A node's positions come without gaps; after a restart
// it may repeat earlier ones. It is exercised by each position that a second node
// confirms.
func SameOrder(name string, watch sim.What, place func(e *sim.Event) (Position, bool)) *Check {
	o := &order{place: place}
	return &Check{name: name, watch: watch, see: o.see, conclude: passIfExercised}
}

// order keeps the common sequence and a cursor a node.
type order struct {
	place  func(e *sim.Event) (Position, bool)
	canon  []first
	cursor []cursor // by node
}

type cursor struct {
	next        uint64
	incarnation uint32
}

// first is an item of the common sequence, who had it first, and in which step.
type first struct {
	Position
	node protocol.NodeID
	step uint64
}

// String gives Name, or Item in hex.
func (p Position) String() string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("%x", p.Item)
}

func (o *order) see(c *Check, e *sim.Event) {
	p, ok := o.place(e)
	if !ok {
		return
	}
	for int(e.Node) >= len(o.cursor) {
		o.cursor = append(o.cursor, cursor{incarnation: 1})
	}
	at := &o.cursor[e.Node]
	if p.Index > at.next || p.Index < at.next && e.Incarnation == at.incarnation {
		c.fail(e, fmt.Errorf("node %v has %v as number %d after number %d", e.Node, p, p.Index, int64(at.next)-1))
		return
	}
	at.next, at.incarnation = p.Index+1, e.Incarnation
	if p.Index == uint64(len(o.canon)) {
		o.canon = append(o.canon, first{p, e.Node, e.Step})
		return
	}
	c.exercised++
	if want := o.canon[p.Index]; want.Item != p.Item {
		c.fail(e, fmt.Errorf("node %v has %v as number %d, where node %v has %v since step %d", e.Node, p, p.Index, want.node, want.Position, want.step))
	}
}
