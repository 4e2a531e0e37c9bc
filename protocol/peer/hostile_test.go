package peer

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// noise returns bytes that look a little like messages: number i of them.
func noise(i uint64) []byte {
	first := []byte{0, 1, 2, 3, 4, 5, 6, 'd', 0x1f, 255}
	h := protocol.Hash2(i, 77)
	b := []byte{first[h%uint64(len(first))]}
	for n := h >> 8 % 40; n > 0; n-- {
		h = protocol.Hash2(h, n)
		if h&1 == 0 {
			b = append(b, "lde0123456789:i-"[h>>8%16])
		} else {
			b = append(b, byte(h>>16))
		}
	}
	return b
}

// wrongs returns messages of the right form that come the wrong way, or ask for what
// nobody should.
func wrongs(w *world) [][]byte {
	req := Request{Transfer: 1, Attempt: 1, Receiver: w.owner(2), Witness: w.owner(3), Amount: 10}
	strange := ledger.Owner{9}
	out := [][]byte{{}}
	for typ := typeRequest; typ <= typeTransfer; typ++ {
		out = append(out, message{typ: typ, req: req, body: []byte("x"), sender: 1}.append(nil))
		req.Receiver = strange
		out = append(out, message{typ: typ, req: req, owner: strange, sender: 1 << 30}.append(nil))
		req.Receiver, req.Amount = w.owner(1), 1<<64-1
		out = append(out, message{typ: typ, req: req, owner: w.owner(0), outcome: Refused}.append(nil))
	}
	return append(out, gossip.Data(nil), gossip.Data([]byte("garbage")), gossip.Data(w.forged()))
}

// traffic returns what an honest run sends, each message spoilt in one byte.
func traffic(t *testing.T) [][]byte {
	w := newWorld(4, 2)
	w.order(1, 1, 2, 3, 300)
	w.run(t, source.Seed(1))
	var out [][]byte
	for i, e := range w.seen.events {
		if e.What == sim.Sent && len(e.Body) > 0 {
			h := protocol.Hash2(uint64(i), 5)
			e.Body[h%uint64(len(e.Body))] ^= byte(1 << (h >> 32 % 8))
			out = append(out, e.Body)
		}
	}
	return out
}

// TestHostileMessagesAreCountedAndHinderNobody: nodes that are no members, one with
// a link and one without, and Outside send all they can think of to members and
// client; a transfer is accepted all the same.
func TestHostileMessagesAreCountedAndHinderNobody(t *testing.T) {
	w := newWorld(4, 2)
	raw, linked := newScript(), newScript() // raw ones would cut the link of their sender
	w.extra = append(w.extra, raw, linked)
	w.order(7, 1, 2, 3, 300)
	msgs := append(wrongs(w), traffic(t)...)
	for i := range uint64(1500) {
		msgs = append(msgs, noise(i))
	}
	kind := protocol.KindOf("hostile")
	target := func(i int) protocol.NodeID {
		if i%5 == 4 {
			return w.client()
		}
		return protocol.NodeID(i % 5)
	}
	raw.begin = func(env *protocol.Env) {
		for i, m := range msgs {
			env.Send(target(i), kind, m)
		}
	}
	linked.begin = func(env *protocol.Env) {
		for i, m := range msgs {
			linked.link.Send(env, target(i), kind, m)
			if i < 100 { // the best ones to all
				linked.link.Send(env, target(i+1), kind, m)
				linked.link.Send(env, target(i+2), kind, m)
				linked.link.Send(env, target(i+3), kind, m)
				linked.link.Send(env, target(i+4), kind, m)
			}
		}
	}
	for i, m := range msgs {
		w.input(begin+protocol.Time(i+1), target(i), m)
	}
	w.run(t, source.Seed(9))
	w.mustAgree(t, w.nodes[0].Ledger().ListLen())
	if !slices.Contains(w.answers(t), Answer{Transfer: 7, Attempts: 1, Outcome: Accepted}) {
		t.Errorf("answers %v, want transfer 7 accepted at once", w.answers(t))
	}
	for i, n := range w.nodes {
		if got := n.Stats(); got.Malformed < 100 {
			t.Errorf("node %d counts %+v, want more malformed", i, got)
		}
		if len(n.neighbours) > 3 || n.neighbours[len(n.neighbours)-1] > 3 {
			t.Errorf("node %d has neighbours %v", i, n.neighbours)
		}
	}
	for _, e := range w.seen.events {
		if e.What == sim.Sent && e.Peer == protocol.Outside {
			t.Fatalf("node %v sends %v to Outside", e.Node, e.Kind)
		}
	}
	if got := w.customer.Stats(); got.Malformed < 100 {
		t.Errorf("the client counts %+v, want more malformed", got)
	}
	if b := w.nodes[0].Ledger().Balance(w.stranger().Owner()); b != 2*coin {
		t.Errorf("the stranger has %d, want %d", b, 2*coin)
	}
}

