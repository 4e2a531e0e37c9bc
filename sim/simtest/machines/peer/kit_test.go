package peer_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/bencode"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
)

const (
	least  = time.Millisecond      // delay of the links
	delay  = 10 * time.Millisecond // the longest, with jitter
	settle = 200 * delay           // when the nodes publish their keys
	begin  = protocol.Time(260 * delay)
	coin   = 1000 // what each coin of the genesis is worth
)

// world is a small network: members 0 to n-1, then whatever the test adds, then
// one client. All that a test changes has a field.
type world struct {
	members  []protocol.NodeID
	keys     []ledger.Key // of the members, then of one stranger
	coins    int          // that each of them begins with
	genesis  *ledger.Genesis
	extra    []protocol.Node                                      // nodes between the members and the client
	wrap     func(id protocol.NodeID, n *peer.Node) protocol.Node // nil keeps the Node
	config   func(id protocol.NodeID, cfg *peer.Config)           // nil keeps the Config
	survive  bool
	done     func() bool // nil: always
	link     sim.Link
	faults   []fault.Fault
	inputs   []sim.Input
	until    protocol.Time
	nodes    []*peer.Node
	customer *peer.Client
	seen     collector
	watch    sim.Observer // beside it, or nil
}

func newWorld(members, coins int) *world {
	w := &world{coins: coins, link: sim.Link{Delay: least, Jitter: delay - least}, until: begin + protocol.Time(20*time.Second)}
	var outs []ledger.TxOut
	for i := range members + 1 {
		key := ledger.NewKey(sha256.Sum256(fmt.Appendf(nil, "key %d", i)))
		w.keys = append(w.keys, key)
		for range coins {
			outs = append(outs, ledger.TxOut{Owner: key.Owner(), Amount: coin})
		}
		if i < members {
			w.members = append(w.members, protocol.NodeID(i))
		}
	}
	w.genesis = ledger.NewGenesis("test", outs)
	w.nodes = make([]*peer.Node, members)
	return w
}

func (w *world) owner(i int) ledger.Owner { return w.keys[i].Owner() }

// stranger is the key that has coins and no node.
func (w *world) stranger() ledger.Key { return w.keys[len(w.members)] }

// outpoint names coin j of holder i.
func (w *world) outpoint(i, j int) ledger.Outpoint {
	return ledger.Outpoint{TxID: w.genesis.TxID(), Index: uint32(i*w.coins + j)}
}

// client is the last node.
func (w *world) client() protocol.NodeID { return protocol.NodeID(len(w.members) + len(w.extra)) }

// input enters an input.
func (w *world) input(at protocol.Time, to protocol.NodeID, body []byte) {
	w.inputs = append(w.inputs, sim.Input{ID: uint64(len(w.inputs)), At: at, Node: to, Body: body})
}

// order has the client ask for the transfer of an amount; extra nodes must have
// been added before.
func (w *world) order(transfer uint64, sender, receiver, witness int, amount uint64) {
	w.input(begin+1, w.client(), peer.TransferInput(protocol.NodeID(sender), peer.Request{
		Transfer: transfer, Receiver: w.owner(receiver), Witness: w.owner(witness), Amount: amount,
	}))
}

func (w *world) make(id protocol.NodeID) protocol.Node {
	n := len(w.members)
	switch {
	case id == w.client():
		w.customer = peer.NewClient(delay, w.survive)
		return w.customer
	case int(id) >= n:
		return w.extra[int(id)-n]
	}
	cfg := peer.Config{
		Members: w.members,
		Book:    protocol.SimBook{},
		Key:     w.keys[id],
		Genesis: w.genesis,
		Order:   abcast.ISIS,
		Secret:  protocol.Hash2(uint64(id), 1),
		Delay:   delay,
		Tries:   8,
		Settle:  settle,
		Survive: w.survive,
	}
	if w.config != nil {
		w.config(id, &cfg)
	}
	w.nodes[id] = peer.New(cfg)
	if w.wrap != nil {
		return w.wrap(id, w.nodes[id])
	}
	return w.nodes[id]
}

