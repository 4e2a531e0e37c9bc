package grouptest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/fault"
)

// A stub is a group that does nothing and is in the state that a test wants.
type stub struct {
	view               abcast.View
	normal             bool
	pending, delivered int
}

func (s *stub) Restore([]byte)                                       {}
func (s *stub) Start(*protocol.Env)                                  {}
func (s *stub) Broadcast(*protocol.Env, []byte) (id abcast.MsgID)    { return id }
func (s *stub) Receive(*protocol.Env, protocol.NodeID, []byte)       {}
func (s *stub) Timeout(*protocol.Env, uint64)                        {}
func (s *stub) Pending() int                                         { return s.pending }
func (s *stub) Delivered() uint64                                    { return uint64(s.delivered) }
func (s *stub) View() (abcast.View, bool)                            { return s.view, s.normal }
func (s *stub) Stats() abcast.Stats                                  { return abcast.Stats{} }
func (s *stub) Describe(b []byte) []byte                             { return append(b, "stub\n"...) }
func newStub(members []protocol.NodeID, deliver Deliver) (one Group) { return &stub{} }

var stubs = Protocol{
	New:   newStub,
	Steps: []protocol.Kind{protocol.KindOf("step")},
	Refuse: func(_ *World, v abcast.View) string {
		if v.Number == 13 {
			return "an unlucky view"
		}
		return ""
	},
	Mark: protocol.KindOf("marked"),
	DecodeMark: func(body []byte) (n, place uint64, ok bool) {
		got, _ := fmt.Sscan(string(body), &n, &place)
		return n, place, got == 2
	},
}

var apart = fault.Fault{Op: fault.Partition, Groups: [][]protocol.NodeID{{0}, {1, 2}}}

// three returns a world of three nodes at time 0, each in its first life.
func three() *World {
	w := newWorld(&stubs, 3, 1)
	w.calm = protocol.MaxTime
	for _, m := range w.members {
		m.inc, m.group = 1, &stub{}
		w.judge.view.Members = append(w.judge.view.Members, abcast.Member{Node: m.id, Incarnation: 1})
	}
	w.begin(sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return &Host{Group: &stub{}} },
		Link: sim.Link{Delay: OneDelay}, Until: 1, Done: func() bool { return true }}, 1)
	return w
}

func (w *World) sends(node protocol.NodeID, seq uint64, payload string) {
	w.judge.broadcast(abcast.MsgID{Node: node, Incarnation: 1, Seq: seq}, payload, 1)
}

// hands has the life at a node deliver a message of another node's first life.
func (w *World) hands(at, index int, node protocol.NodeID, seq uint64, payload string) {
	w.judge.output(w.members[at], abcast.KindDelivered, abcast.AppendDelivered(nil, uint64(index), abcast.MsgID{Node: node, Incarnation: 1, Seq: seq}))
	w.judge.output(w.members[at], HandedOver, fmt.Appendf(nil, "%d %d 1 %d %s", index, node, seq, payload))
}

// views has it deliver a view of all nodes' first lives, or of some.
func (w *World) views(at int, number, place uint64, some ...protocol.NodeID) {
	v := abcast.View{Number: number, Place: place}
	for id := range protocol.NodeID(3) {
		if len(some) == 0 || slices.Contains(some, id) {
			v.Members = append(v.Members, abcast.Member{Node: id, Incarnation: 1})
		}
	}
	w.judge.output(w.members[at], abcast.KindViewed, abcast.AppendView(nil, v))
}

func (w *World) marks(at int, body string) {
	w.judge.output(w.members[at], stubs.Mark, []byte(body))
}

