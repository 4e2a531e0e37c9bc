package abcast

import (
	"bytes"
	"slices"
	"testing"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func headed(op uint64, inc uint32) []byte {
	return (&membership{inc: inc}).head(op)
}

func someEntries() []logEntry {
	return []logEntry{
		{m: Message{MsgID{3, 2, 17}, []byte("payload")}},
		{m: Message{ID: MsgID{0, 1, 1}, Payload: []byte{}}},
		{view: 9, members: []Member{{0, 1}, {3, 2}}},
	}
}

func someTail() []held {
	return []held{
		{MsgID{3, 2, 18}, true, []byte("held"), false, stamp{7, 3}},
		{MsgID{3, 2, 19}, true, []byte{}, true, stamp{unplaced, 0}},
		{id: MsgID{4, 1, 1}, agreed: true, stamp: stamp{1, 0}},
	}
}

func datagramSeeds() [][]byte {
	id := MsgID{3, 2, 17}
	seeds := [][]byte{
		appendHeartbeat(headed(opHeartbeat, 1), 9, 9, true, 4, sight{7, []byte{5, 2}, true, 2, true}),
		appendHeartbeat(headed(opHeartbeat, 1<<32-1), 9, 7, false, 0, sight{follows: nobody}),
		appendPrepare(headed(opPrepare, 2), 9, 3),
		appendReport(appendPromise(headed(opPromise, 2), 9, 7, 3, 6), someEntries(), someTail()),
		appendReport(appendPromise(headed(opPromise, 2), 9, 0, 0, 0), nil, nil),
		appendNewView(headed(opNewView, 1), 9, 3, someEntries()),
		appendFrame(headed(opFrame, 1), 9, 0, appendStable(nil, 5)),
	}
	for _, body := range [][]byte{
		appendData(nil, Message{id, []byte("payload")}), appendPropose(nil, id, 3), appendFinal(nil, id, stamp{3, 1}),
		appendLamportData(nil, Message{id, nil}, 9), appendLamportAck(nil, 10),
		appendSequencerData(nil, Message{id, []byte("payload")}), appendSequencerOrder(nil, id, 1),
	} {
		seeds = append(seeds, appendFrame(headed(opFrame, 2), 9, 1<<63, body))
	}
	return seeds
}

// encodeDatagram writes what decode read.
func encodeDatagram(d *datagram) []byte {
	b := headed(d.op, d.inc)
	switch d.op {
	case opHeartbeat:
		return appendHeartbeat(b, d.promised, d.adopted, d.normal, d.next, d.sight)
	case opPrepare:
		return appendPrepare(b, d.view, d.base)
	case opPromise:
		return appendReport(appendPromise(b, d.view, d.adopted, d.commit, d.length), d.entries, d.tail)
	case opNewView:
		return appendNewView(b, d.view, d.base, d.entries)
	}
	return appendFrame(b, d.view, d.seq, d.body)
}

func FuzzDecodeDatagramInvertsEncode(f *testing.F) {
	for _, s := range datagramSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		d, ok := new(datagramReader).decode(msg)
		if ok && !bytes.Equal(encodeDatagram(&d), msg) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", msg, d, encodeDatagram(&d))
		}
	})
}

// The package comment says how long a heartbeat is.
func TestHeartbeatsAreAsLongAsTheCommentSays(t *testing.T) {
	heartbeat := func(n int, view uint64, next, beat uint64) int {
		all := newPlaces(n)
		for q := range n {
			all.add(q)
		}
		return len(appendHeartbeat(headed(opHeartbeat, 1), view, view, true, next, sight{beat, all.appendTo(nil), true, 0, false}))
	}
	for _, c := range []struct{ got, want int }{
		{heartbeat(5, 5, 0, 1), 37},
		{heartbeat(8, 1000, 100_000, 36_000), 52},
		{heartbeat(64, 5, 0, 1), 44},
	} {
		if c.got != c.want {
			t.Errorf("a heartbeat is %d bytes long, want %d", c.got, c.want)
		}
	}
}