// TestNoBytesMakeANodeOrClientPanic hands them bytes directly, all the ways there
// are, by what rapid thinks of.
func TestNoBytesMakeANodeOrClientPanic(t *testing.T) {
	w := newWorld(3, 1)
	n, c := w.make(0).(*Node), NewClient(delay, false)
	var env protocol.Env
	for i, node := range []protocol.Node{n, c} {
		env.Enter(protocol.NodeID(3*i), 1, 0, nil)
		env.Mount(nil)
		node.Start(&env)
	}
	now := protocol.Time(0)
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "typed") {
			b = drawMessage(t).append(nil)
		}
		from := rapid.SampledFrom([]protocol.NodeID{0, 1, 2, 3, 77, protocol.Outside}).Draw(t, "from")
		now++
		env.Enter(0, 1, now, nil)
		n.Receive(&env, from, b)
		if from != 0 && from != protocol.Outside {
			n.deliver(&env, from, b)
		}
		env.Enter(3, 1, now, nil)
		c.Receive(&env, from, b)
		if from != 3 && from != protocol.Outside {
			c.deliver(&env, from, b)
		}
	})
}

// TestAnAttemptIsBegunOnce: a client that lies asks twice for one attempt, with
// other terms; no coin stays promised, and only one of them happens.
func TestAnAttemptIsBegunOnce(t *testing.T) {
	w := newWorld(4, 1)
	s := newScript()
	w.extra = append(w.extra, s)
	kind := protocol.KindOf("hostile")
	ask := func(env *protocol.Env, receiver int) {
		r := Request{Transfer: 1, Attempt: 1, Receiver: w.owner(receiver), Witness: w.owner(3), Amount: 10}
		s.link.Send(env, 1, kind, message{typ: typeRequest, req: r}.append(nil))
	}
	s.begin = func(env *protocol.Env) {
		ask(env, 2)
		ask(env, 0)
		env.SetTimer(2*delay, 1)
		env.SetTimer(100*delay, 2)
	}
	s.later = func(env *protocol.Env, _ uint64) { ask(env, 0) }
	told := make(map[Outcome]int)
	s.deliver = func(_ *protocol.Env, _ protocol.NodeID, msg []byte) {
		if m, ok := decode(msg); ok {
			told[m.outcome]++
		}
	}
	w.run(t, source.Seed(10))
	w.mustAgree(t, 1)
	if d := cmp.Diff(map[Outcome]int{Committed: 1, Accepted: 1}, told); d != "" {
		t.Errorf("the client was told (-want +got):\n%s", d)
	}
	if got := w.nodes[1].Stats(); got.Late != 3 {
		t.Errorf("the sender counts %+v, want 3 late", got)
	}
}

