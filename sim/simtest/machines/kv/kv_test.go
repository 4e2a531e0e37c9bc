package kv_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

const delay = 10 * time.Millisecond

// seen is the outputs of clients, and the states of replicas.
type seen struct {
	returns []kv.Return
	applied map[protocol.NodeID][]kv.Applied
}

func (s *seen) Watch() sim.What { return sim.Output }

func (s *seen) Observe(e *sim.Event) {
	if r, ok := kv.DecodeReturned(e.Body); ok && e.Kind == kv.KindReturned {
		s.returns = append(s.returns, r)
	}
	if a, ok := kv.DecodeApplied(e.Body); ok && e.Kind == kv.KindApplied {
		s.applied[e.Node] = append(s.applied[e.Node], a)
	}
}

// run has client 3 do the commands, a second apart, with three replicas.
func run(t testing.TB, faults string, commands ...kv.Command) (*seen, *sim.Sim) {
	t.Helper()
	cfg := kv.Config{Members: []protocol.NodeID{0, 1, 2}, Order: abcast.ISIS, Delay: delay}
	parsed, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	plan := sim.Plan{
		Nodes: 4,
		Node: func(id protocol.NodeID) protocol.Node {
			if id == 3 {
				return kv.NewClient(cfg)
			}
			return kv.New(cfg)
		},
		Link:   sim.Link{Delay: delay / 10, Jitter: delay * 9 / 10},
		Until:  protocol.Time(time.Minute),
		Faults: parsed,
		Done:   func() bool { return false }, // so that replicas catch up
	}
	for i, c := range commands {
		at := protocol.Time(2+i) * protocol.Time(time.Second)
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: at, Node: 3, Body: kv.AskInput(c)})
	}
	s := &seen{applied: make(map[protocol.NodeID][]kv.Applied)}
	m, err := sim.New(plan, source.Seed(1), s)
	if err != nil {
		t.Fatal(err)
	}
	m.Run()
	return s, m
}

func Example() {
	s, _ := run(new(testing.T), "",
		kv.Command{Op: kv.Put, Key: 7, New: 1}, kv.Command{Op: kv.CAS, Key: 7, New: 2}, kv.Command{Op: kv.Get, Key: 7})
	for _, r := range s.returns {
		fmt.Println("done", r.OK, "was", r.Value)
	}
	// Output:
	// done true was 0
	// done true was 1
	// done true was 2
}

// A client that gets no reply asks the next replica, and the first one has the same
// command ordered when its pause is over.
func TestACommandThatTwoReplicasWereAskedForIsAppliedOnce(t *testing.T) {
	s, m := run(t, "pause 0 at 3s for 510ms",
		kv.Command{Op: kv.Put, Key: 7, New: 1}, kv.Command{Op: kv.CAS, Key: 7, New: 2}, kv.Command{Op: kv.Get, Key: 7})
	if len(s.returns) != 3 || s.returns[2].Value != 2 {
		t.Fatalf("the client saw %+v, want 3 returns, the last of 2", s.returns)
	}
	repeated := uint64(0)
	for id := range protocol.NodeID(3) {
		repeated += m.Node(id).(*kv.Node).Stats().Repeated
	}
	if repeated == 0 {
		t.Error("no command was ordered twice: the test is vacuous")
	}
	for _, r := range s.returns {
		if !r.OK {
			t.Errorf("%+v was refused: its first time changed what its second found", r)
		}
	}
}

func TestRestartedReplicasApplyTheSameAgain(t *testing.T) {
	s, m := run(t, "crash 1 at 2500ms for 1s; crash 2 at 4500ms for 1s; crash 0 at 6500ms for 1s",
		kv.Command{Op: kv.Put, Key: 7, New: 1}, kv.Command{Op: kv.Put, Key: 8, New: 2}, kv.Command{Op: kv.CAS, Key: 7, New: 3},
		kv.Command{Op: kv.Get, Key: 7}, kv.Command{Op: kv.Put, Key: 8, New: 9}, kv.Command{Op: kv.Get, Key: 8})
	if len(s.returns) != 6 || s.returns[3].Value != 3 || s.returns[5].Value != 9 {
		t.Fatalf("the client saw %+v", s.returns)
	}
	_, want := m.Node(0).(*kv.Node).State()
	for id := range protocol.NodeID(3) {
		if n, state := m.Node(id).(*kv.Node).State(); state != want || n < 6 {
			t.Errorf("replica %v has applied %d, state %x, want state %x", id, n, state, want)
		}
		if all := s.applied[id]; !slices.Contains(all, s.applied[0][5]) || all[0] != s.applied[0][0] {
			t.Errorf("replica %v applied %v, replica 0 %v", id, all, s.applied[0])
		}
	}
}

// sent returns how many messages of a kind the step sent.
func sent(env *protocol.Env, kind protocol.Kind) (n int) {
	for _, f := range env.Effects() {
		if f.Op == protocol.OpSend && f.Kind == kind {
			n++
		}
	}
	return n
}