func TestJudgeNamesEachViolation(t *testing.T) {
	for _, c := range []struct {
		want string // or "" if nothing is wrong
		does func(w *World)
	}{
		{"", func(w *World) {
			w.views(0, 4, 0)
			w.hands(0, 0, 1, 1, "a b")
			w.hands(0, 1, 1, 2, "c")
			w.views(1, 4, 0)
			w.hands(1, 0, 1, 1, "a b")
			w.views(0, 5, 2)
			w.judge.died(w.members[1])
			w.views(1, 4, 0)
		}},
		{`delivers 1/1/1 at 0: "other", broadcast true "a b"`, func(w *World) { w.hands(0, 0, 1, 1, "other") }},
		{`delivers 2/1/1 at 0: "x", broadcast false ""`, func(w *World) { w.hands(0, 0, 2, 1, "x") }},
		{"delivers 1/1/1 at 0, told as 0/0/0 at 0", func(w *World) {
			w.judge.output(w.members[0], HandedOver, []byte("0 1 1 1 a b"))
		}},
		{"delivers 1/1/1 at 0, told as 1/1/2 at 0", func(w *World) {
			w.judge.output(w.members[0], abcast.KindDelivered, abcast.AppendDelivered(nil, 0, abcast.MsgID{Node: 1, Incarnation: 1, Seq: 2}))
			w.judge.output(w.members[0], HandedOver, []byte("0 1 1 1 a b"))
		}},
		{"delivers 1/1/1 at 1, after 0 messages", func(w *World) { w.hands(0, 1, 1, 1, "a b") }},
		{"delivers 1/1/2 at 0, after its life's 0", func(w *World) { w.hands(0, 0, 1, 2, "c") }},
		{"delivers 1/1/1 at 1, after its life's 1", func(w *World) {
			w.hands(0, 0, 1, 1, "a b")
			w.hands(0, 1, 1, 1, "a b")
		}},
		{`node 1/1 delivers "0/1/1 d" as entry 0, another life "1/1/1 a b"`, func(w *World) {
			w.hands(0, 0, 1, 1, "a b")
			w.hands(1, 0, 0, 1, "d")
		}},
		{`node 1/1 delivers "0/1/1 d" as entry 0, another life "view 4 [0/1 1/1 2/1]"`, func(w *World) {
			w.views(0, 4, 0)
			w.hands(1, 0, 0, 1, "d")
		}},
		{`node 0/1 delivers "1/1/2 c" as entry 0, another life "1/1/1 a b"`, func(w *World) {
			w.hands(0, 0, 1, 1, "a b")
			w.judge.died(w.members[0])
			w.hands(0, 0, 1, 2, "c")
		}},
		{"delivers view 4 [0/1 1/1 2/1] at place 1, after 0 messages", func(w *World) { w.views(0, 4, 1) }},
		{"delivers view 0 [] at place 0, after 0 messages", func(w *World) { w.judge.output(w.members[0], abcast.KindViewed, []byte("le")) }},
		{"delivers mark 0 at place 0, after 0 messages", func(w *World) { w.marks(0, "garbage") }},
		{"delivers mark 4 at place 1, after 0 messages", func(w *World) { w.marks(0, "4 1") }},
		{"delivers mark 4 after mark 4", func(w *World) {
			w.marks(0, "4 0")
			w.marks(0, "4 0")
		}},
		{`node 1/1 delivers "mark 5" as entry 0, another life "mark 4"`, func(w *World) {
			w.marks(0, "4 0")
			w.marks(1, "5 0")
		}},
		{`node 1/1 delivers "view 4 [0/1 2/1]" as entry 0, another life "view 4 [0/1 1/1 2/1]"`, func(w *World) {
			w.views(0, 4, 0)
			w.views(1, 4, 0, 0, 2)
		}},
		{"delivers 1/1/1 at 0, in view 5 of [0/1 2/1]", func(w *World) {
			w.views(0, 4, 0)
			w.views(0, 5, 0, 0, 2)
			w.hands(0, 0, 1, 1, "a b")
		}},
		{"delivers view 4 after view 4", func(w *World) {
			w.views(0, 4, 0)
			w.views(0, 4, 0)
		}},
		{"an unlucky view", func(w *World) { w.views(0, 13, 0) }},
		{"1/1/1 is broadcast twice", func(w *World) { w.sends(1, 1, "again") }},
		{"", func(w *World) { // what was broadcast before may still come through
			w.judge.broadcast(abcast.MsgID{Node: 2, Incarnation: 1, Seq: 1}, "early", 0)
			w.splits = []split{{Fault: &apart}}
			w.hands(0, 0, 2, 1, "early")
		}},
		{"broadcast at 1ns, from within a minority since 0s", func(w *World) {
			w.splits = []split{{Fault: &apart}}
			w.hands(1, 0, 1, 1, "a b") // in the majority
			w.hands(0, 0, 1, 1, "a b")
		}},
	} {
		w := three()
		w.sends(1, 1, "a b")
		w.sends(1, 2, "c")
		w.sends(0, 1, "d")
		c.does(w)
		if got := w.judge.wrong; !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("violation %q, want %q", got, c.want)
		}
	}
}

func TestJudgeKnowsWhatIsUnfinished(t *testing.T) {
	lives := []abcast.Member{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 1}, {Node: 2, Incarnation: 1}}
	for _, c := range []struct {
		want string // or "" if all is done
		does func(w *World, last *stub)
	}{
		{"", func(*World, *stub) {}},
		{"node 2 is down", func(w *World, _ *stub) { w.members[2].group = nil }},
		{"node 2: in view 4 [0/1 1/1 2/1]: false, want view 4 of all", func(_ *World, s *stub) { s.normal = false }},
		{"node 2: in view 3 [0/1 1/1 2/1]: true, want view 4 of all", func(_ *World, s *stub) { s.view.Number = 3 }},
		{"node 2: in view 4 [0/1 1/1]: true, want view 4 of all", func(_ *World, s *stub) { s.view.Members = lives[:2] }},
		{"node 0: view 4 has life 1/1, which is over", func(w *World, _ *stub) { w.members[1].inc, w.members[1].group = 2, w.members[0].group }},
		{"node 2: 2 of 2 entries delivered, 1 messages pending", func(_ *World, s *stub) { s.pending = 1 }},
		{"node 2: 2 of 2 entries delivered, 0 messages pending", func(_ *World, s *stub) { s.delivered = 2 }},
		{"node 2: 0 of 2 entries delivered, 0 messages pending", func(w *World, _ *stub) { w.judge.died(w.members[2]) }},
		{"node 2: 2 of 3 entries delivered, 0 messages pending", func(w *World, _ *stub) {
			w.sends(1, 2, "b")
			for i := range 2 {
				w.hands(i, 1, 1, 2, "b")
				w.members[i].group.(*stub).delivered = 2
			}
		}},
		{"0/1/1 is not delivered, though its origin lives", func(w *World, _ *stub) { w.sends(0, 1, "b") }},
		{"", func(w *World, _ *stub) { // its origin died
			w.sends(0, 1, "b")
			w.members[0].inc = 2
			for _, m := range w.members {
				m.group.(*stub).view.Members = append([]abcast.Member{{Node: 0, Incarnation: 2}}, lives[1:]...)
			}
		}},
	} {
		w := three()
		w.sends(1, 1, "a")
		var last *stub
		for i, m := range w.members {
			w.views(i, 4, 0)
			w.hands(i, 0, 1, 1, "a")
			last = &stub{view: abcast.View{Number: 4, Members: lives}, normal: true, delivered: 1}
			m.group = last
		}
		c.does(w, last)
		if got := w.unfinished(); got != c.want || w.judge.wrong != "" {
			t.Errorf("unfinished %q, want %q; violation %q", got, c.want, w.judge.wrong)
		}
	}
}
