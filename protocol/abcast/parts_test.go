package abcast

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/bencode"

	"pgregory.net/rapid"
)

// TestHoldbackEqualsASortedSlice compares the heap with its slow twin: a slice
// that is sorted again before every look.
func TestHoldbackEqualsASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHoldback()
		var twin []*entry
		seq := uint64(0)
		draw := func(t *rapid.T) stamp { // few numbers, so that ties abound
			return stamp{rapid.Uint64Range(1, 6).Draw(t, "number"), protocol.NodeID(rapid.IntRange(0, 2).Draw(t, "proposer"))}
		}
		pick := func(t *rapid.T) *entry {
			if len(twin) == 0 {
				t.Skip("empty")
			}
			return twin[rapid.IntRange(0, len(twin)-1).Draw(t, "entry")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				seq++
				e := &entry{m: Message{ID: MsgID{0, 1, seq}}, stamp: draw(t)}
				h.push(e)
				twin = append(twin, e)
			},
			"fix": func(t *rapid.T) {
				e := pick(t)
				e.stamp = draw(t)
				h.fix(e)
			},
			"remove": func(t *rapid.T) {
				e := pick(t)
				h.remove(e)
				twin = slices.DeleteFunc(twin, func(x *entry) bool { return x == e })
				if h.find(e.m.ID) != nil {
					t.Fatalf("%v is found after its removal", e.m.ID)
				}
			},
			"": func(t *rapid.T) {
				slices.SortFunc(twin, func(a, b *entry) int {
					return bytes.Compare(sortable(a), sortable(b))
				})
				if h.len() != len(twin) || !slices.Equal(h.sorted(), twin) {
					t.Fatalf("holds %v, want %v", h.sorted(), twin)
				}
				if len(twin) > 0 && h.head() != twin[0] || len(twin) == 0 && h.head() != nil {
					t.Fatalf("head %v, want the first of %v", h.head(), twin)
				}
				for i, e := range h.heap {
					if e.at != i || h.find(e.m.ID) != e {
						t.Fatalf("entry %v at %d has its place as %d", e.m.ID, i, e.at)
					}
				}
			},
		})
	})
}

// sortable is an entry's key written so that its bytes sort as the queue does.
func sortable(e *entry) []byte {
	return fmt.Appendf(nil, "%020d.%010d.%010d.%010d.%020d", e.stamp.number, e.stamp.proposer,
		e.m.ID.Node, e.m.ID.Incarnation, e.m.ID.Seq)
}

func TestIDSetEqualsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := newIDSet(), map[MsgID]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id := MsgID{0, rapid.Uint32Range(1, 2).Draw(t, "incarnation"), rapid.Uint64Range(1, 20).Draw(t, "seq")}
				if s.has(id) != twin[id] {
					t.Fatalf("has(%v) = %v", id, !twin[id])
				}
				if !twin[id] {
					s.add(id)
					twin[id] = true
				}
			},
			"": func(t *rapid.T) {
				for inc := uint32(1); inc <= 2; inc++ {
					runs := 0
					for seq := uint64(1); seq <= 21; seq++ {
						id := MsgID{0, inc, seq}
						if s.has(id) != twin[id] {
							t.Fatalf("has(%v) = %v, runs %v", id, !twin[id], s.runs)
						}
						if twin[id] && !twin[MsgID{0, inc, seq - 1}] {
							runs++
						}
					}
					if got := len(s.runs[Member{0, inc}]); got != runs {
						t.Fatalf("incarnation %d kept as %d runs, want %d: %v", inc, got, runs, s.runs)
					}
				}
			},
		})
	})
}

func TestAPlaceComesBackFromTheWireHoweverManyThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "places")
		s, back, greatest := newPlaces(n), newPlaces(n), 0
		for _, q := range rapid.SliceOf(rapid.IntRange(0, n-1)).Draw(t, "set") {
			s.add(q)
			back.add(n - 1 - q) // which read clears
			greatest = max(greatest, q+1)
		}
		wire := s.appendTo(nil)
		if len(wire) != (greatest+7)/8 {
			t.Errorf("%b takes %d bytes, want %d", s, len(wire), (greatest+7)/8)
		}
		if back.read(wire); !slices.Equal(back, s) {
			t.Errorf("%b comes back as %b", s, back)
		}
		if !within(greatest, wire) || greatest > 0 && within(greatest-1, wire) {
			t.Errorf("%b is not within the first %d places, or within fewer", s, greatest)
		}
	})
}

func seeds() [][]byte {
	id := MsgID{3, 2, 17}
	return [][]byte{
		wire(appendData(nil, Message{id, []byte("payload")})),
		wire(appendData(nil, Message{ID: MsgID{0, 1, 1<<64 - 1}})),
		wire(appendPropose(nil, id, 1)),
		wire(appendFinal(nil, id, stamp{maxNumber, 1<<32 - 2})),
		wire(appendLamportData(nil, Message{id, []byte("payload")}, 9)),
		wire(appendLamportData(nil, Message{ID: id}, maxNumber)),
		wire(appendLamportAck(nil, 10)),
		wire(appendSequencerData(nil, Message{id, []byte("payload")})),
		wire(appendSequencerOrder(nil, id, 1)),
		wire([]byte("li1ei3ei2ei17e99999999999:xe")),
		wire([]byte("li3ei03ei2ei17ei1ei1ee")),
		{4}, {4, 'l', 'e'}, nil,
	}
}

// encode writes what decode read.
func encode(d decoded) []byte { return d.append(nil) }

