package judge

import (
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/check"
)

// step is one thing that an incarnation of a node puts out: a message at its place or, if
// that has no seq, a view of these members, whose number is how many they are.
type step struct {
	node        protocol.NodeID
	incarnation uint32
	place       uint64
	id          abcast.MsgID
	members     []abcast.Member
}

func (o *step) event(step uint64) *sim.Event {
	e := &sim.Event{What: sim.Output, Node: o.node, Incarnation: o.incarnation, Step: step}
	if o.id.Seq == 0 {
		e.Kind, e.Body = abcast.KindViewed, abcast.AppendView(nil, abcast.View{Number: uint64(len(o.members)), Place: o.place, Members: o.members})
	} else {
		e.Kind, e.Body = abcast.KindDelivered, abcast.AppendDelivered(nil, o.place, o.id)
	}
	return e
}

func TestEachWrongDeliveryIsNamed(t *testing.T) {
	a, b, c := abcast.MsgID{Node: 0, Incarnation: 1, Seq: 1}, abcast.MsgID{Node: 0, Incarnation: 1, Seq: 2}, abcast.MsgID{Node: 1, Incarnation: 1, Seq: 1}
	two := []abcast.Member{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 1}}
	three := append(two[1:2:2], abcast.Member{Node: 2, Incarnation: 1}, abcast.Member{Node: 3, Incarnation: 1}) // without node 0
	begin := []step{{node: 0, incarnation: 1, members: two}, {node: 1, incarnation: 1, members: two}}
	for _, x := range []struct {
		what  string
		order string // "" is ISIS with views
		steps []step
		want  []string // how the violations begin
	}{
		{"one order, and an incarnation that begins again", "", []step{
			{0, 1, 0, a, nil}, {0, 1, 1, c, nil}, {0, 1, 2, b, nil}, {1, 1, 0, a, nil}, {1, 2, 0, abcast.MsgID{}, two}, {1, 2, 0, a, nil}, {1, 2, 1, c, nil},
		}, nil},
		{"another message at a place", "", []step{{0, 1, 0, a, nil}, {1, 1, 0, c, nil}}, []string{"all incarnations deliver one sequence of messages: "}},
		{"a later incarnation that begins in the middle", "", []step{{0, 1, 0, a, nil}, {0, 1, 1, b, nil}, {0, 2, 0, abcast.MsgID{}, two}, {0, 2, 1, b, nil}},
			[]string{"all incarnations deliver one sequence of messages: node 0 has message 0/1/2 as number 1, which is the first of this life"}},
		{"a view at another place than its own", "", []step{{0, 1, 0, a, nil}, {0, 1, 0, abcast.MsgID{}, append(two[:2:2], abcast.Member{Node: 2, Incarnation: 1})}},
			[]string{"a later view has a higher number: node 0 installs view 3 before message 0, and has delivered 1 message"}},
		{"a place left out", "", []step{{0, 1, 1, a, nil}}, []string{"all incarnations deliver one sequence of messages: "}},
		{"a message again", "sequencer", []step{{0, 1, 0, a, nil}, {0, 1, 1, b, nil}, {0, 1, 2, a, nil}}, []string{
			"no message is delivered at two places: node 0 delivers 0/1/1 as message 2, it was message 0 already",
			"each incarnation's broadcasts are delivered in order: node 0 delivers 0/1/1 as message 2, after 0/1/2",
		}},
		{"a message again, of plain ISIS", "isis", []step{{0, 1, 0, b, nil}, {0, 1, 1, b, nil}}, []string{"no message is delivered at two places: "}},
		{"a later message before an earlier one", "", []step{{0, 1, 0, b, nil}}, []string{"each incarnation's broadcasts are delivered in order: node 0 delivers 0/1/2 as message 0, without 0/1/1 before it"}},
		{"the same of plain ISIS", "isis", []step{{0, 1, 0, b, nil}, {0, 1, 1, a, nil}, {1, 1, 0, b, nil}}, nil},
		{"a message of a node that left the view", "", []step{{0, 1, 0, abcast.MsgID{}, three}, {0, 1, 0, a, nil}}, []string{"every delivered message's sender is in the view: node 0 delivers 0/1/1 as message 0, in view 3 of [1/1 2/1 3/1]"}},
		{"a message before the first view of an incarnation", "", []step{{0, 1, 0, a, nil}, {1, 2, 0, a, nil}}, []string{"every delivered message's sender is in the view: node 1 delivers 0/1/1 as message 0, in view 0 of []"}},
	} {
		var views *Views
		all := x.steps
		if x.order == "" {
			views = NewViews(3)
			all = append(begin[:len(begin):len(begin)], x.steps...)
		}
		d := NewDeliveries(x.order, views)
		suite := d.Checks()
		if views != nil {
			suite = append(suite, views.Checks()...)
		}
		for i := range all {
			e := all[i].event(uint64(i))
			if views != nil {
				views.Observe(e)
			}
			d.Observe(e)
			for _, o := range suite.Observers() {
				o.Observe(e)
			}
		}
		var got []string
		for _, r := range suite.Results(protocol.MaxTime) {
			if r.Verdict == check.Violation {
				got = append(got, r.Name+": "+r.Detail)
			}
		}
		if !slices.EqualFunc(got, x.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", x.what, got, x.want)
		}
	}
}
