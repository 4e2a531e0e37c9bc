package peer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
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
	strange := ledger.Owner{9}
	out := [][]byte{{}}
	for _, x := range []struct {
		receiver, owner ledger.Owner
		amount          uint64
		outcome         peer.Outcome
		body            string
		sender          protocol.NodeID
	}{
		{receiver: w.owner(2), amount: 10, body: "x", sender: 1},
		{receiver: strange, owner: strange, amount: 10, sender: 1 << 30},
		{receiver: w.owner(1), owner: w.owner(0), amount: 1<<64 - 1, outcome: peer.Refused},
	} {
		r := peer.Request{Transfer: 1, Attempt: 1, Receiver: x.receiver, Witness: w.owner(3), Amount: x.amount}
		out = append(out, request(r), reply(1, 1, x.outcome), message(2), message(3, make([]byte, 32)), message(4, []byte(x.body)),
			peer.LookInput(x.owner), peer.GetInput(x.owner), peer.TransferInput(x.sender, r))
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
	if !slices.Contains(w.answers(t), peer.Answer{Transfer: 7, Attempts: 1, Outcome: peer.Accepted}) {
		t.Errorf("answers %v, want transfer 7 accepted at once", w.answers(t))
	}
	for i, n := range w.nodes {
		if got := n.Stats(); got.Malformed < 100 {
			t.Errorf("node %d counts %+v, want more malformed", i, got)
		}
		if n.Degree() > 3 {
			t.Errorf("node %d has %d neighbours", i, n.Degree())
		}
	}
	for _, e := range w.seen.events {
		switch {
		case e.What != sim.Sent:
		case e.Peer == protocol.Outside:
			t.Fatalf("node %v sends %v to Outside", e.Node, e.Kind)
		case slices.Contains(w.members, e.Node) && protocol.Component(e.Body[0]) == protocol.Gossip && !slices.Contains(w.members, e.Peer):
			t.Fatalf("node %v takes %v, which is no member, for a neighbour: it sends it %v", e.Node, e.Peer, e.Kind)
		}
	}
	if got := w.customer.Stats(); got.Malformed < 100 {
		t.Errorf("the client counts %+v, want more malformed", got)
	}
	if b := w.nodes[0].Ledger().Balance(w.stranger().Owner()); b != 2*coin {
		t.Errorf("the stranger has %d, want %d", b, 2*coin)
	}
}

// TestAnAttemptIsBegunOnce: a client that lies asks twice for one attempt, with
// other terms; no coin stays promised, and only one of them happens.
func TestAnAttemptIsBegunOnce(t *testing.T) {
	w := newWorld(4, 1)
	s := newScript()
	w.extra = append(w.extra, s)
	kind := protocol.KindOf("hostile")
	ask := func(env *protocol.Env, receiver int) {
		r := peer.Request{Transfer: 1, Attempt: 1, Receiver: w.owner(receiver), Witness: w.owner(3), Amount: 10}
		s.link.Send(env, 1, kind, request(r))
	}
	s.begin = func(env *protocol.Env) {
		ask(env, 2)
		ask(env, 0)
		env.SetTimer(2*delay, 1)
		env.SetTimer(100*delay, 2)
	}
	s.later = func(env *protocol.Env, _ uint64) { ask(env, 0) }
	told := make(map[string]int)
	s.deliver = func(_ *protocol.Env, _ protocol.NodeID, msg []byte) {
		told[peer.Text(msg)]++
	}
	w.run(t, source.Seed(10))
	w.mustAgree(t, 1)
	want := map[string]int{"reply transfer 1 attempt 1: committed": 1, "reply transfer 1 attempt 1: accepted": 1}
	if d := cmp.Diff(want, told); d != "" {
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
	w.input(begin+1, w.client(), peer.TransferInput(3, peer.Request{Transfer: 1}))
	w.input(begin+2, w.client(), peer.TransferInput(3, peer.Request{Transfer: 1, Amount: 5})) // known
	var requests []string
	s.deliver = func(env *protocol.Env, client protocol.NodeID, msg []byte) {
		asked, _, _ := strings.Cut(peer.Text(msg), ":")
		requests = append(requests, asked)
		say := func(transfer uint64, attempt uint32, o peer.Outcome) {
			env.SetTimer(time.Duration(len(env.Effects())+1)*delay*2, uint64(len(env.Effects())))
			s.link.Send(env, client, peer.KindReply, reply(transfer, attempt, o))
		}
		if asked == "request transfer 1 attempt 1" {
			say(1, 1, peer.Aborted)
			return
		}
		for _, o := range []peer.Outcome{peer.Accepted, peer.Accepted, peer.Aborted, peer.Refused, peer.Committed} {
			say(1, 2, o)
		}
		say(1, 1, peer.Aborted)  // over
		say(1, 3, peer.Accepted) // not begun
		say(2, 1, peer.Accepted) // nobody's
	}
	s.later = func(*protocol.Env, uint64) {}
	w.link.FIFO = true
	w.run(t, source.Seed(11))
	if d := cmp.Diff([]peer.Answer{{Transfer: 1, Attempts: 2, Outcome: peer.Accepted}}, w.answers(t)); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"request transfer 1 attempt 1", "request transfer 1 attempt 2"}, requests); d != "" {
		t.Errorf("attempts (-want +got):\n%s", d)
	}
	if got, want := w.customer.Stats(), (peer.Stats{Malformed: 1, Late: 1 + 4 + 1 + 1}); got != want {
		t.Errorf("the client counts %+v, want %+v", got, want)
	}
}

