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

// The queue looks at times as numbers of hexadecimal digits.
const (
	digit  = 4 // bits
	fan    = 1 << digit
	levels = 64 / digit
)

const (
	chunkLen = 63
	// drainMax is the size up to which a bucket, then in one chunk, is sorted
	// whole instead of being spread over lower buckets; if it has more than a few events, by
	// the next digit first, and only if no crowd has the same.
	drainMax   = chunkLen
	few, crowd = 8, 16
	// tiedMin is the number of events of one time whose memory is never given back.
	tiedMin = 1024
	// touchMin is the number of slots below which everything is in the cache
	// anyway and touching ahead only costs.
	touchMin = 4096
)

// chunk is 1 KiB of a bucket, but for one word.
type chunk struct {
	next *chunk
	e    [chunkLen]entry
}

// bucket is a list of chunks of which only the first is not full. The counts
// stand here, so that a push touches one cache line of the chunk.
type bucket struct {
	first *chunk
	n     int // events in all
	fill  int // events in the first chunk
}

// queue returns events in the order (at, dst, src, seq). It is a radix heap (Ahuja,
// Mehlhorn, Orlin, Tarjan 1990) on integer time, in hexadecimal: bucket (i, j)
// holds the events whose time first differs from last in digit i, counted from
// the low end, which is j. It needs time to be monotone: nothing is pushed at or
// before the time popped last, which the simulator guarantees and push asserts.
//
// The lowest bucket is either spread over lower ones or, if it is small, sorted
// into the run, from which pop takes one by one; last is then the run's greatest
// time, and what is pushed at or before it goes to a heap beside the run, which
// is seldom used. So an event moves two or three times. In binary, and without
// sorting small buckets, it would move ten times (measured on PHOLD with 1,000
// pending: 0.5 of the events per second; in binary with sorting, 0.75). Five bits a
// digit, buckets of 16 bytes, a put written out in refill, and touching only records
// where nodes are few brought nothing. There is no bad distribution, unlike with
// calendar queues and wheels: equal times are sorted once, and whatever falls into the
// heap costs a logarithm.
//
// Before a small bucket is sorted, its records and nodes are touched: the cache
// misses then overlap, which is worth a factor of two beyond 10,000 nodes.
type queue struct {
	now     protocol.Time  // popped last, -1 at first
	last    protocol.Time  // reference of the buckets; everything in them is later
	mask    uint64         // bit i: some bucket of level i is not empty
	masks   [levels]uint16 // bit j: bucket j of the level is not empty
	buckets [levels][fan]bucket
	run     []entry // in order
	next    int     // of run
	drained *chunk  // in which the run stands, if it was a small bucket
	tied    []entry // the run, if it is one of equal times
	idle    int     // runs since tied was last full, or nearly
	late    []entry // 4-ary heap of what was pushed up to last
	n       int     // pending
	spare   *chunk
	slab    *slab
	nodes   []node
	keys    []uint64 // scratch of sortTied
	sink    uint64   // keeps the compiler from dropping the touches
}

func (q *queue) init(s *slab, nodes []node) {
	q.now, q.last, q.slab, q.nodes = -1, -1, s, nodes
}

func (q *queue) push(e entry) {
	q.n++
	if e.at > q.last {
		q.put(e)
		return
	}
	if e.at <= q.now {
		panic(fmt.Sprintf("sim: event for node %d pushed at %v, not after %v", e.dst, e.at, q.now))
	}
	q.pushLate(e)
}

// put enters an event later than last into its bucket.
func (q *queue) put(e entry) {
	x := uint64(e.at+1) ^ uint64(q.last+1)
	level := uint(bits.Len64(x)-1) / digit & (levels - 1)
	slot := uint(uint64(e.at+1)>>(level*digit)) & (fan - 1)
	b := &q.buckets[level][slot]
	c := b.first
	if c == nil || b.fill == chunkLen {
		c = q.chunk()
		c.next, b.first, b.fill = b.first, c, 0
		q.mask |= 1 << level
		q.masks[level] |= 1 << slot
	}
	c.e[b.fill] = e
	b.fill++
	b.n++
}

