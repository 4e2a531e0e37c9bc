package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/check"
)

// viewed follows the views that nodes tell of, and the terms of Raft's leaders. It is
// an observer, to be shown an event before its checks are.
type viewed struct {
	views   map[uint64]abcast.View // by number
	last    []abcast.Life          // by node, the last life that a view with it reached
	number  []uint64               // by node, of the last view that its life told of
	begun   []uint32               // by node, the life that told of it
	highest uint64                 // number of a view
	term    uint64                 // the highest one
	terms   uint64                 // that are part of the order, but for the first
	moved   uint64                 // lives but the first of a node that were brought up to date
	leader  []protocol.NodeID      // the lowest members of the views, each told when it changes
	wrong   error                  // what is wrong with the view told of last
}

func newViewed(nodes int) *viewed {
	return &viewed{views: make(map[uint64]abcast.View), last: make([]abcast.Life, nodes), number: make([]uint64, nodes), begun: make([]uint32, nodes)}
}

// Watch gives what tells of views and terms.
func (v *viewed) Watch() sim.What { return sim.Output }

// Observe takes a view or a term, and notes what is wrong with it.
func (v *viewed) Observe(e *sim.Event) {
	switch e.Kind {
	case raft.KindTerm:
		if term, _, ok := raft.DecodeTerm(e.Body); ok && term > v.term {
			if v.term != 0 {
				v.terms++
			}
			v.term = term
		}
	case abcast.KindViewed:
		now, ok := abcast.DecodeViewed(e.Body)
		if !ok {
			v.wrong = fmt.Errorf("node %v is told of a view that cannot be read", e.Node)
			return
		}
		v.wrong = v.take(e, now)
	}
}

// same demands that all nodes are told of the same views at the same places of the
// order, in the order of their numbers, each life from the first one on.
func (v *viewed) same() *check.Check {
	return check.Always("all nodes see the same views at the same places of the order", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != abcast.KindViewed {
			return false, nil
		}
		return true, v.wrong
	})
}

// of gives the view that the life of an event was told of last, or none: Number 0.
func (v *viewed) of(e *sim.Event) abcast.View {
	if v.begun[e.Node] != e.Incarnation {
		return abcast.View{}
	}
	return v.views[v.number[e.Node]]
}

func (v *viewed) take(e *sim.Event, now abcast.View) error {
	if v.begun[e.Node] != e.Incarnation {
		v.begun[e.Node], v.number[e.Node] = e.Incarnation, 0
	}
	if now.Number <= v.number[e.Node] {
		return fmt.Errorf("node %v is told of view %d after view %d", e.Node, now.Number, v.number[e.Node])
	}
	v.number[e.Node] = now.Number
	if self := (abcast.Life{Node: e.Node, Incarnation: e.Incarnation}); v.last[e.Node] != self && slices.Contains(now.Members, self) {
		v.last[e.Node] = self
		if e.Incarnation > 1 {
			v.moved++
		}
	}
	was, known := v.views[now.Number]
	if !known {
		v.views[now.Number] = now
		if now.Number > v.highest {
			v.highest = now.Number
			if n := len(v.leader); n == 0 || v.leader[n-1] != now.Members[0].Node {
				v.leader = append(v.leader, now.Members[0].Node)
			}
		}
		return nil
	}
	if was.Place != now.Place || !slices.Equal(was.Members, now.Members) {
		return fmt.Errorf("node %v is told of view %d as %v before message %d, another node as %v before message %d",
			e.Node, now.Number, now.Members, now.Place, was.Members, was.Place)
	}
	return nil
}

// deposed demands that a leader, who is Raft's, or where there is none the lowest member
// of a view, lost its place to another.
func (v *viewed) deposed() *check.Check {
	return check.Sometimes("another node leads than did before", check.InSweep, sim.Output, func(*sim.Event) bool {
		return v.terms > 0 || v.term == 0 && len(v.leader) > 1
	})
}

// counts gives what a sweep adds up.
func (v *viewed) counts() []Count {
	return []Count{{"views", uint64(len(v.views))}, {"elections", v.terms}, {"state transfers", v.moved}}
}
