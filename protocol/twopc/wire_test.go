package twopc

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
	"dessim/protocol/seal"
)

var sampleMessages = []message{
	{kind: msgPrepare, id: one, participants: nodes(0, 2), payload: []byte("pay")},
	{kind: msgVote, id: one, yes: true, endorsement: []byte("sig")},
	{kind: msgVote, id: one},
	{kind: msgDecision, id: two, yes: true, endorsements: []Endorsement{{0, []byte("x")}, {2, nil}}},
	{kind: msgDecision, id: two},
	{kind: msgAck, id: ID{protocol.Outside, 1<<64 - 1, 1<<32 - 1}},
	{kind: msgAsk, id: one, coordinator: 7},
	{kind: msgAnswer, id: one},
	{kind: msgAnswer, id: one, outcome: saysCommit, endorsements: []Endorsement{{1, nil}}},
	{kind: msgAnswer, id: one, outcome: saysAbort},
}

var sampleRecords = []record{
	{kind: recPrepared, id: one, coordinator: 3, participants: nodes(1, 3), payload: []byte("p"), keys: [][]byte{nil, []byte("k")}, endorsement: []byte("sig")},
	{kind: recCommit, id: one, participants: nodes(0, 1), payload: []byte("p"), endorsements: []Endorsement{{0, nil}, {1, nil}}},
	{kind: recDecided, id: one, endorsements: []Endorsement{{0, nil}}},
	{kind: recAbort, id: one},
	{kind: recEnd, id: two},
	{kind: recPrepared, again: true, id: one, coordinator: 3, participants: nodes(1, 3), payload: []byte("p")},
	{kind: recCommit, again: true, id: one, participants: nodes(0, 1), payload: []byte("p"), endorsements: []Endorsement{{0, nil}}},
	{kind: recAbort, again: true, id: one},
	{kind: recEnded, again: true, id: one, endorsements: []Endorsement{{0, nil}}},
	{kind: recFloor, again: true, id: two},
}

func TestDecodersRefuseWhatIsNotCanonical(t *testing.T) {
	for _, s := range []string{
		"", "\x03", "\x03l", "\x04li3ei1ei1ei1ee", "\x03li3ei1ei1ei1eex", "\x03li3ei1ei1ei4294967296ee", "\x03li6ei1ei1ei1ee",
		"\x03li0ei1ei1ei1ele0:e", "\x03li0ei1ei1ei1eli2ei1ee0:e", "\x03li0ei1ei1ei1eli1ei1ee0:e", "\x03li1ei1ei1ei1ei0e0:e",
		"\x03li2ei1ei1ei1ei1elee", "\x03li4ei1ei1ei1ei4294967295ee", "\x03li5ei1ei1ei1ei3ee", "\x03li3ei-1ei1ei1ee",
	} {
		if _, ok := decodeMessage([]byte(s)); ok {
			t.Errorf("%q decodes", s)
		}
	}
	for _, nodes := range [][2]protocol.NodeID{{1, 1}, {2, 1}} {
		v := message{kind: msgDecision, id: one, yes: true, endorsements: []Endorsement{{nodes[0], nil}, {nodes[1], nil}}}
		if _, ok := decodeMessage(v.append(nil)); ok {
			t.Errorf("endorsements of nodes %v decode", nodes)
		}
	}
	if _, ok := decodeRecord([]byte("\x03li0ei1ei1ei1ei0eli1ee0:l1:b1:ae0:e")); ok {
		t.Error("a record with keys out of order decodes")
	}
	if _, ok := DecodeOutput(KindVote, []byte("li1ei1ei1ei1ei1ee")); ok {
		t.Error("an output of a kind that is none decodes")
	}
}

func FuzzMessage(f *testing.F) {
	for _, v := range sampleMessages {
		b := v.append(nil)
		if _, ok := decodeMessage(b); !ok {
			f.Fatalf("%q does not decode", b)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decodeMessage(b)
		if ok && !bytes.Equal(v.append(nil), b) {
			t.Fatalf("%q encodes again as %q", b, v.append(nil))
		}
		w := newWorld(3) // and none makes a Manager panic, whatever it knows
		w.StartAll()
		w.begin(0, one, "a", three...)
		w.Settle(0)
		w.begin(1, two, "b", three...)
		w.Deliver(0)
		for _, h := range w.hosts {
			w.Hand(steps.Message{From: (h.id + 1) % 3, To: h.id, Body: b})
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, v := range sampleRecords {
		b := v.append(nil)
		if _, ok := decodeRecord(b); !ok {
			f.Fatalf("%q does not decode", b)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decodeRecord(b)
		if ok && !bytes.Equal(v.append(nil), b) {
			t.Fatalf("%q encodes again as %q", b, v.append(nil))
		}
		w := newWorld(1)
		w.StartAll()
		m := New(w.hosts[0].config())
		m.Restore(b)
		m.Restore(seal.Append(bytes.Clone(b)))
		for _, r := range sampleRecords {
			m.Restore(seal.Append(r.append(nil)))
		}
		m.Restore(seal.Append(bytes.Clone(b)))
		var env protocol.Env
		env.Enter(0, 2, 0, nil)
		w.hosts[0].told = map[ID]int{}
		m.Start(&env)
	})
}

func FuzzOutput(f *testing.F) {
	kinds := []protocol.Kind{KindBegun, KindVoted, KindDecided}
	full := Record{ID: one, Coordinator: 3, Participants: nodes(0, 2), Yes: true, Keys: [][]byte{[]byte("a"), []byte("b")}}
	for i, k := range kinds {
		f.Add(uint8(i), full.append(nil, k))
		f.Add(uint8(i), Record{ID: two, Participants: nodes(1, 1)}.append(nil, k))
	}
	f.Fuzz(func(t *testing.T, k uint8, b []byte) {
		kind := kinds[int(k)%len(kinds)]
		if v, ok := DecodeOutput(kind, b); ok && !bytes.Equal(v.append(nil, kind), b) {
			t.Fatalf("%q encodes again as %q", b, v.append(nil, kind))
		}
	})
}

// TestPastRemembersTheGreatest compares past with a twin that forgets nothing.
func TestPastRemembersTheGreatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		p, all := past{limit: limit}, map[ID]bool{}
		gen := rapid.Custom(func(t *rapid.T) ID {
			return ID{protocol.NodeID(rapid.IntRange(0, 2).Draw(t, "client")), rapid.Uint64Max(4).Draw(t, "transfer"), rapid.Uint32Max(1).Draw(t, "attempt")}
		})
		for range 40 {
			id, commit := gen.Draw(t, "ended"), rapid.Bool().Draw(t, "commit")
			if _, known := all[id]; !known {
				all[id] = commit
				p.add(outcome{id: id, commit: commit})
			} else {
				p.add(outcome{id: id, commit: !commit}) // changes nothing
			}
			probe := gen.Draw(t, "probe")
			o, known := p.find(probe)
			was, ended := all[probe]
			if known && (!ended || o.commit != was) {
				t.Fatalf("%v is remembered as commit=%v, was %v, ended %v", probe, o.commit, was, ended)
			}
			if ended && !known && !p.forgotten(probe) {
				t.Fatalf("%v ended, and past says never heard of", probe)
			}
			greater := 0
			for other := range all {
				if other.Client == probe.Client && other.Compare(probe) > 0 {
					greater++
				}
			}
			if ended && greater < limit && !known {
				t.Fatalf("%v is forgotten, and only %d greater ones ended, with room for %d", probe, greater, limit)
			}
		}
	})
}
