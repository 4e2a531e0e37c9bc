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

// Views follows the views that nodes install, and the terms of Raft's leaders. It is an
// observer, and sees each event before its checks do.
type Views struct {
	views    map[uint64]abcast.View // by number
	last     []abcast.Member        // by node, its last incarnation in a view
	seen     []sight                // by node
	now      check.Position         // of the view that the last event installs
	news     bool                   // whether the last event installs a view
	wrong    error                  // what is wrong with that view by itself
	back     error                  // the view that the last event installs has one back that was dead
	highest  uint64                 // view number
	term     uint64                 // the highest term
	terms    uint64                 // terms after the first that have a place in the order
	moved    uint64                 // later incarnations that caught up with the order
	left     map[protocol.NodeID]bool
	returned uint64            // nodes in a view that had left an earlier one
	leader   []protocol.NodeID // the lowest member of the views, at each change

	lastText viewText
}

// sight is what one incarnation has seen.
type sight struct {
	incarnation uint32
	views       uint64                     // number of views
	number      uint64                     // of the last view
	delivered   uint64                     // messages
	latest      map[protocol.NodeID]uint32 // the latest incarnations that were in its views
}

// NewViews returns a judge of the views of that many nodes.
func NewViews(nodes int) *Views {
	return &Views{views: make(map[uint64]abcast.View), last: make([]abcast.Member, nodes), seen: make([]sight, nodes), left: make(map[protocol.NodeID]bool)}
}

// Watch returns the events that Observe needs.
func (v *Views) Watch() sim.What { return sim.Output }

// Observe decodes a view or a term, and records what is wrong with it.
func (v *Views) Observe(e *sim.Event) {
	v.news, v.back = false, nil
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
		v.back = v.of(e).follow(e.Node, now)
	}
}

// Installed returns the number of views so far.
func (v *Views) Installed() int { return len(v.views) }

// Checks returns the checks that hold in every run.
func (v *Views) Checks() check.Suite { return check.Suite{v.same(), v.grow(), v.forward()} }

// of returns the sight of the event's incarnation.
func (v *Views) of(e *sim.Event) *sight {
	o := &v.seen[e.Node]
	if o.incarnation != e.Incarnation {
		*o = sight{incarnation: e.Incarnation, latest: make(map[protocol.NodeID]uint32)}
	}
	return o
}

// same requires that all incarnations install the same views at the same places in the
// order, beginning with the first view.
func (v *Views) same() *check.Check {
	return check.SameOrder("all nodes install one sequence of views", sim.Output, func(*sim.Event) (check.Position, bool) {
		return v.now, v.news && v.wrong == nil
	}, func(item string) string { return "view " + item }).OfOutputs(abcast.KindViewed, raft.KindTerm)
}

// grow requires that the view numbers of an incarnation increase.
func (v *Views) grow() *check.Check {
	return check.Always("a later view has a higher number", sim.Output, func(*sim.Event) (bool, error) {
		if !v.news {
			return false, nil
		}
		return true, v.wrong
	}).OfOutputs(abcast.KindViewed, raft.KindTerm)
}

// forward requires that once an incarnation of a node was in a view, no earlier one is in a
// later view: it is dead, whatever still arrives from it. Since the senders of messages are
// in the view, none of its messages is delivered either.
func (v *Views) forward() *check.Check {
	return check.Always("no view goes back to an earlier incarnation", sim.Output, func(*sim.Event) (bool, error) {
		return v.news, v.back
	}).OfOutputs(abcast.KindViewed, raft.KindTerm)
}

// follow takes a view that the node installs.
func (o *sight) follow(node protocol.NodeID, now abcast.View) (back error) {
	for _, m := range now.Members {
		if latest := o.latest[m.Node]; m.Incarnation < latest {
			back = fmt.Errorf("node %v installs view %d with incarnation %d of node %v, after a view with incarnation %d", node, now.Number, m.Incarnation, m.Node, latest)
		}
		o.latest[m.Node] = max(o.latest[m.Node], m.Incarnation)
	}
	return back
}

// view returns the current view of the event's incarnation; if it has none, Number is 0.
func (v *Views) view(e *sim.Event) abcast.View {
	if o := &v.seen[e.Node]; o.incarnation == e.Incarnation {
		return v.views[o.number]
	}
	return abcast.View{}
}

func (v *Views) take(e *sim.Event, now abcast.View) error {
	o := v.of(e)
	v.now = check.Position{Index: o.views, Item: v.text(&now)}
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

// text returns what there is to compare of a view, which nearly always is that of the last one: all
// members install it.
func (v *Views) text(now *abcast.View) string {
	if l := &v.lastText; l.text == "" || l.Number != now.Number || l.Place != now.Place || !slices.Equal(l.Members, now.Members) {
		v.lastText = viewText{*now, fmt.Sprintf("%d of %v before message %d", now.Number, now.Members, now.Place)}
	}
	return v.lastText.text
}

// viewText is a view, and its text.
type viewText struct {
	abcast.View
	text string
}

// follow records that one view follows another.
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

// CameBack requires that a node rejoins after the order has moved on.
func (v *Views) CameBack() *check.Check {
	return check.Sometimes("a node rejoins after the order moved on", check.InSweep, sim.Output, func(*sim.Event) bool { return v.returned > 0 })
}

// Elected requires that Raft elects another leader after the first. Terms are known, but
// not which nodes lead in them.
func (v *Views) Elected() *check.Check {
	return check.Sometimes("a second leader is elected", check.InSweep, sim.Output, func(*sim.Event) bool { return v.terms > 0 })
}

// Deposed requires that the leader changes. The lowest member of a view leads.
func (v *Views) Deposed() *check.Check {
	return check.Sometimes("leadership passes to another node", check.InSweep, sim.Output, func(*sim.Event) bool { return len(v.leader) > 1 })
}

// Counts returns how often things happened, for the sums of a sweep.
func (v *Views) Counts() []scenario.Count {
	return []scenario.Count{{Name: "views", N: uint64(len(v.views))}, {Name: "elections", N: v.terms}, {Name: "state transfers", N: v.moved}}
}