func TestDatagramsDecode(t *testing.T) {
	for _, s := range datagramSeeds() {
		d, ok := new(datagramReader).decode(s)
		if !ok || !bytes.Equal(encodeDatagram(&d), s) {
			t.Errorf("%q decodes to %+v, %v", s, d, ok)
		}
	}
}

func recordSeeds() [][]byte {
	e := someEntries()
	return [][]byte{
		appendStart(nil, 1), appendPromised(nil, 9), appendAdopt(nil, 9, 3, e), appendAdopt(nil, 9, 0, nil),
		appendAppended(nil, 5, &e[0]), appendAppended(nil, 5, &e[2]), appendCommit(nil, 4),
	}
}

func encodeRecord(d *record) []byte {
	switch d.kind {
	case recStart:
		return appendStart(nil, d.inc)
	case recPromised:
		return appendPromised(nil, d.view)
	case recAdopted:
		return appendAdopt(nil, d.view, d.base, d.entries)
	case recAppended:
		return appendAppended(nil, d.base, &d.entries[0])
	}
	return appendCommit(nil, d.base)
}

func FuzzDecodeRecordInvertsEncode(f *testing.F) {
	for _, s := range recordSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rec []byte) {
		d, ok := decodeRecord(rec)
		if ok && !bytes.Equal(encodeRecord(&d), rec) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", rec, d, encodeRecord(&d))
		}
	})
}

func TestNoPartOfARecordIsARecord(t *testing.T) {
	for _, rec := range recordSeeds() {
		if _, ok := decodeRecord(rec); !ok {
			t.Errorf("%q is refused", rec)
		}
		for n := range rec {
			if _, ok := decodeRecord(rec[:n]); ok {
				t.Errorf("%q, %d bytes of a record, is taken for one", rec[:n], n)
			}
		}
	}
}

func FuzzDecodeViewedInvertsEncode(f *testing.F) {
	f.Add(AppendView(nil, View{9, []Member{{0, 1}, {3, 2}}, 17}))
	f.Fuzz(func(t *testing.T, rec []byte) {
		if v, ok := DecodeViewed(rec); ok && !bytes.Equal(AppendView(nil, v), rec) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", rec, v, AppendView(nil, v))
		}
	})
}

// FuzzViewsSurviveAnyBytes feeds any bytes to a member of a view, one that waits,
// and a fresh one, as messages and as records.
func FuzzDecodeDeliveredInvertsEncode(f *testing.F) {
	f.Add(AppendDelivered(nil, 7, MsgID{2, 1, 3}))
	f.Add([]byte("li7ei2ei0ei3ee"))
	f.Fuzz(func(t *testing.T, rec []byte) {
		index, id, ok := DecodeDelivered(rec)
		if ok && !bytes.Equal(AppendDelivered(nil, index, id), rec) {
			t.Fatalf("%q decodes to %v at %d, which encodes to %q", rec, id, index, AppendDelivered(nil, index, id))
		}
		if got := TextOutput(KindDelivered, rec); (got != "") != ok {
			t.Fatalf("%q has the text %q", rec, got)
		}
	})
}

func FuzzViewsSurviveAnyBytes(f *testing.F) {
	for _, s := range append(datagramSeeds(), recordSeeds()...) {
		f.Add(uint32(0), s, appendNewView(headed(opNewView, 1), 12, 0, []logEntry{{view: 12, members: []Member{{0, 1}, {1, 1}, {2, 1}}}}))
		f.Add(uint32(2), s, appendPrepare(headed(opPrepare, 1), 15, 0))
	}
	f.Fuzz(func(t *testing.T, from uint32, first, second []byte) {
		for _, o := range Orders() {
			for state := range 3 {
				g, env := inView(o, 1, state)
				for _, msg := range [][]byte{first, second, first} {
					g.Receive(env, protocol.NodeID(from), msg)
				}
				g.Broadcast(env, nil)
				for range listenFirst + graceAfter {
					g.Timeout(env, tagTick)
				}
				g.Describe(nil)

				restored := New(g.cfg).(*membership)
				for _, rec := range [][]byte{first, second, first} {
					restored.Restore(rec)
				}
				env.Enter(1, 1<<32-1, 0, nil)
				if restored.recorded < 1<<32-1 {
					restored.Start(env)
					restored.Broadcast(env, nil)
				}
			}
		}
	})
}