func (q *queue) chunk() *chunk {
	c := q.spare
	if c == nil {
		return new(chunk)
	}
	q.spare = c.next
	return c
}

func (q *queue) free(c *chunk) { c.next, q.spare = q.spare, c }

// pop takes the least event. ok is false if there is none at or before limit:
// then nothing is taken.
func (q *queue) pop(limit protocol.Time) (e entry, ok bool) {
	if len(q.late) == 0 && q.next < len(q.run) && q.run[q.next].at <= limit {
		e = q.run[q.next]
		q.next++
		q.n--
		q.now = e.at
		return e, true
	}
	return q.popRarely(limit)
}

// popRarely is pop when the run is used up, or something stands beside it.
func (q *queue) popRarely(limit protocol.Time) (e entry, ok bool) {
	if q.next == len(q.run) && len(q.late) == 0 {
		if q.mask == 0 {
			return entry{}, false
		}
		q.refill()
	}
	fromLate := len(q.late) > 0 && (q.next == len(q.run) || q.before(q.late[0], q.run[q.next]))
	if fromLate {
		e = q.late[0]
	} else {
		e = q.run[q.next]
	}
	if e.at > limit {
		return entry{}, false
	}
	if fromLate {
		q.popLate()
	} else {
		q.next++
	}
	q.n--
	q.now = e.at
	return e, true
}

// peek returns the least event and leaves it in the queue. ok is false if there is none.
func (q *queue) peek() (e entry, ok bool) {
	if q.next == len(q.run) && len(q.late) == 0 {
		if q.mask == 0 {
			return entry{}, false
		}
		q.refill()
	}
	if len(q.late) > 0 && (q.next == len(q.run) || q.before(q.late[0], q.run[q.next])) {
		return q.late[0], true
	}
	return q.run[q.next], true
}

// upTo returns the number of events up to a time, and perhaps of some later ones, at the cost of
// a look at some buckets.
func (q *queue) upTo(at protocol.Time) (n int) {
	n = len(q.late) + len(q.run) - q.next
	if at <= q.last {
		for k := len(q.run) - 1; k >= q.next && q.run[k].at > at; k-- {
			n--
		}
		return n
	}
	x := uint64(at+1) ^ uint64(q.last+1)
	level := (bits.Len64(x) - 1) / digit
	slot := int(uint64(at+1)>>(level*digit)) & (fan - 1)
	for i := range level + 1 {
		for j := range fan {
			if i < level || j <= slot {
				n += q.buckets[i][j].n
			}
		}
	}
	return n
}

// refill fills the empty run from the lowest bucket.
func (q *queue) refill() {
	if q.drained != nil {
		q.free(q.drained)
		q.drained = nil
	}
	level := bits.TrailingZeros64(q.mask) & (levels - 1)
	slot := bits.TrailingZeros16(q.masks[level]) & (fan - 1)
	b := &q.buckets[level][slot]
	if q.masks[level] &= q.masks[level] - 1; q.masks[level] == 0 {
		q.mask &= q.mask - 1
	}
	c, n, fill := b.first, b.n, b.fill
	*b = bucket{}
	q.next = 0
	if n <= drainMax && (n <= few || level > 0 && q.presort(&c, n, level-1)) {
		q.drain(c, n)
		return
	}
	least := protocol.Time(math.MaxInt64)
	for d, n := c, fill; d != nil; d, n = d.next, chunkLen {
		for j := range d.e[:n] {
			least = min(least, d.e[j].at)
		}
	}
	q.last = least
	q.emptyTied()
	for c != nil {
		for j := range c.e[:fill] {
			if e := &c.e[j]; e.at == least {
				q.tied = append(q.tied, *e)
			} else {
				q.put(*e)
			}
		}
		empty := c
		c, fill = c.next, chunkLen
		q.free(empty)
	}
	q.sortTied()
	q.run = q.tied
}

// emptyTied empties the memory of runs of equal times. It is given back when it has been far too
// large for so many runs that to have it anew costs them little: all nodes start at one time, and
// perhaps never again do so many events come at one.
func (q *queue) emptyTied() {
	q.idle++
	if len(q.tied) > cap(q.tied)/4 {
		q.idle = 0
	}
	q.tied = q.tied[:0]
	if cap(q.tied) > tiedMin && q.idle > cap(q.tied)/16 {
		q.tied, q.keys, q.idle = nil, nil, 0
	}
}

