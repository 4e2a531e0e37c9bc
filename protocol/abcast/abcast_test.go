package abcast

import (
	"fmt"
	"strings"
	"testing"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestQuietBroadcastTakesThreeDelaysAnd3NMinus3Messages(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 8} {
		n := newNetwork(size)
		n.broadcast(size/2, "hello")
		for len(n.inFlight) > 0 {
			n.arrive(0, false) // oldest first, so rounds never fall
		}
		others := size - 1
		want := map[protocol.Kind]int{}
		if size > 1 {
			want = map[protocol.Kind]int{KindData: others, KindPropose: others, KindFinal: others}
		}
		if d := cmp.Diff(want, n.sent); d != "" {
			t.Errorf("%d members: messages by kind (-want +got):\n%s", size, d)
		}
		for i, m := range n.members {
			rounds := 3
			if i == size/2 {
				rounds = min(2, 2*others)
			}
			if d := cmp.Diff([]int{rounds}, m.rounds); d != "" {
				t.Errorf("%d members: delays until node %d delivers (-want +got):\n%s", size, i, d)
			}
		}
		if len(n.wrong) > 0 || n.pending() != 0 || n.stats() != (Stats{}) {
			t.Errorf("%d members: wrong %v, pending %d, stats %+v", size, n.wrong, n.pending(), n.stats())
		}
	}
}

// drive broadcasts and delivers in an order that t draws, until all is quiet.
func drive(t *rapid.T, n *network, fifo, copies bool) (broadcasts int) {
	left := rapid.IntRange(1, 12).Draw(t, "messages")
	for left > 0 || len(n.inFlight) > 0 {
		if len(n.inFlight) == 0 || left > 0 && rapid.IntRange(0, 3).Draw(t, "broadcast") == 0 {
			n.broadcast(rapid.IntRange(0, len(n.members)-1).Draw(t, "origin"), fmt.Sprint("m", left))
			left--
			broadcasts++
		} else {
			i := rapid.IntRange(0, len(n.inFlight)-1).Draw(t, "arrives")
			if fifo {
				i = n.firstOfLink(i)
			}
			n.arrive(i, copies && rapid.IntRange(0, 5).Draw(t, "again") == 5)
		}
		if len(n.wrong) > 0 {
			t.Fatalf("%s\n%s", strings.Join(n.wrong, "\n"), n.members[0].group.Describe(nil))
		}
	}
	for i, m := range n.members {
		if m.delivered != broadcasts || m.group.Delivered() != uint64(broadcasts) || m.group.Pending() != 0 {
			t.Fatalf("node %d: %d of %d delivered when all is quiet\n%s", i, m.delivered, broadcasts, m.group.Describe(nil))
		}
	}
	return broadcasts
}

func TestMembersDeliverInOneOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 6).Draw(t, "members")
		n := newNetwork(size)
		b := drive(t, n, false, false)
		if want := 3 * (size - 1) * b; n.sent[KindData]+n.sent[KindPropose]+n.sent[KindFinal] != want {
			t.Fatalf("%d broadcasts among %d cost %v, want %d", b, size, n.sent, want)
		}
		if s := n.stats(); s != (Stats{}) {
			t.Fatalf("perfect links, but %+v", s)
		}
	})
}

func TestCopiesChangeNothing(t *testing.T) {
	copied := false
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 4).Draw(t, "members")
		n := newNetwork(size)
		b := drive(t, n, false, true)
		if want := 3 * (size - 1) * b; n.sent[KindData]+n.sent[KindPropose]+n.sent[KindFinal] != want {
			t.Fatalf("%d broadcasts among %d cost %v with copies, want %d", b, size, n.sent, want)
		}
		copied = copied || n.stats().Stray > 0
	})
	if !copied {
		t.Error("no copy ever arrived")
	}
}

func TestOverFIFOLinksAMembersMessagesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(rapid.IntRange(1, 5).Draw(t, "members"))
		drive(t, n, true, false)
		next := map[protocol.NodeID]uint64{}
		for _, id := range n.common {
			next[id.Node]++
			if id.Seq != next[id.Node] {
				t.Fatalf("%v delivered as number %d of its origin: %v", id, next[id.Node], n.common)
			}
		}
	})
}

// alone makes a member whose sends and deliveries are looked at directly.
func alone(id protocol.NodeID, members ...protocol.NodeID) (g *Group, env *protocol.Env, got *[]MsgID) {
	got = new([]MsgID)
	g = New(Config{
		Members: members,
		Order:   ISIS,
		Send:    (*protocol.Env).Send,
		Deliver: func(_ *protocol.Env, _ uint64, m Message) { *got = append(*got, m.ID) },
	})
	env = new(protocol.Env)
	env.Enter(id, 1, 0, nil)
	g.Start(env)
	return g, env, got
}

// wire makes a message as it travels of what an append function gives.
func wire(body []byte) []byte { return append([]byte{byte(protocol.ABCAST)}, body...) }

func TestProposalIsAboveAllProposedAndAgreed(t *testing.T) {
	g, env, _ := alone(2, 1, 2, 3)
	first, second := MsgID{1, 1, 1}, MsgID{3, 1, 1}
	g.Receive(env, 1, wire(appendData(nil, Message{ID: first})))
	g.Receive(env, 1, wire(appendFinal(nil, first, stamp{7, 3})))
	g.Receive(env, 3, wire(appendData(nil, Message{ID: second})))
	g.Broadcast(env, []byte("own"))
	g.Receive(env, 1, wire(appendPropose(nil, MsgID{2, 1, 1}, 4)))
	g.Receive(env, 3, wire(appendPropose(nil, MsgID{2, 1, 1}, 11)))
	own := wire(appendData(nil, Message{MsgID{2, 1, 1}, []byte("own")}))
	final := wire(appendFinal(nil, MsgID{2, 1, 1}, stamp{11, 3}))
	want := []protocol.Effect{
		{Op: protocol.OpSend, To: 1, Kind: KindPropose, Body: wire(appendPropose(nil, first, 1))},
		{Op: protocol.OpSend, To: 3, Kind: KindPropose, Body: wire(appendPropose(nil, second, 8))},
		{Op: protocol.OpSend, To: 1, Kind: KindData, Body: own},
		{Op: protocol.OpSend, To: 3, Kind: KindData, Body: own},
		{Op: protocol.OpSend, To: 1, Kind: KindFinal, Body: final},
		{Op: protocol.OpSend, To: 3, Kind: KindFinal, Body: final},
	}
	if d := cmp.Diff(want, env.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

func TestUndeliverableHeadBlocks(t *testing.T) {
	g, env, got := alone(2, 1, 2, 3)
	a, b := MsgID{1, 1, 1}, MsgID{3, 1, 1}
	g.Receive(env, 1, wire(appendData(nil, Message{ID: a})))              // proposed 1.2
	g.Receive(env, 3, wire(appendData(nil, Message{ID: b})))              // proposed 2.2
	g.Receive(env, 3, wire(appendFinal(nil, b, stamp{2, 3})))             // deliverable, behind a
	g.Receive(env, 1, wire(appendData(nil, Message{ID: MsgID{1, 1, 2}}))) // proposed 3.2
	if len(*got) != 0 || g.Pending() != 3 {
		t.Errorf("delivered %v with %d pending before the head is agreed", *got, g.Pending())
	}
	want := `abcast isis: 3 members, 0 delivered, 3 pending
  clock 3, 0 agreed stamps without message
  proposed 1.2 1/1/1, 0 bytes
  agreed 2.3 3/1/1, 0 bytes
  proposed 3.2 1/1/2, 0 bytes
`
	if d := cmp.Diff(want, string(g.Describe(nil))); d != "" {
		t.Errorf("Describe (-want +got):\n%s", d)
	}
	g.Receive(env, 1, wire(appendFinal(nil, a, stamp{2, 2})))
	if d := cmp.Diff([]MsgID{a, b}, *got); d != "" {
		t.Errorf("2.2 goes before 2.3 (-want +got):\n%s", d)
	}
}

func TestFinalBeforeDataIsKept(t *testing.T) {
	g, env, got := alone(2, 1, 2)
	late, next := MsgID{1, 1, 1}, MsgID{1, 1, 2}
	g.Receive(env, 1, wire(appendData(nil, Message{ID: next})))
	g.Receive(env, 1, wire(appendFinal(nil, late, stamp{5, 1})))
	g.Receive(env, 1, wire(appendFinal(nil, late, stamp{6, 1}))) // the first one counts
	g.Receive(env, 1, wire(appendData(nil, Message{ID: late})))
	g.Receive(env, 1, wire(appendFinal(nil, next, stamp{6, 1})))
	if d := cmp.Diff([]MsgID{late, next}, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	if s, want := g.Stats(), (Stats{Early: 1, Stray: 1}); s != want {
		t.Errorf("stats %+v, want %+v", s, want)
	}
}

func TestWhatNoMemberWouldSendIsDroppedAndCounted(t *testing.T) {
	own, theirs := MsgID{2, 1, 1}, MsgID{1, 1, 1}
	cases := []struct {
		name string
		from protocol.NodeID
		msg  []byte
		want Stats
	}{
		{"empty", 1, nil, Stats{Malformed: 1}},
		{"component only", 1, []byte{4}, Stats{Malformed: 1}},
		{"another component", 1, append([]byte{5}, appendPropose(nil, own, 2)...), Stats{Malformed: 1}},
		{"something after it", 1, append(wire(appendPropose(nil, own, 2)), 'e'), Stats{Malformed: 1}},
		{"unknown type", 1, wire([]byte("li4ei1ei1ei1ee")), Stats{Malformed: 1}},
		{"life 0", 1, wire(appendData(nil, Message{ID: MsgID{1, 0, 1}})), Stats{Malformed: 1}},
		{"seq 0", 1, wire(appendData(nil, Message{ID: MsgID{1, 1, 0}})), Stats{Malformed: 1}},
		{"outside's message", 1, wire(appendData(nil, Message{ID: MsgID{protocol.Outside, 1, 1}})), Stats{Malformed: 1}},
		{"number 0", 1, wire(appendPropose(nil, own, 0)), Stats{Malformed: 1}},
		{"number too great", 1, wire(appendPropose(nil, own, maxNumber+1)), Stats{Malformed: 1}},
		{"length beyond the end", 1, wire([]byte("li1ei1ei1ei1e99999999999:xe")), Stats{Malformed: 1}},
		{"from no member", 7, wire(appendPropose(nil, own, 2)), Stats{Foreign: 1}},
		{"from outside", protocol.Outside, wire(appendPropose(nil, own, 2)), Stats{Foreign: 1}},
		{"from oneself", 2, wire(appendPropose(nil, own, 2)), Stats{Foreign: 1}},
		{"another's message", 3, wire(appendData(nil, Message{ID: MsgID{1, 1, 2}})), Stats{Foreign: 1}},
		{"another's final", 3, wire(appendFinal(nil, theirs, stamp{9, 3})), Stats{Foreign: 1}},
		{"proposal for another's", 1, wire(appendPropose(nil, theirs, 2)), Stats{Foreign: 1}},
		{"final of a stranger", 1, wire(appendFinal(nil, theirs, stamp{9, 7})), Stats{Foreign: 1}},
		{"proposal for what was not broadcast", 1, wire(appendPropose(nil, MsgID{2, 1, 2}, 2)), Stats{Stray: 1}},
		{"proposal for an earlier life", 1, wire(appendPropose(nil, MsgID{2, 9, 1}, 2)), Stats{Stray: 1}},
		{"repeated data", 1, wire(appendData(nil, Message{ID: theirs})), Stats{Stray: 1}},
	}
	for _, c := range cases {
		g, env, got := alone(2, 1, 2, 3)
		g.Broadcast(env, nil)
		g.Receive(env, 1, wire(appendData(nil, Message{ID: theirs})))
		before := len(env.Effects())
		g.Receive(env, c.from, c.msg)
		if s := g.Stats(); s != c.want {
			t.Errorf("%s: stats %+v, want %+v", c.name, s, c.want)
		}
		if g.Pending() != 2 || len(*got) != 0 || len(env.Effects()) != before {
			t.Errorf("%s: %d pending, %v delivered, effects %v", c.name, g.Pending(), *got, env.Effects()[before:])
		}
	}
}

func TestDeliverMayBroadcastAndNeverNests(t *testing.T) {
	var g *Group
	var lines []string
	depth := 0
	g = New(Config{
		Members: []protocol.NodeID{4},
		Order:   ISIS,
		Send:    (*protocol.Env).Send,
		Deliver: func(env *protocol.Env, index uint64, m Message) {
			depth++
			lines = append(lines, fmt.Sprintf("%d %v %s depth %d", index, m.ID, m.Payload, depth))
			if index < 2 {
				g.Broadcast(env, append(m.Payload, '!'))
			}
			depth--
		},
	})
	var env protocol.Env
	env.Enter(4, 3, 0, nil)
	g.Start(&env)
	g.Broadcast(&env, []byte("a"))
	want := []string{"0 4/3/1 a depth 1", "1 4/3/2 a! depth 1", "2 4/3/3 a!! depth 1"}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("deliveries (-want +got):\n%s", d)
	}
}

func TestOrdersAreNamed(t *testing.T) {
	o, err := ParseOrder("isis")
	if err != nil || o != ISIS || o.String() != "isis" {
		t.Errorf("ParseOrder(isis) = %v, %v", o, err)
	}
	_, err = ParseOrder("vague")
	if err == nil || err.Error() != `abcast: unknown order "vague", want one of ["isis"]` {
		t.Errorf("ParseOrder(vague): %v", err)
	}
	if s := Order(9).String(); s != "order(9)" {
		t.Errorf("Order(9) prints as %s", s)
	}
}

func TestMistakesPanicWithTheirValues(t *testing.T) {
	good := Config{
		Members: []protocol.NodeID{1, 2},
		Order:   ISIS,
		Send:    (*protocol.Env).Send,
		Deliver: func(*protocol.Env, uint64, Message) {},
	}
	with := func(change func(*Config)) func() {
		return func() {
			c := good
			change(&c)
			New(c)
		}
	}
	var env protocol.Env
	env.Enter(3, 1, 0, nil)
	for want, f := range map[string]func(){
		"abcast: config has no members":                                with(func(c *Config) { c.Members = nil }),
		"abcast: config has member 2 after 2, want ascending order":    with(func(c *Config) { c.Members = []protocol.NodeID{2, 2} }),
		"abcast: config has outside as a member":                       with(func(c *Config) { c.Members = []protocol.NodeID{protocol.Outside} }),
		`abcast: config has order(0), want one of ["isis"]`:            with(func(c *Config) { c.Order = 0 }),
		"abcast: config has no Send":                                   with(func(c *Config) { c.Send = nil }),
		"abcast: config has no Deliver":                                with(func(c *Config) { c.Deliver = nil }),
		"abcast: node 3: not among the members [1 2]":                  func() { New(good).Start(&env) },
		"abcast: node 3: used before Start":                            func() { New(good).Broadcast(&env, nil) },
		"abcast: node 3: timer 0x4000000000001, but a group sets none": func() { New(good).Timeout(&env, protocol.ABCAST.Tag(1)) },
		"abcast: node 1: started twice, want a new Group for each life": func() {
			g, env, _ := alone(1, 1, 2)
			g.Start(env)
		},
	} {
		if got := panicOf(f); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}

func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}