func TestHostileBytesAreDroppedAndCounted(t *testing.T) {
	cfg := kv.Config{Members: []protocol.NodeID{0}, Order: abcast.ISIS, Delay: delay}
	n, c := kv.New(cfg), kv.NewClient(cfg)
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	env.Mount(nil)
	n.Start(&env)
	c.Start(&env)
	for _, msg := range [][]byte{nil, {1}, []byte("a long one without a seal")} {
		env.Enter(0, 1, 1, nil)
		n.Receive(&env, 1, msg)
		c.Receive(&env, 1, msg)
	}
	for _, msg := range []string{"", "\x10le", "\x10li1ei1ei1ei0ee", "\x04", "d1:ae"} {
		env.Enter(0, 1, 2, nil)
		n.Receive(&env, 1, seal.Append([]byte(msg)))
	}
	if s := n.Stats(); s.Corrupt != 3 || s.Malformed != 4 {
		t.Errorf("the replica counts %+v, want 3 corrupt and 4 malformed (the group counts the fifth as foreign)", s)
	}
	for _, msg := range []string{"", "\x10le", "\x10li0ei1ei0ei0ei0ei0ee"} {
		env.Enter(1, 1, 2, nil)
		c.Receive(&env, 0, seal.Append([]byte(msg)))
	}
	c.Receive(&env, 0, seal.Append([]byte("\x10li1ei1ei1ei0ee"))) // a reply to nothing
	if s := c.Stats(); s.Corrupt != 3 || s.Malformed != 3 || s.Late != 1 {
		t.Errorf("the client counts %+v, want 3 corrupt, 3 malformed, 1 late", s)
	}
}

// A late copy of an old request must not be ordered again, nor answered.
func TestARequestBeforeTheLastIsDropped(t *testing.T) {
	cfg := kv.Config{Members: []protocol.NodeID{0}, Order: abcast.ISIS, Delay: delay}
	n := kv.New(cfg)
	request := func(seq string) []byte { return seal.Append([]byte("\x10li0ei" + seq + "ei1ei7ei0ei5ee")) }
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	env.Mount(nil)
	n.Start(&env)
	for i := range 40 { // a group of one forms its view after some ticks
		env.Enter(0, 1, protocol.Time(i), nil)
		n.Timeout(&env, protocol.ABCAST.Tag(protocol.Periodic|1))
	}
	replies := 0
	for _, seq := range []string{"1", "2", "2", "1"} {
		env.Enter(0, 1, 100, nil)
		n.Receive(&env, 9, request(seq))
		replies += sent(&env, kv.KindReply)
		for _, f := range slices.Clone(env.Effects()) {
			if f.Op == protocol.OpSetTimer {
				env.Enter(0, 1, 101, nil)
				n.Timeout(&env, f.Tag)
				replies += sent(&env, kv.KindReply)
			}
		}
	}
	if delivered, _ := n.State(); delivered != 2 || replies != 3 || n.Stats().Late != 1 {
		t.Errorf("%d delivered, %d replies, %+v, want 2, 3 and one late", delivered, replies, n.Stats())
	}
}

// host is a replica that is its own client.
type host struct {
	*kv.Node
	client *kv.Client
}

func (h *host) Start(env *protocol.Env) {
	h.Node.Start(env)
	h.client.Start(env)
}

// Receive hands messages to both: each takes what is for it.
func (h *host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.Node.Receive(env, from, msg)
	}
	if from == protocol.Outside || from == env.ID() {
		h.client.Receive(env, from, msg)
	}
}

func (h *host) Timeout(env *protocol.Env, tag uint64) {
	if c, _ := protocol.SplitTag(tag); c == kv.Component {
		h.client.Timeout(env, tag)
		return
	}
	h.Node.Timeout(env, tag)
}

func TestAReplicaMayBeItsOwnClient(t *testing.T) {
	cfg := kv.Config{Members: []protocol.NodeID{0, 1, 2}, Order: abcast.ISIS, Delay: delay}
	var replicas [3]*kv.Node
	plan := sim.Plan{
		Nodes: 3,
		Node: func(id protocol.NodeID) protocol.Node {
			replicas[id] = kv.New(cfg)
			return &host{replicas[id], kv.NewClient(cfg)}
		},
		Link:   sim.Link{Delay: delay / 10, Jitter: delay * 9 / 10, Loss: protocol.Percent(10)},
		Until:  protocol.Time(time.Minute),
		Inputs: []sim.Input{{At: protocol.Time(time.Second), Node: 1, Body: kv.AskInput(kv.Command{Op: kv.Put, Key: 7, New: 1})}},
		Done:   func() bool { return false },
	}
	s := &seen{applied: make(map[protocol.NodeID][]kv.Applied)}
	m, err := sim.New(plan, source.Seed(1), s)
	if err != nil {
		t.Fatal(err)
	}
	m.Run()
	if len(s.returns) != 1 {
		t.Errorf("the client of its own replica saw %+v, want 1 return", s.returns)
	}
	for id, n := range replicas {
		if got := n.Stats(); got.Malformed != 0 || len(s.applied[protocol.NodeID(id)]) != 1 {
			t.Errorf("replica %d counts %+v and applied %d commands, want nothing malformed and 1", id, got, len(s.applied[protocol.NodeID(id)]))
		}
	}
}