// presort orders the n events of a small bucket by a digit, the first in which they may
// differ, so that little is left to sort. It reports false, and nothing changes, if too many
// have the same.
func (q *queue) presort(of **chunk, n, level int) bool {
	c, shift := *of, uint(level*digit)
	var place [fan]uint8 // of the next event, by digit
	for j := range c.e[:n] {
		place[uint64(c.e[j].at+1)>>shift&(fan-1)]++
	}
	sum := uint8(0)
	for j, count := range place {
		if count > crowd {
			return false
		}
		place[j] = sum
		sum += count
	}
	sorted := q.chunk()
	for j := range c.e[:n] {
		p := &place[uint64(c.e[j].at+1)>>shift&(fan-1)]
		sorted.e[*p] = c.e[j]
		*p++
	}
	q.free(c)
	*of = sorted
	return true
}

// drain makes the n events of a small bucket, all in one chunk, the run.
func (q *queue) drain(c *chunk, n int) {
	run := c.e[:n]
	if n > 1 && q.slab.used > touchMin {
		q.touch(run)
	}
	for j := 1; j < len(run); j++ {
		e := run[j]
		k := j
		for ; k > 0; k-- {
			if d := run[k-1]; e.at < d.at || e.at == d.at && q.before(e, d) {
				run[k] = d
			} else {
				break
			}
		}
		run[k] = e
	}
	q.last = run[n-1].at
	q.run, q.drained = run, c
}

// touch loads what the events will need. The loads do not depend on each other,
// so their cache misses overlap.
func (q *queue) touch(events []entry) {
	sum := uint64(0)
	for j := range events {
		sum += q.slab.at(events[j].slot).seq + q.nodes[events[j].dst].seq
	}
	for j := range events {
		if p := q.nodes[events[j].dst].state; p != nil {
			sum += uint64(*p)
		}
	}
	q.sink += sum
}

// before is the order of events: by time, then destination, source and the
// source's count. No two events share all four.
func (q *queue) before(x, y entry) bool {
	if x.at != y.at {
		return x.at < y.at
	}
	return x.dst < y.dst || x.dst == y.dst && q.bySource(x, y) < 0
}

func (q *queue) bySource(x, y entry) int {
	a, b := q.slab.at(x.slot), q.slab.at(y.slot)
	return cmp.Or(cmp.Compare(a.src, b.src), cmp.Compare(a.seq, b.seq))
}

// sortTied orders events of one time: first by destination, which needs no
// record to be looked at.
func (q *queue) sortTied() {
	run := q.tied
	if len(run) == 1 {
		return
	}
	q.keys = q.keys[:0]
	for i := range run {
		q.keys = append(q.keys, uint64(run[i].dst)<<32|uint64(run[i].slot))
	}
	slices.Sort(q.keys)
	for i, k := range q.keys {
		run[i] = entry{at: q.last, dst: uint32(k >> 32), slot: uint32(k)}
	}
	for i := 0; i < len(run); {
		j := i + 1
		for j < len(run) && run[j].dst == run[i].dst {
			j++
		}
		if j-i > 1 {
			slices.SortFunc(run[i:j], q.bySource)
		}
		i = j
	}
}

func (q *queue) pushLate(e entry) {
	q.late = append(q.late, e)
	h, i := q.late, len(q.late)-1
	for i > 0 {
		p := (i - 1) / 4
		if !q.before(e, h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
}

func (q *queue) popLate() {
	n := len(q.late) - 1
	e := q.late[n]
	h := q.late[:n]
	q.late = h
	for i := 0; ; {
		least := 4*i + 1
		if least >= n {
			if n > 0 {
				h[i] = e
			}
			return
		}
		for c := least + 1; c < min(4*i+5, n); c++ {
			if q.before(h[c], h[least]) {
				least = c
			}
		}
		if !q.before(h[least], e) {
			h[i] = e
			return
		}
		h[i] = h[least]
		i = least
	}
}
