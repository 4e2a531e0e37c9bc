package sim

import (
	"cmp"
	"slices"
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// twin is the specification of the order: a slice kept sorted by (at, dst, src,
// seq).
type twin []twinEvent

type twinEvent struct {
	at       protocol.Time
	dst, src uint32
	seq      uint64
}

func (w *twin) push(e twinEvent) {
	*w = append(*w, e)
	slices.SortStableFunc(*w, func(a, b twinEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.dst, b.dst), cmp.Compare(a.src, b.src), cmp.Compare(a.seq, b.seq))
	})
}

func (w *twin) pop(limit protocol.Time) (twinEvent, bool) {
	if len(*w) == 0 || (*w)[0].at > limit {
		return twinEvent{}, false
	}
	e := (*w)[0]
	*w = (*w)[1:]
	return e, true
}

// queueRig is a queue with its slab, ready for use.
type queueRig struct {
	q     queue
	slab  slab
	nodes []node
}

func newQueueRig(nodes int) *queueRig {
	r := &queueRig{nodes: make([]node, nodes)}
	r.slab.free = noSlot
	r.q.init(&r.slab, r.nodes)
	return r
}

func (r *queueRig) push(e twinEvent) {
	slot, rec := r.slab.alloc(opMessage, 0)
	rec.src, rec.seq = e.src, e.seq
	r.q.push(entry{e.at, e.dst, slot})
}

func (r *queueRig) pop(limit protocol.Time) (twinEvent, bool) {
	e, ok := r.q.pop(limit)
	if !ok {
		return twinEvent{}, false
	}
	rec := r.slab.at(e.slot)
	out := twinEvent{e.at, e.dst, rec.src, rec.seq}
	r.slab.release(e.slot, rec)
	return out, true
}

func TestQueueGivesTheOrderOfASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const nodes = 5
		rig, spec := newQueueRig(nodes), twin{}
		now, seq := protocol.Time(-1), uint64(0)
		spans := []int64{1, 2, 3, 64, 1000, 1e6, 1e9, 3600e9, 8e15}
		push := func(t *rapid.T) {
			n := rapid.IntRange(1, 100).Draw(t, "burst")
			span := rapid.SampledFrom(spans).Draw(t, "span")
			for range n {
				seq++
				e := twinEvent{
					at:  now + protocol.Time(rapid.Int64Range(1, span).Draw(t, "after")),
					dst: rapid.Uint32Range(0, nodes-1).Draw(t, "dst"),
					src: rapid.Uint32Range(0, nodes-1).Draw(t, "src"),
					seq: seq,
				}
				rig.push(e)
				spec.push(e)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": push,
			"pop": func(t *rapid.T) {
				limit := protocol.MaxTime
				if len(spec) > 0 && rapid.IntRange(0, 9).Draw(t, "limited") == 0 {
					limit = spec[0].at - 1
				}
				for range rapid.IntRange(1, 60).Draw(t, "pops") {
					got, ok := rig.pop(limit)
					want, wantOK := spec.pop(limit)
					if ok != wantOK || got != want {
						t.Fatalf("pop gives %+v %v, the sorted slice %+v %v", got, ok, want, wantOK)
					}
					if ok {
						now = got.at
					}
				}
			},
			"look": func(t *rapid.T) {
				e, ok := rig.q.peek()
				if ok != (len(spec) > 0) || ok && (e.at != spec[0].at || e.dst != spec[0].dst) {
					t.Fatalf("peek gives %+v %v, the sorted slice has %d events", e, ok, len(spec))
				}
				at := now + protocol.Time(rapid.Int64Range(0, rapid.SampledFrom(spans).Draw(t, "span")).Draw(t, "ahead"))
				want := 0
				for want < len(spec) && spec[want].at <= at {
					want++
				}
				if got := rig.q.upTo(at); got < want || got > len(spec) {
					t.Fatalf("%d of %d events come up to %v, upTo says %d", want, len(spec), at, got)
				}
				if got := rig.q.upTo(1 << 62); got != len(spec) {
					t.Fatalf("upTo the end of time are %d events of %d", got, len(spec))
				}
			},
			"purge": func(t *rapid.T) {
				k := rapid.Uint64Range(2, 9).Draw(t, "all but one in")
				rig.q.purge(func(slot uint32) bool {
					rec := rig.slab.at(slot)
					if rec.seq%k == 0 {
						return true
					}
					rig.slab.release(slot, rec)
					return false
				})
				spec = slices.DeleteFunc(spec, func(e twinEvent) bool { return e.seq%k != 0 })
			},
			"": func(t *rapid.T) {
				if rig.q.n != len(spec) {
					t.Fatalf("%d pending, the sorted slice has %d", rig.q.n, len(spec))
				}
			},
		})
	})
}

func TestQueueRefusesThePast(t *testing.T) {
	rig := newQueueRig(1)
	rig.push(twinEvent{at: 5})
	rig.pop(protocol.MaxTime)
	defer func() {
		if recover() == nil {
			t.Error("an event at the time popped last was accepted")
		}
	}()
	rig.push(twinEvent{at: 5, seq: 1})
}