// TestJournalEqualsAPlainSlice compares the counts that a journal keeps with the
// entries themselves.
func TestJournalEqualsAPlainSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := journal{seqs: map[Member]uint64{}}
		next := func(l Member) MsgID {
			seq := uint64(1)
			for _, e := range j.entries {
				if e.view == 0 && e.m.ID.Origin() == l {
					seq++
				}
			}
			return MsgID{l.Node, l.Incarnation, seq}
		}
		origin := func(t *rapid.T) Member {
			return Member{protocol.NodeID(rapid.IntRange(0, 1).Draw(t, "node")), rapid.Uint32Range(1, 2).Draw(t, "incarnation")}
		}
		t.Repeat(map[string]func(*rapid.T){
			"order": func(t *rapid.T) { j.order(Message{ID: next(origin(t))}) },
			"view":  func(t *rapid.T) { j.extend([]logEntry{{view: 1, members: three}}) },
			"write": func(t *rapid.T) { j.written = len(j.entries) },
			"sync":  func(t *rapid.T) { j.synced() },
			"cut":   func(t *rapid.T) { j.cut(rapid.IntRange(0, len(j.entries)).Draw(t, "length")) },
			"": func(t *rapid.T) {
				messages := 0
				for _, e := range j.entries {
					if e.view == 0 {
						messages++
						if !j.has(e.m.ID) {
							t.Fatalf("%v is not found", e.m.ID)
						}
					}
				}
				for _, l := range []Member{{0, 1}, {0, 2}, {1, 1}, {1, 2}} {
					if j.has(next(l)) {
						t.Fatalf("%v is found", next(l))
					}
				}
				if j.waiting() != messages || j.safe > j.written || j.written > len(j.entries) {
					t.Fatalf("%d messages, want %d; %d safe, %d written, %d entries", j.waiting(), messages, j.safe, j.written, len(j.entries))
				}
			},
		})
	})
}

// What a view begins with depends on the reports and not on their order, and the
// messages of an origin keep their order.
func TestFlushDoesNotDependOnTheOrderOfReports(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &ballot{}
		for range rapid.IntRange(1, 4).Draw(t, "reports") {
			p := &promise{adopted: 1}
			for node := range protocol.NodeID(3) {
				for seq := range rapid.Uint64Range(0, 4).Draw(t, "held") {
					p.tail = append(p.tail, held{MsgID{node, 1, seq + 1}, true, nil, rapid.Bool().Draw(t, "agreed"),
						stamp{rapid.Uint64Range(1, 9).Draw(t, "number"), protocol.NodeID(rapid.IntRange(0, 2).Draw(t, "by"))}})
				}
			}
			b.promises = append(b.promises, p)
		}
		m := newMembership(Config{Members: []protocol.NodeID{0, 1, 2}})
		m.log.seqs[Member{1, 1}] = rapid.Uint64Range(0, 3).Draw(t, "logged")
		want := m.flush(b, 1)
		last := map[Member]uint64{{1, 1}: m.log.seqs[Member{1, 1}]}
		for _, e := range want {
			l := e.m.ID.Origin()
			if last[l]++; e.m.ID.Seq != last[l] {
				t.Fatalf("%v after its origin's %d", e.m.ID, last[l]-1)
			}
		}
		slices.Reverse(b.promises)
		if d := cmp.Diff(want, m.flush(b, 1), cmp.AllowUnexported(logEntry{})); d != "" {
			t.Fatalf("flush of the reports in another order (-want +got):\n%s", d)
		}
	})
}
