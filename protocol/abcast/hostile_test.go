package abcast

import (
	"slices"
	"testing"

	"dessim/protocol"
)

// A hostile is a message that no honest member sends, and how it is counted.
type hostile struct {
	name string
	from protocol.NodeID
	msg  []byte
	want Stats
}

// refuses sends each message to a fresh member that begin returns: one that has
// delivered before and has two messages pending. Nothing but its counts may change.
func refuses(t *testing.T, cases []hostile, begin func() (Orderer, *protocol.Env, *[]MsgID), before ...MsgID) {
	t.Helper()
	for _, c := range cases {
		g, env, got := begin()
		effects := len(env.Effects())
		g.Receive(env, c.from, c.msg)
		if s := g.Stats(); s != c.want {
			t.Errorf("%s: stats %+v, want %+v", c.name, s, c.want)
		}
		if g.Pending() != 2 || !slices.Equal(*got, before) || len(env.Effects()) != effects {
			t.Errorf("%s: %d pending, want 2; delivered %v, want %v; effects %v, want none", c.name, g.Pending(), *got, before, env.Effects()[effects:])
		}
	}
}

func TestISISDropsAndCountsWhatNoMemberWouldSend(t *testing.T) {
	own, theirs := MsgID{2, 1, 1}, MsgID{1, 1, 1}
	refuses(t, []hostile{
		{"empty", 1, nil, Stats{Malformed: 1}},
		{"component only", 1, []byte{4}, Stats{Malformed: 1}},
		{"another component", 1, append([]byte{5}, appendPropose(nil, own, 2)...), Stats{Malformed: 1}},
		{"something after it", 1, append(wire(appendPropose(nil, own, 2)), 'e'), Stats{Malformed: 1}},
		{"unknown type", 1, wire([]byte("li4ei1ei1ei1ee")), Stats{Malformed: 1}},
		{"incarnation 0", 1, wire(appendData(nil, Message{ID: MsgID{1, 0, 1}})), Stats{Malformed: 1}},
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
		{"proposal for an earlier incarnation", 1, wire(appendPropose(nil, MsgID{2, 9, 1}, 2)), Stats{Stray: 1}},
		{"repeated data", 1, wire(appendData(nil, Message{ID: theirs})), Stats{Stray: 1}},
	}, func() (Orderer, *protocol.Env, *[]MsgID) {
		g, env, got := alone(ISIS, 2, 1, 2, 3)
		g.Broadcast(env, nil)
		g.Receive(env, 1, wire(appendData(nil, Message{ID: theirs})))
		return g, env, got
	})
}

func TestLamportDropsAndCountsWhatNoMemberWouldSend(t *testing.T) {
	theirs, next := MsgID{1, 1, 1}, MsgID{1, 1, 2}
	refuses(t, []hostile{
		{"ISIS's data", 1, wire(appendData(nil, Message{ID: next})), Stats{Malformed: 1}},
		{"the sequencer's data", 1, wire(appendSequencerData(nil, Message{ID: next})), Stats{Malformed: 1}},
		{"a place", 1, wire(appendSequencerOrder(nil, next, 1)), Stats{Malformed: 1}},
		{"stamp 0", 1, wire(appendLamportData(nil, Message{ID: next}, 0)), Stats{Malformed: 1}},
		{"stamp too great", 3, wire(appendLamportAck(nil, maxNumber+1)), Stats{Malformed: 1}},
		{"another's message", 3, wire(appendLamportData(nil, Message{ID: next}, 9)), Stats{Foreign: 1}},
		{"acknowledgement of no member", 7, wire(appendLamportAck(nil, 9)), Stats{Foreign: 1}},
		{"repeated data", 1, wire(appendLamportData(nil, Message{ID: theirs}, 5)), Stats{Stray: 1}},
		{"repeated data with another stamp", 1, wire(appendLamportData(nil, Message{ID: theirs}, 6)), Stats{Stray: 1}},
		{"data behind its time", 1, wire(appendLamportData(nil, Message{ID: next}, 4)), Stats{Stray: 1}},
		{"acknowledgement behind its time", 1, wire(appendLamportAck(nil, 5)), Stats{Stray: 1}},
	}, func() (Orderer, *protocol.Env, *[]MsgID) {
		g, env, got := alone(Lamport, 2, 1, 2, 3)
		g.Broadcast(env, nil)
		g.Receive(env, 1, wire(appendLamportData(nil, Message{ID: theirs}, 5)))
		return g, env, got
	})
}

func TestSequencerDropsAndCountsWhatNoMemberWouldSend(t *testing.T) {
	done, theirs := MsgID{3, 1, 1}, MsgID{3, 1, 2}
	refuses(t, []hostile{
		{"ISIS's data", 3, wire(appendData(nil, Message{ID: MsgID{3, 1, 3}})), Stats{Malformed: 1}},
		{"Lamport's acknowledgement", 1, wire(appendLamportAck(nil, 9)), Stats{Malformed: 1}},
		{"place 0", 1, wire(appendSequencerOrder(nil, theirs, 0)), Stats{Malformed: 1}},
		{"another's message", 1, wire(appendSequencerData(nil, Message{ID: MsgID{3, 1, 3}})), Stats{Foreign: 1}},
		{"a place from another", 3, wire(appendSequencerOrder(nil, theirs, 2)), Stats{Foreign: 1}},
		{"a place for a stranger's message", 1, wire(appendSequencerOrder(nil, MsgID{7, 1, 1}, 2)), Stats{Foreign: 1}},
		{"repeated data", 3, wire(appendSequencerData(nil, Message{ID: theirs})), Stats{Stray: 1}},
		{"repeated data of what was ordered", 3, wire(appendSequencerData(nil, Message{ID: done})), Stats{Stray: 1}},
		{"a place given before", 1, wire(appendSequencerOrder(nil, theirs, 1)), Stats{Stray: 1}},
		{"a place too far on", 1, wire(appendSequencerOrder(nil, theirs, 3)), Stats{Stray: 1}},
		{"a second place", 1, wire(appendSequencerOrder(nil, done, 2)), Stats{Stray: 1}},
	}, func() (Orderer, *protocol.Env, *[]MsgID) {
		g, env, got := alone(Sequencer, 2, 1, 2, 3)
		g.Broadcast(env, nil)
		g.Receive(env, 3, wire(appendSequencerData(nil, Message{ID: done})))
		g.Receive(env, 1, wire(appendSequencerOrder(nil, done, 1)))
		g.Receive(env, 3, wire(appendSequencerData(nil, Message{ID: theirs})))
		return g, env, got
	}, done)
}
