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
	"dessim/sim/wording"
)

// Views follows the views that nodes install, and the terms of Raft's leaders. It is
// an observer, to be shown an event before its checks are.
type Views struct {
	views    map[uint64]abcast.View // by number
	last     []abcast.Member        // by node, the last incarnation that a view with it reached
	seen     []sight                // by node
	now      check.Position         // of the view that the event shown last installs
	news     bool                   // it installs one
	wrong    error                  // what is wrong with it by itself
	highest  uint64                 // number of a view
	term     uint64                 // the highest one
	terms    uint64                 // that are part of the order, but for the first
	moved    uint64                 // later incarnations that were brought up to date
	left     map[protocol.NodeID]bool
	returned uint64            // nodes in a view that had left an earlier one
	leader   []protocol.NodeID // the lowest members of the views, each entered when it changes
}

// sight is what one incarnation has seen.
type sight struct {
	incarnation uint32
	views       uint64 // how many
	number      uint64 // of the last
	delivered   uint64 // messages
}

// NewViews follows the views of that many nodes.
func NewViews(nodes int) *Views {
	return &Views{views: make(map[uint64]abcast.View), last: make([]abcast.Member, nodes), seen: make([]sight, nodes), left: make(map[protocol.NodeID]bool)}
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
			v.news, v.wrong = true, fmt.Errorf("node %v puts out a term that cannot be read", e.Node)
			return
		}
		if term > v.term {
			if v.term != 0 {
				v.terms++
			}
			v.term = term
		}
	case abcast.KindDelivered:
		v.of(e).delivered++
	case abcast.KindViewed:
		v.news = true
		now, ok := abcast.DecodeViewed(e.Body)
		if !ok {
			v.wrong = fmt.Errorf("node %v puts out a view that cannot be read", e.Node)
			return
		}
		v.wrong = v.take(e, now)
	}
}

// Checks returns the checks that hold in every run.
func (v *Views) Checks() check.Suite { return check.Suite{v.same(), v.grow()} }

// of returns what the incarnation of an event has seen.
func (v *Views) of(e *sim.Event) *sight {
	o := &v.seen[e.Node]
	if o.incarnation != e.Incarnation {
		*o = sight{incarnation: e.Incarnation}
	}
	return o
}

// same requires that all incarnations install the same views at the same places of
// the order, each from the first one on.
func (v *Views) same() *check.Check {
	return check.SameOrder("all nodes install one sequence of views", sim.Output, func(*sim.Event) (check.Position, bool) {
		return v.now, v.news && v.wrong == nil
	}, func(item string) string { return "view " + item })
}

// grow requires that the views of an incarnation have ever higher numbers.
func (v *Views) grow() *check.Check {
	return check.Always("a later view has a higher number", sim.Output, func(*sim.Event) (bool, error) {
		if !v.news {
			return false, nil
		}
		return true, v.wrong
	})
}

// view returns the view in which the incarnation of an event is, or none: Number 0.
func (v *Views) view(e *sim.Event) abcast.View {
	if o := &v.seen[e.Node]; o.incarnation == e.Incarnation {
		return v.views[o.number]
	}
	return abcast.View{}
}

func (v *Views) take(e *sim.Event, now abcast.View) error {
	o := v.of(e)
	v.now = check.Position{Index: o.views, Item: fmt.Sprintf("%d of %v before message %d", now.Number, now.Members, now.Place)}
	o.views++
	if now.Number <= o.number {
		return fmt.Errorf("node %v installs view %d after view %d", e.Node, now.Number, o.number)
	}
	o.number = now.Number
	if now.Place != o.delivered {
		return fmt.Errorf("node %v installs view %d before message %d, and has delivered %s", e.Node, now.Number, now.Place, wording.Count(o.delivered, "message"))
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

// CameBack requires that a node rejoins after the order moved on.
func (v *Views) CameBack() *check.Check {
	return check.Sometimes("a node rejoins after the order moved on", check.InSweep, sim.Output, func(*sim.Event) bool { return v.returned > 0 })
}

// Elected requires that Raft elects a leader after its first. The terms of Raft's
// leaders are known, and not their names.
func (v *Views) Elected() *check.Check {
	return check.Sometimes("a second leader is elected", check.InSweep, sim.Output, func(*sim.Event) bool { return v.terms > 0 })
}

// Deposed requires that the leadership passes on. The lowest member of a view leads.
func (v *Views) Deposed() *check.Check {
	return check.Sometimes("leadership passes to another node", check.InSweep, sim.Output, func(*sim.Event) bool { return len(v.leader) > 1 })
}

// Counts returns what a sweep adds up.
func (v *Views) Counts() []scenario.Count {
	return []scenario.Count{{Name: "views", N: uint64(len(v.views))}, {Name: "elections", N: v.terms}, {Name: "state transfers", N: v.moved}}
}