// run runs the world and returns the result.
func (w *world) run(t tb, src protocol.Source) sim.Result {
	t.Helper()
	p := sim.Plan{
		Nodes:  int(w.client()) + 1,
		Node:   w.make,
		Link:   w.link,
		Inputs: w.inputs,
		Faults: w.faults,
		Until:  w.until,
		Done:   w.done,
		Poison: true,
	}
	observers := []sim.Observer{&w.seen}
	if w.watch != nil {
		observers = append(observers, w.watch)
	}
	s, err := sim.New(p, src, observers...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s.Run()
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// mustAgree demands one ledger of that many accepted transactions everywhere, and
// that nothing waits or is reserved.
func (w *world) mustAgree(t tb, accepted uint64) {
	t.Helper()
	first := w.nodes[0].Ledger()
	for i, n := range w.nodes {
		l := n.Ledger()
		if l.ListLen() != accepted || l.LogHash() != first.LogHash() || l.ListHash() != first.ListHash() {
			t.Errorf("node %d has accepted %d, log %v; node 0 has %d, log %v; want %d everywhere", i, l.ListLen(), l.LogHash(), first.ListLen(), first.LogHash(), accepted)
		}
		if l.Total() != w.genesis.Minted() {
			t.Errorf("node %d has coins of %d, want %d", i, l.Total(), w.genesis.Minted())
		}
		if n.Reservations() != 0 || n.Undecided() != 0 || !strings.Contains(string(n.Describe(nil)), "\nordered, not applied: none\n") {
			t.Errorf("node %d: %d reserved, %d undecided, want none, and none that waits:\n%s", i, n.Reservations(), n.Undecided(), n.Describe(nil))
		}
	}
}

// answers returns the client's outputs.
func (w *world) answers(t tb) []peer.Answer {
	t.Helper()
	var out []peer.Answer
	for _, e := range w.seen.of(peer.KindAnswered) {
		a, ok := peer.DecodeAnswer(e.Body)
		if !ok {
			t.Fatalf("answer %q cannot be read", e.Body)
		}
		out = append(out, a)
	}
	return out
}

// collector keeps outputs, notes and sends.
type collector struct{ events []sim.Event }

func (c *collector) Watch() sim.What { return sim.Output | sim.Noted | sim.Sent }

func (c *collector) Observe(e *sim.Event) {
	kept := *e
	kept.Body = bytes.Clone(e.Body)
	c.events = append(c.events, kept)
}

// of returns the outputs of that kind.
func (c *collector) of(kind protocol.Kind) []sim.Event { return c.all(sim.Output, kind) }

func (c *collector) all(what sim.What, kind protocol.Kind) []sim.Event {
	var out []sim.Event
	for _, e := range c.events {
		if e.What == what && e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// script is a node that a test scripts, with a link below it. At its start
// it waits until begin.
type script struct {
	link    *link.Link
	begin   func(env *protocol.Env)
	deliver func(env *protocol.Env, from protocol.NodeID, msg []byte) // from the link
	later   func(env *protocol.Env, tag uint64)                       // a timer of another component
}

func newScript() *script {
	s := &script{}
	s.link = link.New(link.Config{Retry: 3 * delay, Window: link.MaxWindow, Deliver: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
		if s.deliver != nil {
			s.deliver(env, from, msg)
		}
	}})
	return s
}

const timerBegin = 1 << 20

func (s *script) Start(env *protocol.Env) {
	s.link.Start(env)
	env.SetTimer(time.Duration(begin), protocol.Peer.Tag(timerBegin))
}

func (s *script) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if len(msg) > 0 && protocol.Component(msg[0]) == protocol.Link {
		s.link.Receive(env, from, msg)
	}
}

func (s *script) Timeout(env *protocol.Env, tag uint64) {
	switch {
	case tag == protocol.Peer.Tag(timerBegin):
		if s.begin != nil {
			s.begin(env)
		}
	case tag>>48 == uint64(protocol.Link):
		s.link.Timeout(env, tag)
	default:
		s.later(env, tag)
	}
}

// abortFirst aborts the first attempts at random, for sure.
func abortFirst(attempts uint32) func(twopc.ID) protocol.Ratio {
	return func(id twopc.ID) protocol.Ratio {
		if id.Attempt <= attempts {
			return protocol.Percent(100)
		}
		return protocol.Ratio{}
	}
}

// message returns a message of package peer: its type and its fields, numbers and
// bytes.
func message(typ uint64, fields ...any) []byte {
	b := append([]byte{byte(protocol.Peer)}, 'l')
	b = bencode.AppendUint(b, typ)
	for _, f := range fields {
		switch f := f.(type) {
		case uint64:
			b = bencode.AppendUint(b, f)
		case []byte:
			b = bencode.AppendBytes(b, f)
		}
	}
	return append(b, 'e')
}

// request returns a client's message to a sender.
func request(r peer.Request) []byte {
	return message(0, r.Transfer, uint64(r.Attempt), r.Receiver[:], r.Witness[:], r.Amount)
}

// reply returns a sender's message to a client.
func reply(transfer uint64, attempt uint32, o peer.Outcome) []byte {
	return message(1, transfer, uint64(attempt), uint64(o))
}
