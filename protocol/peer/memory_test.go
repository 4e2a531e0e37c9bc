package peer

import (
	"encoding/binary"
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/internal/steps"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// TestNodesForgetTransfersThatHaveEnded: whatever is late, lost or copied meanwhile,
// and whichever party aborts at first.
func TestNodesForgetTransfersThatHaveEnded(t *testing.T) {
	lost, again := 0, uint32(0)
	for seed := range uint64(100) {
		order, aborts, n := abcast.Orders()[seed%3], uint32(seed/3%3), 3+int(seed%4)
		t.Run(fmt.Sprintf("seed %d, %v, %d aborts", seed, order, aborts), func(t *testing.T) {
			w := newWorld(n, 4)
			w.order, w.aborts = order, aborts
			w.start(t)
			for i := range 5 {
				w.transfer(uint64(i), i%n, (i+1)%n, (i+2)%n, 700)
			}
			lost += w.storm(seed)
			w.goOn()
			w.mustForget(t, 5)
			if len(w.answers) != 5 {
				t.Errorf("answers %v, want 5", w.answers)
			}
			for _, a := range w.answers {
				again += a.Attempts - 1
			}
		})
	}
	if lost == 0 || again == 0 {
		t.Errorf("vacuous: %d messages lost, %d attempts repeated", lost, again)
	}
}

// storm takes a thousand steps out of order, and returns how many messages it loses.
func (w *world) storm(seed uint64) (lost int) {
	for i := range uint64(1000) {
		h := protocol.Hash2(seed, i)
		if h%16 == 0 || len(w.InFlight) == 0 {
			w.FireNext()
			continue
		}
		switch at := int(h >> 8 % uint64(len(w.InFlight))); h % 16 {
		case 1:
			w.Lose(at)
			lost++
		case 2:
			w.Hand(w.InFlight[at])
		default:
			w.Deliver(at)
		}
	}
	return lost
}

// TestNodesForgetTransfersThatCannotBeDone: the client tries again for ever, but between
// two attempts there is nothing to remember.
func TestNodesForgetTransfersThatCannotBeDone(t *testing.T) {
	w := newWorld(4, 2)
	w.start(t)
	w.transfer(1, 1, 2, 3, 2*coin+1) // more than it has
	w.transfer(2, 1, 2, 3, 0)
	w.transfer(3, 1, 4, 3, 10)          // receiver has no node
	w.transfer(4, 1, 2, 4, 10)          // nor has this witness
	w.transfer(5, 1, 1, 3, 10)          // to oneself
	w.transfer(6, 1, 2, 2, 10)          // receiver is no witness
	w.transfer(7, 1, 2, 1, 10)          // nor is the sender
	w.transfer(8, 1, 2, 3, 8*coin)      // as much as there is
	w.transfer(1<<47-1, 1, 2, 3, 1<<62) // more than there is
	w.goOn()
	w.mustForget(t, 0)
}

func TestNodesForgetAForgery(t *testing.T) {
	w := newWorld(4, 2)
	w.start(t)
	tx := &ledger.Tx{
		Version: ledger.Version, Network: w.genesis.Network(), Sender: w.owner(1), Seq: 1, Witness: w.owner(3),
		Inputs:  []ledger.Input{{Outpoint: w.outpoint(1, 0), Claimed: coin}},
		Outputs: []ledger.TxOut{{Owner: w.owner(2), Amount: coin}},
	}
	for _, o := range tx.Endorsers() {
		tx.Endorse(ledger.Endorsement{Owner: o, Signature: w.keys[4].Sign(nil, tx.Digest())})
	}
	w.Hand(steps.Message{From: 1, To: 0, Body: gossip.Data(tx.Encode(nil))})
	w.goOn()
	w.mustForget(t, 0)
	if s := w.nodes[0].Stats(); s.Forged != 1 {
		t.Errorf("node 0 counts %+v, want 1 forged", s)
	}
}

// TestABodyThatComesAfterItsTurnIsForgotten: repair brings the deaf node what it
// had fetched.
func TestABodyThatComesAfterItsTurnIsForgotten(t *testing.T) {
	w := newWorld(4, 2)
	w.start(t)
	w.deaf = true
	w.transfer(1, 1, 2, 3, 300)
	w.goOn()
	if n := w.nodes[0]; n.Stats().Fetched != 1 || n.flood.Stats().Delivered != 0 || len(n.bodies.own) != 1 {
		t.Errorf("the deaf node counts %+v and %+v and keeps bodies %v, want one, fetched", n.Stats(), n.flood.Stats(), n.bodies.own)
	}
	w.deaf = false
	w.goOn()
	if n := w.nodes[0]; n.flood.Stats().Delivered != 1 {
		t.Errorf("the node that was deaf counts %+v, want the body flooded after all", n.flood.Stats())
	}
	w.mustForget(t, 1)
}

func TestADecisionThatComesAfterItsTurnKeepsNoBody(t *testing.T) {
	w := newWorld(4, 1)
	w.start(t)
	var wtxid ledger.ID
	answer := w.Observe
	w.Observe = func(id protocol.NodeID, effects []protocol.Effect) {
		answer(id, effects)
		for _, e := range effects {
			if x, ok := DecodeEntry(e.Body); ok && e.Op == protocol.OpOutput && e.Kind == KindEntry {
				wtxid = x.WTxID
			}
		}
	}
	w.transfer(1, 1, 2, 3, 10)
	w.goOn()
	w.mustForget(t, 1)
	body, ok := w.nodes[2].Body(wtxid)
	if !ok {
		t.Fatal("node 2 does not have the body")
	}
	w.Step(2, func(env *protocol.Env) {
		w.nodes[2].decided(env, twopc.Decision{ID: twopc.ID{Client: 4, Transfer: 2, Attempt: 1}, Commit: true, Payload: body, Coordinator: 1})
	})
	w.mustForget(t, 1)
}

func TestASenderWithTooManyRequestsAborts(t *testing.T) {
	for _, free := range []int{0, 1} {
		w := newWorld(4, 1)
		w.start(t)
		for i := range uint64(maxOpen - free) {
			w.nodes[1].out.open[twopc.ID{Client: 99, Transfer: i}] = true
		}
		w.transfer(1, 1, 2, 3, 10)
		w.goOn()
		if len(w.answers) != free {
			t.Errorf("with room for %d: %d answers", free, len(w.answers))
		}
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
	n := w.make(0)
	sig := w.keys[1].Sign(nil, [32]byte{})
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