// TestAnAttemptEndsOnceAtTheClient: a sender that lies ends attempts more than
// once, and those of others.
func TestAnAttemptEndsOnceAtTheClient(t *testing.T) {
	w := newWorld(3, 1)
	s := newScript()
	w.extra = append(w.extra, s)
	w.input(begin+1, w.client(), TransferInput(3, Request{Transfer: 1}))
	w.input(begin+2, w.client(), TransferInput(3, Request{Transfer: 1, Amount: 5})) // known
	var requests []uint32
	s.deliver = func(env *protocol.Env, client protocol.NodeID, msg []byte) {
		m, _ := decode(msg)
		requests = append(requests, m.req.Attempt)
		reply := func(transfer uint64, attempt uint32, o Outcome) {
			r := Request{Transfer: transfer, Attempt: attempt}
			env.SetTimer(time.Duration(len(env.Effects())+1)*delay*2, uint64(len(env.Effects())))
			s.link.Send(env, client, KindReply, message{typ: typeReply, req: r, outcome: o}.append(nil))
		}
		if m.req.Attempt == 1 {
			reply(1, 1, Aborted)
			return
		}
		for _, o := range []Outcome{Accepted, Accepted, Aborted, Refused, Committed} {
			reply(1, 2, o)
		}
		reply(1, 1, Aborted)  // over
		reply(1, 3, Accepted) // not begun
		reply(2, 1, Accepted) // nobody's
	}
	s.later = func(*protocol.Env, uint64) {}
	w.link.FIFO = true
	w.run(t, source.Seed(11))
	if d := cmp.Diff([]Answer{{1, 2, Accepted}}, w.answers(t)); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]uint32{1, 2}, requests); d != "" {
		t.Errorf("attempts (-want +got):\n%s", d)
	}
	if got, want := w.customer.Stats(), (Stats{Malformed: 1, Late: 1 + 4 + 1 + 1}); got != want {
		t.Errorf("the client counts %+v, want %+v", got, want)
	}
}

// unknownKeys returns body i of a transaction of the right form, endorsed by owners that
// do not exist.
func unknownKeys(w *world, i uint64, sig ledger.Signature) []byte {
	owner := func(j uint64) (o ledger.Owner) {
		binary.BigEndian.PutUint64(o[:], i)
		binary.BigEndian.PutUint64(o[8:], j)
		return o
	}
	tx := &ledger.Tx{Version: ledger.Version, Network: w.genesis.Network(), Sender: owner(0), Seq: i, Witness: owner(1)}
	tx.Inputs = []ledger.Input{{Outpoint: w.outpoint(0, 0), Claimed: 40}}
	for j := range uint64(40) {
		tx.Outputs = append(tx.Outputs, ledger.TxOut{Owner: owner(2 + j), Amount: 1})
	}
	for _, o := range tx.Endorsers() {
		tx.Endorse(ledger.Endorsement{Owner: o, Signature: sig})
	}
	return tx.Encode(nil)
}

func TestBodiesOfStrangersDoNotFillTheMemory(t *testing.T) {
	w := newWorld(3, 1)
	n := w.make(0).(*Node)
	sig := w.stranger().Sign(nil, [32]byte{})
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	env.Mount(nil)
	n.Start(&env)
	const bodies = 300
	for i := range uint64(bodies) {
		env.Enter(0, 1, protocol.Time(i+1), nil)
		n.Receive(&env, 1, gossip.Data(unknownKeys(w, i, sig)))
	}
	stats := n.Stats()
	if stats.Overflowed == 0 || stats.Overflowed == bodies || stats.Forged != 0 {
		t.Errorf("the node counts %+v, want some of %d bodies overflowed and none forged", stats, bodies)
	}
	if got := len(n.keys.asked); got >= maxAsked+42 {
		t.Errorf("the node looks for %d keys, want less than %d", got, maxAsked+42)
	}
	if got := uint64(len(n.bodies.parsed)); got != bodies-stats.Overflowed || got != uint64(len(n.keys.bodies)) {
		t.Errorf("the node keeps %d bodies, of which %d wait; %d of %d overflowed", got, len(n.keys.bodies), stats.Overflowed, bodies)
	}
}

func TestASenderWithTooManyRequestsAborts(t *testing.T) {
	for _, free := range []int{0, 1} {
		w := newWorld(4, 1)
		w.wrap = func(id protocol.NodeID, n *Node) protocol.Node {
			for i := range uint64(maxOpen - free) {
				n.out.open[twopc.ID{Client: 99, Transfer: i}] = true
			}
			return n
		}
		w.until = begin + protocol.Time(time.Second)
		w.order(1, 1, 2, 3, 10)
		w.run(t, source.Seed(13))
		if got := len(w.answers(t)); got != free {
			t.Errorf("with room for %d: %d answers", free, got)
		}
	}
}

