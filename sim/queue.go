package sim

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"dessim/protocol"
)

// entry is what the queue moves: 16 bytes; the rest of an event stays in its
// record.
type entry struct {
	at   protocol.Time
	dst  uint32
	slot uint32
}

const (
	chunkLen = 63
	// touchMin is the number of slots below which everything is in the cache
	// anyway and touching ahead only costs.
	touchMin = 4096
)

// chunk is 1 KiB of a bucket.
type chunk struct {
	next *chunk
	n    int
	e    [chunkLen]entry
}

// bucket is a list of chunks of which only the first is not full. It keeps one
// chunk when it is emptied.
type bucket struct {
	first *chunk
	n     int
	cold  bool // some of its events were not touched yet
}

// queue gives events in the order (at, dst, src, seq). It is a radix heap (Ahuja,
// Mehlhorn, Orlin, Tarjan 1990) on integer time: bucket i holds the events whose
// time first differs from the last one popped in bit i-1. It needs time to be
// monotone: nothing is pushed at or before the time popped last, which the
// simulator guarantees and push asserts.
//
// Measured against a 4-ary heap it is as fast at 1,000 pending events and five
// times as fast at a million; unlike calendar queues and wheels it has no bad
// distribution: equal times, which all land in bucket 0 together, are sorted
// once. Before a small bucket is spread, its records and nodes are touched: the
// cache misses then overlap, which is worth a factor of two beyond 10,000 nodes.
type queue struct {
	last    protocol.Time // time popped last, -1 at first
	mask    uint64        // bit i-1: bucket i is not empty
	buckets [65]bucket
	run     []entry // the events at last, in order
	next    int     // of run
	n       int     // pending
	spare   *chunk
	slab    *slab
	nodes   []node
	keys    []uint64 // scratch of sortRun
	sink    uint64   // keeps the compiler from dropping the touches
}

func (q *queue) init(s *slab, nodes []node) {
	q.last, q.slab, q.nodes = -1, s, nodes
}

func (q *queue) push(e entry) {
	if e.at <= q.last {
		panic(fmt.Sprintf("sim: event for node %d pushed at %v, not after %v", e.dst, e.at, q.last))
	}
	q.n++
	i := bits.Len64(uint64(e.at+1) ^ uint64(q.last+1))
	q.put(i, e)
	q.buckets[i].cold = true
}

func (q *queue) put(i int, e entry) {
	b := &q.buckets[i]
	c := b.first
	if c == nil || c.n == chunkLen {
		c = q.chunk()
		c.next, b.first = b.first, c
	}
	c.e[c.n] = e
	c.n++
	b.n++
	q.mask |= 1 << (i - 1)
}

func (q *queue) chunk() *chunk {
	c := q.spare
	if c == nil {
		return new(chunk)
	}
	q.spare, c.next = c.next, nil
	return c
}

// pop takes the least event. ok is false if there is none at or before limit:
// then nothing changes.
func (q *queue) pop(limit protocol.Time) (e entry, ok bool) {
	if q.next == len(q.run) {
		if q.mask == 0 || !q.refill(limit) {
			return entry{}, false
		}
	}
	e = q.run[q.next]
	if e.at > limit {
		return entry{}, false
	}
	q.next++
	q.n--
	return e, true
}

// refill moves the events of the next time to the run and spreads the others of
// their bucket.
func (q *queue) refill(limit protocol.Time) bool {
	i := bits.TrailingZeros64(q.mask) + 1
	b := &q.buckets[i]
	least := protocol.Time(math.MaxInt64)
	for c := b.first; c != nil; c = c.next {
		for j := range c.e[:c.n] {
			least = min(least, c.e[j].at)
		}
	}
	if least > limit {
		return false
	}
	if b.cold && b.n <= chunkLen {
		if q.slab.used > touchMin {
			q.touch(b)
		}
		b.cold = false
	}
	q.run, q.next = q.run[:0], 0
	q.mask &^= 1 << (i - 1)
	q.last = least
	cold := b.cold
	c := b.first
	for {
		for j := range c.e[:c.n] {
			e := &c.e[j]
			k := bits.Len64(uint64(e.at+1) ^ uint64(least+1))
			if k == 0 {
				q.run = append(q.run, *e)
				continue
			}
			q.put(k, *e)
			q.buckets[k].cold = q.buckets[k].cold || cold
		}
		c.n = 0
		if c.next == nil {
			break
		}
		empty := c
		c = c.next
		empty.next, q.spare = q.spare, empty
	}
	b.first, b.n, b.cold = c, 0, false
	if len(q.run) > 1 {
		q.sortRun()
	}
	return true
}

// touch loads what the events of b will need. The loads do not depend on each
// other, so their cache misses overlap.
func (q *queue) touch(b *bucket) {
	sum := uint64(0)
	for c := b.first; c != nil; c = c.next {
		for j := range c.e[:c.n] {
			sum += q.slab.at(c.e[j].slot).seq + q.nodes[c.e[j].dst].seq
		}
		for j := range c.e[:c.n] {
			if p := q.nodes[c.e[j].dst].state; p != nil {
				sum += uint64(*p)
			}
		}
	}
	q.sink += sum
}

// sortRun orders events of one time by (dst, src, seq).
func (q *queue) sortRun() {
	q.keys = q.keys[:0]
	for i := range q.run {
		q.keys = append(q.keys, uint64(q.run[i].dst)<<32|uint64(q.run[i].slot))
	}
	slices.Sort(q.keys)
	for i, k := range q.keys {
		q.run[i] = entry{at: q.last, dst: uint32(k >> 32), slot: uint32(k)}
	}
	for i := 0; i < len(q.run); {
		j := i + 1
		for j < len(q.run) && q.run[j].dst == q.run[i].dst {
			j++
		}
		if j-i > 1 {
			slices.SortFunc(q.run[i:j], q.bySource)
		}
		i = j
	}
}

func (q *queue) bySource(x, y entry) int {
	a, b := q.slab.at(x.slot), q.slab.at(y.slot)
	return cmp.Or(cmp.Compare(a.src, b.src), cmp.Compare(a.seq, b.seq))
}
