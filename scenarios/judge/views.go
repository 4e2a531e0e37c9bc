package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Views follows the views that nodes tell of, and the terms of Raft's leaders. It is
// an observer, to be shown an event before its checks are.
type Views struct {
	views    map[uint64]abcast.View // by number
	last     []abcast.Member        // by node, the last life that a view with it reached
	told     []telling              // by node
	now      check.Position         // of the view that the event shown last tells of
	news     bool                   // it tells of one
	wrong    error                  // what is wrong with it by itself
	highest  uint64                 // number of a view
	term     uint64                 // the highest one
	terms    uint64                 // that are part of the order, but for the first
	moved    uint64                 // lives but the first of a node that were brought up to date
	left     map[protocol.NodeID]bool
	returned uint64            // nodes in a view that had left an earlier one
	leader   []protocol.NodeID // the lowest members of the views, each told when it changes
}

// telling is what one life was told.
type telling struct {
	incarnation uint32
	views       uint64 // how many
	number      uint64 // of the last
	delivered   uint64 // messages
}

// NewViews follows the views of that many nodes.
func NewViews(nodes int) *Views {
	return &Views{views: make(map[uint64]abcast.View), last: make([]abcast.Member, nodes), told: make([]telling, nodes), left: make(map[protocol.NodeID]bool)}
}

// Watch returns the events to be shown.
func (v *Views) Watch() sim.What { return sim.Output }

// Observe takes a view or a term, and notes what is wrong with it.
func (v *Views) Observe(e *sim.Event) {
	v.news = false
	switch e.Kind {
	case raft.KindTerm:
		term, _, ok := raft.DecodeTerm(e.Body)
		if !ok {
			v.news, v.wrong = true, fmt.Errorf("node %v is told of a term that cannot be read", e.Node)
			return
		}
		if term > v.term {
			if v.term != 0 {
				v.terms++
			}
			v.term = term
		}
	case abcast.KindDelivered:
		v.life(e).delivered++
	case abcast.KindViewed:
		v.news = true
		now, ok := abcast.DecodeViewed(e.Body)
		if !ok {
			v.wrong = fmt.Errorf("node %v is told of a view that cannot be read", e.Node)
			return
		}
		v.wrong = v.take(e, now)
	}
}

// Checks returns the checks that hold in every run.
func (v *Views) Checks() check.Suite { return check.Suite{v.same(), v.grow()} }

// life returns what the life of an event was told.
func (v *Views) life(e *sim.Event) *telling {
	o := &v.told[e.Node]
	if o.incarnation != e.Incarnation {
		*o = telling{incarnation: e.Incarnation}
	}
	return o
}

// same demands that all lives are told of the same views at the same places of the
// order, each from the first one on.
func (v *Views) same() *check.Check {
	return check.SameOrder("all nodes see the same views at the same places of the order", sim.Output, func(*sim.Event) (check.Position, bool) {
		return v.now, v.news && v.wrong == nil
	}, func(item string) string { return "view " + item })
}

// grow demands that the views that a life is told of have ever higher numbers.
func (v *Views) grow() *check.Check {
	return check.Always("a later view has a higher number", sim.Output, func(*sim.Event) (bool, error) {
		if !v.news {
			return false, nil
		}
		return true, v.wrong
	})
}

// of returns the view that the life of an event was told of last, or none: Number 0.
func (v *Views) of(e *sim.Event) abcast.View {
	if o := &v.told[e.Node]; o.incarnation == e.Incarnation {
		return v.views[o.number]
	}
	return abcast.View{}
}

func (v *Views) take(e *sim.Event, now abcast.View) error {
	o := v.life(e)
	v.now = check.Position{Index: o.views, Item: fmt.Sprintf("%d of %v before message %d", now.Number, now.Members, now.Place)}
	o.views++
	if now.Number <= o.number {
		return fmt.Errorf("node %v is told of view %d after view %d", e.Node, now.Number, o.number)
	}
	o.number = now.Number
	if now.Place != o.delivered {
		return fmt.Errorf("node %v is told of view %d before message %d, and was delivered %d messages", e.Node, now.Number, now.Place, o.delivered)
	}
	if self := (abcast.Member{Node: e.Node, Incarnation: e.Incarnation}); v.last[e.Node] != self && slices.Contains(now.Members, self) {
		v.last[e.Node] = self
		if e.Incarnation > 1 {
			v.moved++
		}
	}
	if _, known := v.views[now.Number]; !known {
		v.views[now.Number] = now
		if now.Number > v.highest {
			v.follow(v.views[v.highest], now)
			v.highest = now.Number
		}
	}
	return nil
}

// follow enters that a view follows another one.
func (v *Views) follow(before, now abcast.View) {
	if n := len(v.leader); n == 0 || v.leader[n-1] != now.Members[0].Node {
		v.leader = append(v.leader, now.Members[0].Node)
	}
	for _, m := range before.Members {
		v.left[m.Node] = true
	}
	for _, m := range now.Members {
		if v.left[m.Node] && !slices.ContainsFunc(before.Members, func(o abcast.Member) bool { return o.Node == m.Node }) {
			v.returned++
		}
		delete(v.left, m.Node)
	}
}

// CameBack demands that a node came back to an order that had gone on without it.
func (v *Views) CameBack() *check.Check {
	return check.Sometimes("a node came back to an order that had gone on without it", check.InSweep, sim.Output, func(*sim.Event) bool { return v.returned > 0 })
}

// Elected requires that Raft elected a leader after its first. The terms of Raft's
// leaders are known, and not their names.
func (v *Views) Elected() *check.Check {
	return check.Sometimes("a leader was elected after the first", check.InSweep, sim.Output, func(*sim.Event) bool { return v.terms > 0 })
}

// Deposed requires that the views changed their leader, which is their lowest member.
func (v *Views) Deposed() *check.Check {
	return check.Sometimes("another node leads than did before", check.InSweep, sim.Output, func(*sim.Event) bool { return len(v.leader) > 1 })
}

// Counts returns what a sweep adds up.
func (v *Views) Counts() []scenario.Count {
	return []scenario.Count{{Name: "views", N: uint64(len(v.views))}, {Name: "elections", N: v.terms}, {Name: "state transfers", N: v.moved}}
}