// copier is a Liar that orders a copy, without a signature, of the first body that the
// flood brings it, before it looks at that body itself.
type copier struct {
	*peer.Liar
	lied *bool
}

func (c copier) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	body, _ := gossip.Payload(msg)
	if tx, v := ledger.Decode(body); v == ledger.Accepted && !*c.lied {
		*c.lied = true
		tx.Endorsements = tx.Endorsements[1:]
		c.Liar.Receive(env, protocol.Outside, peer.SayInput(tx.Encode(nil)))
	}
	c.Liar.Receive(env, from, msg)
}

// TestACopyWithOtherSignaturesDoesNotAnswerForTheTrueOne: a member that lies
// orders a copy of the sender's transaction that lacks a signature, before it.
func TestACopyWithOtherSignaturesDoesNotAnswerForTheTrueOne(t *testing.T) {
	w := newWorld(4, 1)
	w.order(1, 1, 2, 3, coin)
	var lied bool
	w.wrap = func(id protocol.NodeID, n *peer.Node) protocol.Node {
		if id != 0 {
			return n
		}
		return copier{&peer.Liar{Node: n}, &lied}
	}
	before := 0
	for seed := range source.Seed(10) {
		lied, w.seen, w.nodes = false, collector{}, make([]*peer.Node, 4)
		w.run(t, seed)
		w.mustAgree(t, 1)
		if d := cmp.Diff([]peer.Answer{{Transfer: 1, Attempts: 1, Outcome: peer.Accepted}}, w.answers(t)); d != "" {
			t.Errorf("seed %d: answers (-want +got):\n%s", seed, d)
		}
		if e, ok := peer.DecodeEntry(w.seen.of(peer.KindEntry)[0].Body); ok && e.Verdict == ledger.MissingEndorsement {
			before++
		}
	}
	if before == 0 {
		t.Error("the copy was never ordered before the true transaction")
	}
}

func TestMistakenConfigsPanic(t *testing.T) {
	for part, spoil := range map[string]func(*peer.Config){
		"lacks members":   func(c *peer.Config) { c.Members = nil },
		"book":            func(c *peer.Config) { c.Book = nil },
		"genesis":         func(c *peer.Config) { c.Genesis = nil },
		"or key":          func(c *peer.Config) { c.Key = ledger.Key{} },
		"delay 0s":        func(c *peer.Config) { c.Delay = 0 },
		"settle -1ns":     func(c *peer.Config) { c.Settle = -1 },
		"ascending order": func(c *peer.Config) { c.Members = []protocol.NodeID{1, 0, 2} },
	} {
		w := newWorld(3, 1)
		w.config = func(_ protocol.NodeID, cfg *peer.Config) { spoil(cfg) }
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
