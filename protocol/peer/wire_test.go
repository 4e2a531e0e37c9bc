package peer

import (
	"bytes"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawOwner(t *rapid.T, label string) (o ledger.Owner) {
	copy(o[:], rapid.SliceOfN(rapid.Byte(), len(o), len(o)).Draw(t, label))
	return o
}

// drawMessage draws a message with those fields set that travel.
func drawMessage(t *rapid.T) message {
	m := message{typ: rapid.IntRange(typeRequest, typeTransfer).Draw(t, "type")}
	transfer := rapid.Uint64Range(0, maxTransfer-1)
	terms := func() {
		m.req.Receiver, m.req.Witness = drawOwner(t, "receiver"), drawOwner(t, "witness")
		m.req.Amount = rapid.Uint64().Draw(t, "amount")
	}
	if m.typ == typeRequest || m.typ == typeReply {
		m.incarnation = rapid.SampledFrom([]uint32{0, 2, 3, 1<<32 - 1}).Draw(t, "incarnation")
	}
	switch m.typ {
	case typeRequest:
		m.req.Transfer, m.req.Attempt = transfer.Draw(t, "transfer"), rapid.Uint32().Draw(t, "attempt")
		terms()
	case typeReply:
		m.req.Transfer, m.req.Attempt = transfer.Draw(t, "transfer"), rapid.Uint32().Draw(t, "attempt")
		m.outcome = Outcome(rapid.Uint8Range(0, uint8(Refused)).Draw(t, "outcome"))
	case typeFetch:
		copy(m.id[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
	case typeBody:
		m.body = rapid.SliceOf(rapid.Byte()).Draw(t, "body")
	case typeLook, typeGet:
		m.owner = drawOwner(t, "owner")
	case typeTransfer:
		m.sender = protocol.NodeID(rapid.Uint32Range(0, uint32(protocol.Outside)-1).Draw(t, "sender"))
		m.req.Transfer = transfer.Draw(t, "transfer")
		terms()
	}
	return m
}

func TestMessagesComeBackFromTheWire(t *testing.T) {
	same := cmp.AllowUnexported(message{})
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		b := m.append(nil)
		got, ok := decode(b)
		if len(got.body) == 0 {
			got.body = m.body[:len(m.body):len(m.body)] // nil or empty: both travel as none
		}
		if d := cmp.Diff(m, got, same); !ok || d != "" {
			t.Fatalf("%q is read %v (-want +got):\n%s", b, ok, d)
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); true {
			if _, ok := decode(b[:cut]); ok {
				t.Fatalf("the first %d of %d bytes of %q are read", cut, len(b), b)
			}
		}
		if _, ok := decode(append(b, 'e')); ok {
			t.Fatalf("%q and one byte more is read", b)
		}
	})
}

func TestValuesOutOfTheirRangeAreNotRead(t *testing.T) {
	terms := Request{Transfer: 1, Attempt: 1, Amount: 1}
	long := terms
	long.Transfer = 1 << 47
	for name, b := range map[string][]byte{
		"nothing":              {},
		"component alone":      {byte(protocol.Peer)},
		"another component":    append([]byte{byte(protocol.Link)}, message{typ: typeHello}.append(nil)[1:]...),
		"unknown type":         []byte("\x05li8ee"),
		"negative type":        []byte("\x05li-1ee"),
		"field too many":       []byte("\x05li2ei0ee"),
		"no list":              []byte("\x05i2e"),
		"transfer, request":    message{typ: typeRequest, req: long}.append(nil),
		"transfer, reply":      message{typ: typeReply, req: long}.append(nil),
		"transfer, transfer":   TransferInput(1, long),
		"sender outside":       TransferInput(protocol.Outside, terms),
		"outcome":              message{typ: typeReply, req: terms, outcome: Refused + 1}.append(nil),
		"body too long":        message{typ: typeBody, body: make([]byte, gossip.MaxBody+1)}.append(nil),
		"owner too short":      []byte("\x05li5e3:abce"),
		"first incarnation":    []byte("\x05li1ei0ei0ei0ei1ee"),
		"number not canonical": []byte("\x05li02ee"),
	} {
		if m, ok := decode(b); ok {
			t.Errorf("%s: %q is read as %+v", name, b, m)
		}
	}
}

// TestOnlyALiarReadsLies: to the rest a lie is not even a message.
func TestOnlyALiarReadsLies(t *testing.T) {
	same := cmp.AllowUnexported(lie{})
	for _, want := range []lie{
		{typ: lieSay, body: []byte("body")},
		{typ: lieSpend, transfer: maxTransfer - 1, parties: [2]protocol.NodeID{1, 2}, body: []byte("body")},
	} {
		b := want.append(nil)
		got, ok := decodeLie(b)
		if d := cmp.Diff(want, got, same); !ok || d != "" {
			t.Errorf("%q is read %v (-want +got):\n%s", b, ok, d)
		}
		if m, ok := decode(b); ok {
			t.Errorf("%q is read as message %+v", b, m)
		}
	}
	for typ := typeRequest; typ <= typeTransfer; typ++ {
		b := message{typ: typ}.append(nil)
		if l, ok := decodeLie(b); ok {
			t.Errorf("%q is read as lie %+v", b, l)
		}
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	for o, want := range map[Outcome]string{Aborted: "aborted", Committed: "committed", Accepted: "accepted", Refused: "refused"} {
		if o.String() != want {
			t.Errorf("outcome %d is called %q, want %q", o, o, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []message{
		{typ: typeRequest, req: Request{Transfer: 7, Attempt: 2, Amount: 300}},
		{typ: typeReply, req: Request{Transfer: 7, Attempt: 2}, outcome: Refused},
		{typ: typeReply, req: Request{Transfer: 7, Attempt: 2}, outcome: Aborted, incarnation: 3},
		{typ: typeHello},
		{typ: typeFetch},
		{typ: typeBody, body: []byte("body")},
		{typ: typeLook},
		{typ: typeGet},
		{typ: typeTransfer, sender: 3, req: Request{Transfer: 1<<47 - 1}},
	} {
		f.Add(m.append(nil))
	}
	f.Add([]byte("\x05li2ei0ee"))
	f.Add([]byte("\x05l"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok := decode(b); ok && !bytes.Equal(m.append(nil), b) {
			t.Errorf("%q is read as %+v, which is written %q", b, m, m.append(nil))
		}
	})
}

// output runs one step and returns the record that it made final.
func output(t tb, kind protocol.Kind, step func(env *protocol.Env)) []byte {
	t.Helper()
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	step(&env)
	fx := env.Effects()
	if len(fx) != 1 || fx[0].Op != protocol.OpOutput || fx[0].Kind != kind {
		t.Fatalf("effects %+v, want one output of kind %v", fx, kind)
	}
	return fx[0].Body
}

func TestOutputsAreReadAsTheyWereWritten(t *testing.T) {
	n := newWorld(3, 1).make(0)
	id, owner := ledger.ID{1, 2}, ledger.Owner{3, 4}
	n.state.Refuse(id, ledger.Malformed)

	rec := output(t, KindEntry, func(env *protocol.Env) { n.outputEntry(env, id, ledger.Malformed) })
	entry, ok := DecodeEntry(rec)
	if want := (Entry{0, id, ledger.Malformed, n.state.LogHash(), n.state.ListHash(), n.state.Total()}); !ok || entry != want {
		t.Errorf("entry %+v, %v, want %+v", entry, ok, want)
	}
	rec = output(t, KindRefused, func(env *protocol.Env) { n.outputRefused(env, gossip.ID(id), ledger.HighS) })
	if gotID, v, ok := DecodeRefused(rec); !ok || gotID != id || v != ledger.HighS {
		t.Errorf("refused %v %v, %v", gotID, v, ok)
	}
	for _, closest := range [][]kademlia.ID{nil, {{1}}, {{1}, {2}}} {
		res := kademlia.Result{Hops: 3}
		for _, id := range closest {
			res.Closest = append(res.Closest, kademlia.Contact{ID: id})
		}
		rec = output(t, KindLooked, func(env *protocol.Env) { n.outputLooked(env, kademlia.ID(owner), res) })
		looked, ok := DecodeLooked(rec)
		if d := cmp.Diff(Looked{Target: kademlia.ID(owner), Hops: 3, Closest: closest}, looked); !ok || d != "" {
			t.Errorf("looked, %v (-want +got):\n%s", ok, d)
		}
	}
	key := [ledger.PublicKeySize]byte{2, 7}
	n.keys.known[owner] = key[:]
	for _, remote := range []bool{false, true} {
		rec = output(t, KindFound, func(env *protocol.Env) { n.outputFound(env, owner, 2, remote) })
		if got, ok := DecodeFound(rec); !ok || got != (FoundKey{owner, key, 2, remote}) {
			t.Errorf("found %+v, %v", got, ok)
		}
	}
	c := NewClient(time.Millisecond, false)
	rec = output(t, KindAnswered, func(env *protocol.Env) {
		c.answer(env, &transfer{req: Request{Transfer: 9, Attempt: 4}}, Refused)
	})
	if a, ok := DecodeAnswer(rec); !ok || a != (Answer{9, 4, Refused}) {
		t.Errorf("answer %+v, %v", a, ok)
	}
}

// The encoders below are the second opinion on the outputs: written once more.

func list(fields ...any) []byte {
	b := []byte{'l'}
	for _, f := range fields {
		switch f := f.(type) {
		case uint64:
			b = bencode.AppendUint(b, f)
		case []byte:
			b = bencode.AppendBytes(b, f)
		case []kademlia.ID:
			b = append(b, 'l')
			for _, id := range f {
				b = bencode.AppendBytes(b, id[:])
			}
			b = append(b, 'e')
		}
	}
	return append(b, 'e')
}

// FuzzOutputs: whatever is read as an output is the one encoding of what is read.
func FuzzOutputs(f *testing.F) {
	id, owner := make([]byte, 32), make([]byte, 20)
	f.Add(list(uint64(1), id, uint64(2), id, id, uint64(3000)))
	f.Add(list(id, uint64(5)))
	f.Add(list(owner, uint64(3), []kademlia.ID{{1}, {2}}))
	f.Add(list(owner, uint64(3), []kademlia.ID{}))
	f.Add([]byte("l20:aaaaaaaaaaaaaaaaaaaai3el3:abcee")) // an id too short
	f.Add(list(owner, uint64(2), uint64(1)))
	f.Add(list(uint64(1), uint64(2), uint64(3)))
	f.Fuzz(func(t *testing.T, rec []byte) {
		again := func(name string, ok bool, b []byte) {
			if ok && !bytes.Equal(b, rec) {
				t.Errorf("%s: %q is read as what is written %q", name, rec, b)
			}
		}
		e, ok := DecodeEntry(rec)
		again("entry", ok, list(e.Index, e.WTxID[:], uint64(e.Verdict), e.LogHash[:], e.ListHash[:], e.Total))
		refused, v, ok := DecodeRefused(rec)
		again("refused", ok, list(refused[:], uint64(v)))
		l, ok := DecodeLooked(rec)
		again("looked", ok, list(l.Target[:], uint64(l.Hops), l.Closest))
		k, ok := DecodeFound(rec)
		remote := uint64(0)
		if k.Remote {
			remote = 1
		}
		again("found", ok, list(k.Owner[:], uint64(k.Hops), remote))
		a, ok := DecodeAnswer(rec)
		again("answer", ok, list(a.Transfer, uint64(a.Attempts), uint64(a.Outcome)))
	})
}

// TestNoBytesMakeANodeOrClientPanic hands them bytes directly, all the ways there
// are, by what rapid thinks of.
func TestNoBytesMakeANodeOrClientPanic(t *testing.T) {
	w := newWorld(3, 1)
	n, c := w.make(0), NewClient(delay, false)
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
