package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/check"
)

// deliveries judges the order itself, by what each life is delivered, whatever the
// messages mean: prefix order, of lives that crashed too, no duplication, FIFO, and that
// only members of a view are heard in it. That in the end all have delivered all is seen
// by what they made of it, and what was never broadcast by the second ledger. It is an observer, to be shown an event
// before its checks are.
type deliveries struct {
	fifo  bool    // promised, by all but ISIS without views
	views *viewed // nil if the group has none

	now   bool // the event shown last is a delivery, and of:
	index uint64
	id    abcast.MsgID
	wrong error // it cannot be read

	places map[abcast.MsgID]uint64
	last   map[abcast.Member]uint64 // seq of the last message that has a place
}

func newDeliveries(order string, views *viewed) *deliveries {
	return &deliveries{
		fifo: views != nil || order != abcast.ISIS.String(), views: views,
		places: make(map[abcast.MsgID]uint64), last: make(map[abcast.Member]uint64),
	}
}

// Watch gives the outputs.
func (d *deliveries) Watch() sim.What { return sim.Output }

// Observe reads a delivery, once for all checks.
func (d *deliveries) Observe(e *sim.Event) {
	d.now, d.wrong = false, nil
	if e.Kind != abcast.KindDelivered {
		return
	}
	if d.index, d.id, d.now = abcast.DecodeDelivered(e.Body); !d.now {
		d.wrong = fmt.Errorf("node %v tells of a delivery that cannot be read", e.Node)
	}
}

func (d *deliveries) checks() check.Suite {
	s := check.Suite{d.same(), d.once()}
	if d.fifo {
		s = append(s, d.inTurn())
	}
	if d.views != nil {
		s = append(s, d.heard())
	}
	return s
}

// same demands one sequence of messages, of which each life is delivered a beginning.
func (d *deliveries) same() *check.Check {
	return check.SameOrder("all lives deliver the same messages at the same places", sim.Output, func(*sim.Event) (check.Position, bool) {
		if !d.now {
			return check.Position{}, false
		}
		return check.Position{Index: d.index, Item: d.id.String(), Whole: true}, true
	}, func(item string) string { return "message " + item })
}

// once demands that no message has two places.
func (d *deliveries) once() *check.Check {
	return check.Always("no message is delivered at two places", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now {
			return d.wrong != nil, d.wrong
		}
		at, known := d.places[d.id]
		if known && at != d.index {
			return true, fmt.Errorf("node %v is delivered %v as message %d, it was message %d already", e.Node, d.id, d.index, at)
		}
		d.places[d.id] = d.index
		return true, nil
	})
}

// inTurn demands FIFO: the messages of a life in the order of its broadcasts, none
// left out. It is exercised by each new place.
func (d *deliveries) inTurn() *check.Check {
	places := uint64(0)
	return check.Always("what a life broadcasts is delivered in that order", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now || d.index < places {
			return false, nil
		}
		places = d.index + 1
		l := abcast.Member{Node: d.id.Node, Incarnation: d.id.Incarnation}
		before := d.last[l]
		d.last[l] = d.id.Seq
		if d.id.Seq != before+1 {
			return true, fmt.Errorf("node %v is delivered %v as message %d, and of that life the last one before was its %d", e.Node, d.id, d.index, before)
		}
		return true, nil
	})
}

// heard demands that who broadcast a message is a member of the view in which it is
// delivered: a life that was declared dead is heard no more.
func (d *deliveries) heard() *check.Check {
	return check.Always("only members of a view are heard in it", sim.Output, func(e *sim.Event) (bool, error) {
		if !d.now {
			return false, nil
		}
		v := d.views.of(e)
		if !slices.Contains(v.Members, abcast.Member{Node: d.id.Node, Incarnation: d.id.Incarnation}) {
			return true, fmt.Errorf("node %v is delivered %v as message %d, in view %d of %v", e.Node, d.id, d.index, v.Number, v.Members)
		}
		return true, nil
	})
}
