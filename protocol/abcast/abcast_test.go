package abcast

import (
	"fmt"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/simtest/fixed"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cost returns what one broadcast costs a quiet group, in messages and in the delays
// until each member has delivered.
func cost(o Order, size, origin int) (messages map[protocol.Kind]int, delays []int) {
	others := size - 1
	delays = make([]int, size)
	if others == 0 {
		return map[protocol.Kind]int{}, delays
	}
	switch o {
	case ISIS:
		messages = map[protocol.Kind]int{KindData: others, KindPropose: others, KindFinal: others}
		for i := range delays {
			delays[i] = 3
		}
		delays[origin] = 2
	case Lamport:
		messages = map[protocol.Kind]int{KindData: others, KindAck: others * others}
		for i := range delays {
			delays[i] = min(others, 2) // the other one of two hears from all at once
		}
		delays[origin] = 2
	case Sequencer:
		messages = map[protocol.Kind]int{KindData: others, KindOrder: others}
		toSequencer := min(origin, 1)
		for i := range delays {
			delays[i] = toSequencer + min(i, 1)
		}
	}
	return messages, delays
}

// total returns the messages that a broadcast costs, of all kinds.
func total(o Order, size int) int {
	return map[Order]int{ISIS: 3, Lamport: size, Sequencer: 2}[o] * (size - 1)
}

func TestQuietBroadcastHasItsExactCost(t *testing.T) {
	for _, o := range Orders() {
		for _, size := range []int{1, 2, 3, 5, 8} {
			for origin := range size {
				n := newNetwork(o, size)
				n.broadcast(origin, "hello")
				n.Settle(0) // oldest first, so rounds never fall
				messages, delays := cost(o, size, origin)
				if d := cmp.Diff(messages, n.Sent); d != "" || n.sum() != total(o, size) {
					t.Errorf("%v, node %d of %d: %d messages, want %d (-want +got):\n%s", o, origin, size, n.sum(), total(o, size), d)
				}
				for i, m := range n.members {
					if d := cmp.Diff([]int{delays[i]}, m.rounds); d != "" {
						t.Errorf("%v, node %d of %d: delays until node %d delivers (-want +got):\n%s", o, origin, size, i, d)
					}
				}
				if len(n.wrong) > 0 || n.pending() != 0 || n.stats() != (Stats{}) {
					t.Errorf("%v, node %d of %d: wrong %v, pending %d, stats %+v", o, origin, size, n.wrong, n.pending(), n.stats())
				}
			}
		}
	}
}

// drive broadcasts and delivers in an order that t draws, until all is quiet.
func drive(t *rapid.T, n *network, fifo, copies bool) (broadcasts int) {
	left := rapid.IntRange(1, 12).Draw(t, "messages")
	for left > 0 || len(n.InFlight) > 0 {
		if len(n.InFlight) == 0 || left > 0 && rapid.IntRange(0, 3).Draw(t, "broadcast") == 0 {
			n.broadcast(rapid.IntRange(0, len(n.members)-1).Draw(t, "origin"), fmt.Sprint("m", left))
			left--
			broadcasts++
		} else {
			i := rapid.IntRange(0, len(n.InFlight)-1).Draw(t, "arrives")
			if fifo {
				i = n.firstOfLink(i)
			}
			n.arrive(i, copies && rapid.IntRange(0, 5).Draw(t, "again") == 5)
		}
		if len(n.wrong) > 0 {
			t.Fatalf("%s\n%s", strings.Join(n.wrong, "\n"), n.members[0].group.Describe(nil))
		}
	}
	if s := n.unfinished(broadcasts); s != "" {
		t.Fatal(s)
	}
	return broadcasts
}

func drawOrder(t *rapid.T) Order { return rapid.SampledFrom(Orders()).Draw(t, "order") }

func TestMembersDeliverInOneOrder(t *testing.T) {
	early := false
	property := func(t *rapid.T) {
		o, size := drawOrder(t), rapid.IntRange(1, 6).Draw(t, "members")
		n := newNetwork(o, size)
		b := drive(t, n, o.FIFO(), false)
		if want := total(o, size) * b; n.sum() != want {
			t.Fatalf("%d broadcasts among %d cost %v, want %d", b, size, n.Sent, want)
		}
		s := n.stats()
		if o == Sequencer {
			early = early || s.Early > 0
			s.Early = 0 // another link, another speed
		}
		if s != (Stats{}) {
			t.Fatalf("perfect links, but %+v", s)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if !early {
		t.Error("no place ever came before its message")
	}
}

// Links drop copies, but a group does not rely on that: over a FIFO link a copy comes
// right after its message, over others at any time.
func TestCopiesChangeNothing(t *testing.T) {
	copied := map[Order]bool{}
	property := func(t *rapid.T) {
		o, size := drawOrder(t), rapid.IntRange(2, 4).Draw(t, "members")
		n := newNetwork(o, size)
		b := drive(t, n, o.FIFO(), true)
		if want := total(o, size) * b; n.sum() != want {
			t.Fatalf("%d broadcasts among %d cost %v with copies, want %d", b, size, n.Sent, want)
		}
		copied[o] = copied[o] || n.stats().Stray > 0
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	for _, o := range Orders() {
		if !copied[o] {
			t.Errorf("%v: no copy ever arrived", o)
		}
	}
}

func TestOverFIFOLinksAMembersMessagesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(drawOrder(t), rapid.IntRange(1, 5).Draw(t, "members"))
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

// FIFO is no mere caution: over links that reorder, exactly the orders that need it
// go wrong. The schedules are drawn by hashing.
func TestWithoutFIFOJustTheOrdersThatNeedItGoWrong(t *testing.T) {
	for _, o := range Orders() {
		wrong := 0
		for run := range uint64(200) {
			n := newNetwork(o, 3)
			for i := range 6 {
				n.broadcast(i%3, fmt.Sprint("m", i))
			}
			for step := uint64(0); len(n.InFlight) > 0; step++ {
				n.arrive(int(protocol.Hash2(run, step)%uint64(len(n.InFlight))), false)
			}
			if len(n.wrong) > 0 || n.unfinished(6) != "" {
				wrong++
			}
		}
		if (wrong > 0) != o.FIFO() {
			t.Errorf("%v, which needs FIFO: %v: %d of 200 runs without FIFO went wrong", o, o.FIFO(), wrong)
		}
	}
}

// alone returns a member without a network, and what it delivers.
func alone(o Order, id protocol.NodeID, members ...protocol.NodeID) (g Orderer, env *protocol.Env, got *[]MsgID) {
	got = new([]MsgID)
	g = New(Config{
		Members: members,
		Order:   o,
		Send:    (*protocol.Env).Send,
		Deliver: func(_ *protocol.Env, _ uint64, m Message) { *got = append(*got, m.ID) },
	})
	env = new(protocol.Env)
	env.Enter(id, 1, 0, nil)
	g.Start(env)
	return g, env, got
}

// wire returns the message on the wire for a body.
func wire(body []byte) []byte { return append([]byte{byte(protocol.ABCAST)}, body...) }

// delivery returns the output of a delivery.
func delivery(index uint64, id MsgID) protocol.Effect {
	return protocol.Effect{Op: protocol.OpOutput, Kind: KindDelivered, Body: AppendDelivered(nil, index, id)}
}

func TestProposalIsAboveAllProposedAndAgreed(t *testing.T) {
	g, env, _ := alone(ISIS, 2, 1, 2, 3)
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
		delivery(0, first),
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
	g, env, got := alone(ISIS, 2, 1, 2, 3)
	a, b := MsgID{1, 1, 1}, MsgID{3, 1, 1}
	g.Receive(env, 1, wire(appendData(nil, Message{ID: a})))              // proposed 1.2
	g.Receive(env, 3, wire(appendData(nil, Message{ID: b})))              // proposed 2.2
	g.Receive(env, 3, wire(appendFinal(nil, b, stamp{2, 3})))             // deliverable, behind a
	g.Receive(env, 1, wire(appendData(nil, Message{ID: MsgID{1, 1, 2}}))) // proposed 3.2
	if len(*got) != 0 || g.Pending() != 3 {
		t.Errorf("delivered %v with %d pending before the head is agreed", *got, g.Pending())
	}
	want := `delivered: 0
last broadcast: 2/1/0
isis:
  clock: 3
  blocked by: 1/1/1, which is not agreed
  held back:
    1/1/1: proposed 1.2, empty
    3/1/1: agreed 2.3, empty
    1/1/2: proposed 3.2, empty
  ordered: none
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
	g, env, got := alone(ISIS, 2, 1, 2)
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

func TestDeliverMayBroadcastAndNeverNests(t *testing.T) {
	for _, o := range Orders() {
		deliverBroadcasting(t, o)
	}
}

func deliverBroadcasting(t *testing.T, o Order) {
	var g Orderer
	var lines []string
	depth := 0
	g = New(Config{
		Members: []protocol.NodeID{4},
		Order:   o,
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
		t.Errorf("%v: deliveries (-want +got):\n%s", o, d)
	}
}

func TestOrdersAreNamed(t *testing.T) {
	for i, name := range []string{"isis", "lamport", "sequencer"} {
		o, err := ParseOrder(name)
		if err != nil || o != Orders()[i] || o.String() != name {
			t.Errorf("ParseOrder(%s) = %v, %v", name, o, err)
		}
	}
	if len(Orders()) != len(orderNames)-1 {
		t.Errorf("Orders() = %v, of %q", Orders(), orderNames)
	}
	_, err := ParseOrder("vague")
	if err == nil || err.Error() != `abcast: unknown order "vague", want one of ["isis" "lamport" "sequencer"]` {
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
		"abcast: config has no members":                                              with(func(c *Config) { c.Members = nil }),
		"abcast: config has member 2 after 2, want ascending order":                  with(func(c *Config) { c.Members = []protocol.NodeID{2, 2} }),
		"abcast: config has outside as a member":                                     with(func(c *Config) { c.Members = []protocol.NodeID{protocol.Outside} }),
		`abcast: config has order(0), want one of ["isis" "lamport" "sequencer"]`:    with(func(c *Config) { c.Order = 0 }),
		"abcast: config has no Send":                                                 with(func(c *Config) { c.Send = nil }),
		"abcast: config has no Deliver":                                              with(func(c *Config) { c.Deliver = nil }),
		"abcast: node 3: not among the members [1 2]":                                func() { New(good).Start(&env) },
		"abcast: node 3: used before Start":                                          func() { New(good).Broadcast(&env, nil) },
		"abcast: node 3: timer 0x4000000000001, but a group without Views sets none": func() { New(good).Timeout(&env, protocol.ABCAST.Tag(1)) },
		"abcast: node 1: started twice, want a new Orderer for each incarnation": func() {
			g, env, _ := alone(ISIS, 1, 1, 2)
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

// A list for each would take n^2 words.
func TestAllMembersShareOneListOfMembers(t *testing.T) {
	members := make([]protocol.NodeID, 1000)
	for i := range members {
		members[i] = protocol.NodeID(i)
	}
	cfg := Config{Members: members, Order: ISIS, Send: func(*protocol.Env, protocol.NodeID, protocol.Kind, []byte) {}, Deliver: func(*protocol.Env, uint64, Message) {}}
	var env protocol.Env
	env.Enter(7, 1, 0, nil)
	p := New(cfg).(*plain)
	p.Start(&env)
	if &p.cfg.Members[0] != &members[0] || &p.rule.(*isis).view.members[0] != &members[0] {
		t.Error("a member has a list of its own")
	}
	cfg.Views = &Views{Tick: 1, Datagram: cfg.Send}
	if m := New(cfg).(*membership); &m.cfg.Members[0] != &members[0] {
		t.Error("a member of a group with views has a list of its own")
	}
}
