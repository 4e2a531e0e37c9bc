package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/check"
)

// Deliveries judges the order itself, by what each incarnation delivers, whatever the
// messages mean: prefix order, including incarnations that crashed, no duplication, FIFO,
// and that senders are in the view. The ledger's checks judge whether every message is
// delivered in the end, and was broadcast. It is an observer, and sees each event before
// its checks do.
type Deliveries struct {
	fifo  bool   // promised by all orders but ISIS without views
	views *Views // nil if the group has none

	now   bool // the last event is a delivery, of:
	index uint64
	id    abcast.MsgID
	wrong error // it cannot be read

	places map[abcast.MsgID]uint64
	last   map[abcast.Member]uint64 // seq of the last message that has a place
}

// NewDeliveries returns a judge of the named order. views is nil if the group has none.
func NewDeliveries(order string, views *Views) *Deliveries {
	return &Deliveries{
		fifo: views != nil || order != abcast.ISIS.String(), views: views,
		places: make(map[abcast.MsgID]uint64), last: make(map[abcast.Member]uint64),
	}
}

// Watch returns the events that Observe needs.
func (d *Deliveries) Watch() sim.What { return sim.Output }

// Selects limits them to deliveries.
func (d *Deliveries) Selects() []sim.Selection {
	return []sim.Selection{{Of: sim.Output, Kinds: []protocol.Kind{abcast.KindDelivered}}}
}

// Observe decodes a delivery, once for all checks.
func (d *Deliveries) Observe(e *sim.Event) {
	d.now, d.wrong = false, nil
	if e.Kind != abcast.KindDelivered {
		return
	}
	if d.index, d.id, d.now = abcast.DecodeDelivered(e.Body); !d.now {
		d.wrong = fmt.Errorf("node %v puts out a delivery that cannot be read", e.Node)
	}
}

// Checks returns all checks.
func (d *Deliveries) Checks() check.Suite {
	s := check.Suite{d.same(), d.once()}
	if d.fifo {
		s = append(s, d.inTurn())
	}
	if d.views != nil {
		s = append(s, d.heard())
	}
	return s
}

// same requires one sequence of messages, of which each incarnation delivers a prefix.
func (d *Deliveries) same() *check.Check {
	return check.SameOrder("all incarnations deliver one sequence of messages", sim.Output, func(*sim.Event) (check.Position, bool) {
		if !d.now {
			return check.Position{}, false
		}
		return check.Position{Index: d.index, Item: d.id.String(), Whole: true}, true
	}, func(item string) string { return "message " + item }).OfOutputs(abcast.KindDelivered)
}

func (d *Deliveries) once() *check.Check {
	return check.Always("no message is delivered at two places", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now {
			return d.wrong != nil, d.wrong
		}
		at, known := d.places[d.id]
		if known && at != d.index {
			return true, fmt.Errorf("node %v delivers %v as message %d, it was message %d already", e.Node, d.id, d.index, at)
		}
		d.places[d.id] = d.index
		return true, nil
	}).OfOutputs(abcast.KindDelivered)
}

// inTurn requires FIFO: an incarnation's messages are delivered in the order of its
// broadcasts, without gaps. It is exercised by each new place.
func (d *Deliveries) inTurn() *check.Check {
	places := uint64(0)
	return check.Always("each incarnation's broadcasts are delivered in order", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now || d.index < places {
			return false, nil
		}
		places = d.index + 1
		l := abcast.Member{Node: d.id.Node, Incarnation: d.id.Incarnation}
		before := d.last[l]
		d.last[l] = d.id.Seq
		expected := d.id
		expected.Seq = before + 1
		switch {
		case d.id.Seq > expected.Seq:
			return true, fmt.Errorf("node %v delivers %v as message %d, without %v before it", e.Node, d.id, d.index, expected)
		case d.id.Seq < expected.Seq:
			expected.Seq = before
			return true, fmt.Errorf("node %v delivers %v as message %d, after %v", e.Node, d.id, d.index, expected)
		}
		return true, nil
	}).OfOutputs(abcast.KindDelivered)
}

// heard requires that the sender of a message is a member of the view in which it is
// delivered: nothing more is delivered from an incarnation that was declared dead.
func (d *Deliveries) heard() *check.Check {
	return check.Always("every delivered message's sender is in the view", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now {
			return false, nil
		}
		v := d.views.view(e)
		if !slices.Contains(v.Members, abcast.Member{Node: d.id.Node, Incarnation: d.id.Incarnation}) {
			return true, fmt.Errorf("node %v delivers %v as message %d, in view %d of %v", e.Node, d.id, d.index, v.Number, v.Members)
		}
		return true, nil
	}).OfOutputs(abcast.KindDelivered)
}

// Reordered requires that two of the broadcasts of that many transfers reach two nodes in
// different orders, so that there is an order to agree on. led says that a leader sends all
// broadcasts, as in Raft.
//
// Many nodes are not all each other's contacts: they look each other up first, so a plan
// cannot know when a transfer starts. Nor can it if more than one message in ten is lost on
// the way to a witness. Then the crossing is left to chance, which suffices in a sweep.
func (n *Network) Reordered(transfers uint64, led bool) *check.Check {
	name := "two transactions reach two nodes in different orders"
	if transfers < 2 {
		return check.Skip(name, "it needs two transfers")
	}
	if led {
		return check.Skip(name, "Raft's leader sends everything in order")
	}
	scope := check.EachRun
	if n.Failing || len(n.Nodes) > 4*n.K || 10*uint64(n.Link.Loss.Num) > uint64(n.Link.Loss.Den) {
		scope = check.InSweep
	}
	done := false
	arrivals := make(map[abcast.MsgID]arrival)
	var inOrder []arrival // arrivals, by when their messages were first seen
	return check.Sometimes(name, scope, sim.Sent|sim.Received, func(e *sim.Event) bool {
		if e.Kind != abcast.KindData || done {
			return false
		}
		msg, ok := link.Payload(e.Body)
		if !ok {
			return false
		}
		id, ok := abcast.DataID(msg)
		if !ok {
			return false
		}
		a := arrivals[id]
		if a == nil {
			a = make(arrival)
			arrivals[id] = a
			inOrder = append(inOrder, a)
		}
		if _, known := a[e.Node]; known {
			return false
		}
		a[e.Node] = e.Step
		done = slices.ContainsFunc(inOrder, a.crosses)
		return done
	}).OfMessages(sim.Sent|sim.Received, ofLink)
}

// arrival has, for each node, the step in which it first received or sent a message.
type arrival map[protocol.NodeID]uint64

// crosses reports whether a and b are known to have reached two nodes in different
// orders.
func (a arrival) crosses(b arrival) bool {
	before, after := false, false
	for _, id := range protocol.SortedKeys(a) {
		if at, ok := b[id]; ok {
			before = before || a[id] < at
			after = after || a[id] > at
		}
	}
	return before && after
}