func FuzzDecodeInvertsEncode(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		id, isData := DataID(msg)
		body := protocol.ABCAST.Cut(msg)
		if body == nil {
			return
		}
		d, ok := decode(new(bencode.Reader), body)
		if f, framed := new(datagramReader).decode(msg); framed {
			inner, rules := decode(new(bencode.Reader), f.body)
			if isData != (rules && inner.isData()) || isData && id != inner.id {
				t.Fatalf("DataID(%q) = %v, %v; framed %+v", msg, id, isData, inner)
			}
			return
		}
		if isData != (ok && d.isData()) || isData && id != d.id {
			t.Fatalf("DataID(%q) = %v, %v; decoded %+v", msg, id, isData, d)
		}
		if ok && !bytes.Equal(encode(d), body) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", body, d, encode(d))
		}
	})
}

func FuzzGroupSurvivesAnyBytes(f *testing.F) {
	for _, s := range seeds() {
		f.Add(uint32(3), s, wire(appendFinal(nil, MsgID{3, 2, 17}, stamp{9, 1})))
		f.Add(uint32(1), s, wire(appendSequencerOrder(nil, MsgID{3, 2, 17}, 2)))
		f.Add(uint32(3), s, wire(appendLamportAck(nil, 10)))
	}
	f.Fuzz(func(t *testing.T, from uint32, first, second []byte) {
		for _, o := range Orders() {
			for self := range protocol.NodeID(3) { // the sequencer, and others
				g, env, _ := alone(o, 1+self, 1, 2, 3)
				g.Broadcast(env, []byte("own"))
				for _, msg := range [][]byte{first, second, first} {
					g.Receive(env, protocol.NodeID(from), msg)
				}
				g.Broadcast(env, nil)
				g.Describe(nil)
			}
		}
	})
}

func TestDecodingAllocatesNothing(t *testing.T) {
	var r bencode.Reader
	for _, msg := range seeds() {
		if n := testing.AllocsPerRun(100, func() { decode(&r, msg[min(1, len(msg)):]) }); n != 0 {
			t.Errorf("decoding %q allocates %v times", msg, n)
		}
	}
}

func TestProposalsAllocateNothing(t *testing.T) {
	const runs = 100
	members := make([]protocol.NodeID, runs+3) // one call to warm up, and one proposal must stay missing
	for i := range members {
		members[i] = protocol.NodeID(i)
	}
	g, env, _ := alone(ISIS, 0, members...)
	id := g.Broadcast(env, nil)
	msg := wire(appendPropose(nil, id, 5))
	from := protocol.NodeID(0)
	if n := testing.AllocsPerRun(runs, func() {
		from++
		g.Receive(env, from, msg)
	}); n != 0 || g.Stats() != (Stats{}) {
		t.Errorf("taking a proposal allocates %v times; stats %+v", n, g.Stats())
	}
}

func TestAcknowledgementsAllocateNothing(t *testing.T) {
	g, env, _ := alone(Lamport, 0, 0, 1, 2)
	g.Broadcast(env, nil)
	acks := make([][]byte, 102)
	for i := range acks {
		acks[i] = wire(appendLamportAck(nil, uint64(i+1)))
	}
	if n := testing.AllocsPerRun(100, func() {
		g.Receive(env, 1, acks[0])
		acks = acks[1:]
	}); n != 0 || g.Stats() != (Stats{}) || g.Pending() != 1 {
		t.Errorf("taking an acknowledgement allocates %v times; stats %+v", n, g.Stats())
	}
}

// BenchmarkInFlight orders many concurrent messages of 20 members. The time for
// each message that arrives should hardly grow with their number.
func BenchmarkInFlight(b *testing.B) {
	for _, o := range Orders() {
		for _, concurrent := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%v/%d", o, concurrent), func(b *testing.B) { inFlight(b, o, concurrent) })
		}
	}
}

func inFlight(b *testing.B, o Order, concurrent int) {
	const members = 20
	arrived := 0
	for b.Loop() {
		n := newNetwork(o, members)
		for i := range concurrent {
			n.broadcast(i%members, "payload")
		}
		for i := 0; i < len(n.InFlight); i++ {
			n.arrive(i, true)
		}
		if len(n.wrong) > 0 || n.pending() != 0 {
			b.Fatal(n.wrong, n.pending())
		}
		arrived += len(n.InFlight)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(arrived), "ns/message")
}

func appendData(b []byte, m Message) []byte {
	return decoded{op: opData, id: m.ID, payload: m.Payload}.append(b)
}

func appendPropose(b []byte, id MsgID, number uint64) []byte {
	return decoded{op: opPropose, id: id, number: number}.append(b)
}

func appendFinal(b []byte, id MsgID, s stamp) []byte {
	return decoded{op: opFinal, id: id, number: s.number, proposer: s.proposer}.append(b)
}

func appendLamportData(b []byte, m Message, number uint64) []byte {
	return decoded{op: opLamportData, id: m.ID, number: number, payload: m.Payload}.append(b)
}

func appendLamportAck(b []byte, number uint64) []byte {
	return decoded{op: opLamportAck, number: number}.append(b)
}

func appendSequencerData(b []byte, m Message) []byte {
	return decoded{op: opSequencerData, id: m.ID, payload: m.Payload}.append(b)
}

func appendSequencerOrder(b []byte, id MsgID, number uint64) []byte {
	return decoded{op: opSequencerOrder, id: id, number: number}.append(b)
}
