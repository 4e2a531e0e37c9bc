package peer

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
	"dessim/protocol/kademlia"
)

func TestAValueThatOneNodePutsIsFoundByAnother(t *testing.T) {
	w := newWorld(4, 1)
	w.start(t)
	var stored []Stored
	var found []Value
	w.Observe = func(_ protocol.NodeID, effects []protocol.Effect) {
		for _, e := range effects {
			if s, ok := DecodeStored(e.Body); ok && e.Kind == KindStored {
				stored = append(stored, s)
			}
			if v, ok := DecodeValue(e.Body); ok && e.Kind == KindValue {
				v.Value = append([]byte(nil), v.Value...)
				found = append(found, v)
			}
		}
	}
	input := func(to protocol.NodeID, body []byte) {
		w.Hand(steps.Message{From: protocol.Outside, To: to, Body: body})
		w.goOn()
	}
	value := []byte(strings.Repeat("v", MaxValue))
	input(0, PutInput(value))
	if len(stored) != 1 || stored[0].Key != ValueKey(value) || stored[0].Nodes == 0 {
		t.Fatalf("stored %+v, want %v at some node", stored, ValueKey(value))
	}
	input(2, ValueInput(stored[0].Key))
	input(3, ValueInput(kademlia.ID{1}))
	switch {
	case len(found) != 2:
		t.Fatalf("found %+v, want two answers", found)
	case !found[0].Found || string(found[0].Value) != string(value):
		t.Errorf("found %+v, want the value", found[0])
	case found[1].Found || found[1].Key != kademlia.ID{1}:
		t.Errorf("found %+v, want nothing", found[1])
	}
	before := w.nodes[0].Stats().Malformed
	input(0, PutInput(append(value, 'v')))
	w.Hand(steps.Message{From: 1, To: 0, Body: PutInput([]byte("from a peer"))})
	w.goOn()
	if got := w.nodes[0].Stats().Malformed - before; got != 2 || len(stored) != 1 {
		t.Errorf("%d messages are malformed and %d values stored, want 2 and 1: one is too long, and one no input", got, len(stored))
	}
}

func TestANodeTellsHowTransfersEnded(t *testing.T) {
	w := newWorld(3, 2)
	w.survive = true
	w.start(t)
	if number, members := w.nodes[0].View(); number == 0 || len(members) != 3 {
		t.Errorf("the view is %d of %v, want one of all", number, members)
	}
	w.transfer(7, 0, 1, 2, 1)
	w.goOn()
	if o, ok := w.nodes[0].Outcome(w.client(), 7); !ok || o != Accepted {
		t.Errorf("transfer 7 is %v %v, want accepted", o, ok)
	}
	if o, ok := w.nodes[0].Outcome(w.client(), 8); ok {
		t.Errorf("transfer 8, of which nobody asked, is %v", o)
	}
	if o, ok := w.nodes[1].Outcome(w.client(), 7); ok {
		t.Errorf("to its receiver transfer 7 is %v; only its sender answers for it", o)
	}
}
