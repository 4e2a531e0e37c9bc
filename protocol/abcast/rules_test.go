package abcast

import (
	"testing"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
)

func TestLamportWaitsForSomethingLaterFromEverybody(t *testing.T) {
	g, env, got := alone(Lamport, 2, 1, 2, 3, 4)
	first, second, own := MsgID{3, 1, 1}, MsgID{1, 1, 1}, MsgID{2, 1, 1}
	g.Receive(env, 3, wire(appendLamportData(nil, Message{ID: first}, 5)))
	g.Receive(env, 1, wire(appendLamportData(nil, Message{ID: second}, 6)))
	g.Broadcast(env, []byte("own")) // stamped 8, above all it received and sent
	g.Receive(env, 4, wire(appendLamportAck(nil, 4)))
	if len(*got) != 0 {
		t.Fatalf("%v delivered, though node 4 may still send something stamped 5", *got)
	}
	g.Receive(env, 4, wire(appendLamportAck(nil, 5)))
	g.Receive(env, 4, wire(appendLamportAck(nil, 9)))
	g.Receive(env, 1, wire(appendLamportAck(nil, 9)))
	if d := cmp.Diff([]MsgID{first}, *got); d != "" {
		t.Errorf("delivered before node 3 is past 6 (-want +got):\n%s", d)
	}
	g.Receive(env, 3, wire(appendLamportAck(nil, 8)))
	if d := cmp.Diff([]MsgID{first, second, own}, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	var want []protocol.Effect
	for _, s := range []struct {
		kind protocol.Kind
		body []byte
	}{
		{KindAck, appendLamportAck(nil, 6)},
		{KindAck, appendLamportAck(nil, 7)},
		{KindData, appendLamportData(nil, Message{own, []byte("own")}, 8)},
	} {
		for _, to := range []protocol.NodeID{1, 3, 4} {
			want = append(want, protocol.Effect{Op: protocol.OpSend, To: to, Kind: s.kind, Body: wire(s.body)})
		}
	}
	want = append(want, delivery(0, first), delivery(1, second), delivery(2, own))
	if d := cmp.Diff(want, env.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

func TestLamportBreaksTiesByOrigin(t *testing.T) {
	g, env, got := alone(Lamport, 2, 1, 2, 3)
	own, low, high := MsgID{2, 1, 1}, MsgID{1, 1, 1}, MsgID{3, 1, 1}
	g.Broadcast(env, nil)
	g.Receive(env, 3, wire(appendLamportData(nil, Message{ID: high}, 1)))
	g.Receive(env, 1, wire(appendLamportData(nil, Message{ID: low}, 1)))
	if d := cmp.Diff([]MsgID{low, own, high}, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
}

func TestPlacesAndMessagesWaitForEachOther(t *testing.T) {
	g, env, got := alone(Sequencer, 2, 1, 2, 3)
	a, b, c := MsgID{1, 1, 1}, MsgID{3, 1, 1}, MsgID{3, 1, 2}
	g.Receive(env, 1, wire(appendSequencerData(nil, Message{ID: a})))
	if len(*got) != 0 || g.Pending() != 1 {
		t.Errorf("%v delivered without a place, %d pending", *got, g.Pending())
	}
	g.Receive(env, 1, wire(appendSequencerOrder(nil, b, 1)))
	g.Receive(env, 1, wire(appendSequencerOrder(nil, c, 2)))
	g.Receive(env, 1, wire(appendSequencerOrder(nil, a, 3)))
	if len(*got) != 0 || g.Pending() != 1 {
		t.Errorf("%v delivered before the first placed, %d pending", *got, g.Pending())
	}
	g.Receive(env, 3, wire(appendSequencerData(nil, Message{ID: b})))
	if d := cmp.Diff([]MsgID{b}, *got); d != "" {
		t.Errorf("delivered, with the second missing (-want +got):\n%s", d)
	}
	g.Receive(env, 3, wire(appendSequencerData(nil, Message{ID: c})))
	if d := cmp.Diff([]MsgID{b, c, a}, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	if s, want := g.Stats(), (Stats{Early: 2}); s != want || g.Pending() != 0 {
		t.Errorf("stats %+v, want %+v; %d pending", s, want, g.Pending())
	}
	if d := cmp.Diff([]protocol.Effect{delivery(0, b), delivery(1, c), delivery(2, a)}, env.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

func TestTheSequencerPlacesEverythingInTheOrderOfArrival(t *testing.T) {
	g, env, got := alone(Sequencer, 1, 1, 2)
	theirs, own := MsgID{2, 1, 1}, MsgID{1, 1, 1}
	g.Receive(env, 2, wire(appendSequencerData(nil, Message{ID: theirs})))
	g.Broadcast(env, []byte("own"))
	want := []protocol.Effect{
		{Op: protocol.OpSend, To: 2, Kind: KindOrder, Body: wire(appendSequencerOrder(nil, theirs, 1))},
		delivery(0, theirs),
		{Op: protocol.OpSend, To: 2, Kind: KindData, Body: wire(appendSequencerData(nil, Message{own, []byte("own")}))},
		{Op: protocol.OpSend, To: 2, Kind: KindOrder, Body: wire(appendSequencerOrder(nil, own, 2))},
		delivery(1, own),
	}
	if d := cmp.Diff(want, env.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]MsgID{theirs, own}, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
}

func TestDescribeShowsWhatAMemberWaitsFor(t *testing.T) {
	l, env, _ := alone(Lamport, 2, 1, 2, 3)
	l.Receive(env, 1, wire(appendLamportData(nil, Message{MsgID{1, 1, 1}, []byte("four")}, 5)))
	s, env, _ := alone(Sequencer, 2, 1, 2, 3)
	s.Receive(env, 1, wire(appendSequencerOrder(nil, MsgID{3, 1, 1}, 1)))
	s.Receive(env, 1, wire(appendSequencerData(nil, Message{MsgID{1, 1, 1}, []byte("four")})))
	s.Receive(env, 1, wire(appendSequencerOrder(nil, MsgID{1, 1, 1}, 2)))
	for want, g := range map[string]Orderer{`delivered: 0
last broadcast: 2/1/0
lamport:
  clock: 6
  heard:
    1: 5
    3: 0
  blocked by: node 3, heard at 0, not yet at 5
  held back:
    1/1/1: at 5.1, "four"
  ordered: none
`: l, `delivered: 0
last broadcast: 2/1/0
sequencer:
  places are given by: 1
  last place: 2
  blocked by: 3/1/1, whose message is not here
  placed:
    1: 3/1/1
    2: 1/1/1
  held back:
    1/1/1: place 2, "four"
  ordered: none
`: s} {
		if d := cmp.Diff(want, string(g.Describe(nil))); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}