func TestADecisionThatComesAfterItsTurnKeepsNoBody(t *testing.T) {
	w := newWorld(4, 1)
	w.order(1, 1, 2, 3, 10)
	w.run(t, source.Seed(14))
	w.mustAgree(t, 1)
	e, _ := DecodeEntry(w.seen.of(KindEntry)[0].Body)
	n := w.nodes[2]
	body, ok := n.Body(e.WTxID)
	if !ok {
		t.Fatal("node 2 does not have the body")
	}
	var env protocol.Env
	env.Enter(2, 1, w.until, nil)
	n.decided(&env, twopc.Decision{ID: twopc.ID{Client: 4, Transfer: 2, Attempt: 1}, Commit: true, Payload: body, Coordinator: 1})
	if len(n.bodies.own) != 0 {
		t.Errorf("node 2 keeps bodies %v that the flood keeps", n.bodies.own)
	}
	w.mustAgree(t, 1)
}

// TestACopyWithOtherSignaturesDoesNotAnswerForTheTrueOne: a member that lies
// orders a copy of the sender's transaction that lacks a signature, before it.
func TestACopyWithOtherSignaturesDoesNotAnswerForTheTrueOne(t *testing.T) {
	w := newWorld(4, 1)
	w.order(1, 1, 2, 3, coin)
	lied := false
	w.wrap = func(id protocol.NodeID, n *Node) protocol.Node {
		if id != 0 {
			return n
		}
		check := n.checkBody
		n.flood = gossip.New(gossip.Config{
			Neighbours: func() []protocol.NodeID { return n.neighbours },
			Check: func(env *protocol.Env, id gossip.ID, body []byte) gossip.Verdict {
				if tx, v := ledger.Decode(body); v == ledger.Accepted && !lied {
					lied = true
					tx.Endorsements = tx.Endorsements[1:]
					bad := tx.Encode(nil)
					wtxid := ledger.ID(gossip.Sum(bad))
					n.bodies.own[wtxid] = bad
					n.order.Broadcast(env, wtxid[:])
				}
				return check(env, id, body)
			},
			Deliver: func(env *protocol.Env, _ gossip.ID, _ []byte) { n.advance(env) },
			Memory:  100, Waiting: 100,
		})
		return n
	}
	before := 0
	for seed := range source.Seed(10) {
		lied, w.seen, w.nodes = false, collector{}, make([]*Node, 4)
		w.run(t, seed)
		w.mustAgree(t, 1)
		if d := cmp.Diff([]Answer{{1, 1, Accepted}}, w.answers(t)); d != "" {
			t.Errorf("seed %d: answers (-want +got):\n%s", seed, d)
		}
		if e, ok := DecodeEntry(w.seen.of(KindEntry)[0].Body); ok && e.Verdict == ledger.MissingEndorsement {
			before++
		}
	}
	if before == 0 {
		t.Error("the copy was never ordered before the true transaction")
	}
}

func TestMistakenConfigsPanic(t *testing.T) {
	for part, spoil := range map[string]func(*Config){
		"lacks members":   func(c *Config) { c.Members = nil },
		"book":            func(c *Config) { c.Book = nil },
		"genesis":         func(c *Config) { c.Genesis = nil },
		"or key":          func(c *Config) { c.Key = ledger.Key{} },
		"delay 0s":        func(c *Config) { c.Delay = 0 },
		"settle -1ns":     func(c *Config) { c.Settle = -1 },
		"ascending order": func(c *Config) { c.Members = []protocol.NodeID{1, 0, 2} },
	} {
		w := newWorld(3, 1)
		w.config = func(_ protocol.NodeID, cfg *Config) { spoil(cfg) }
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, part) {
					t.Errorf("panic %q, want one with %q", v, part)
				}
			}()
			w.make(0)
		}()
	}
}
