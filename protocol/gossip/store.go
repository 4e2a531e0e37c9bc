package gossip

import (
	"bytes"
	"encoding/binary"
	"slices"

	"dessim/protocol"
)

// The states of an id.
type state uint8

const (
	unknown state = iota
	kept          // passed: in digests, with its body
	waiting       // with its body
	refused       // the id alone
	states
)

// An item is what is known about an id.
type item struct {
	state state
	from  protocol.NodeID // the node that it came from first
	body  []byte
}

// A store remembers ids, those of each state in order of entry, so that refused
// garbage cannot push out what is kept. The zero store is empty.
type store struct {
	items  map[ID]*item
	order  [states]fifo
	sum    sum  // of the kept ids
	sorted []ID // the kept ids in order, if fresh
	fresh  bool
}

func (s *store) state(id ID) state {
	if it := s.items[id]; it != nil {
		return it.state
	}
	return unknown
}

// put enters it under id, which leaves its former state. If there are more than limit
// ids of the new state, put forgets the oldest and reports true.
func (s *store) put(id ID, it *item, to state, limit int) (forgot bool) {
	if old := s.items[id]; old != nil {
		s.order[old.state].remove(id)
		s.moved(id, old.state)
	}
	if s.items == nil {
		s.items = make(map[ID]*item)
	}
	it.state = to
	s.items[id] = it
	s.order[to].push(id)
	s.moved(id, to)
	if s.order[to].len() <= limit {
		return false
	}
	oldest := s.order[to].pop()
	delete(s.items, oldest)
	s.moved(oldest, to)
	return true
}

// moved updates the digest when id entered or left a state.
func (s *store) moved(id ID, st state) {
	if st == kept {
		s.sum.toggle(id)
		s.fresh = false
	}
}

// within returns the kept ids that begin with prefix, sorted. The slice is valid
// until the next put.
func (s *store) within(prefix []byte) []ID {
	if !s.fresh {
		q := &s.order[kept]
		s.sorted = append(s.sorted[:0], q.ids[q.head:]...)
		slices.SortFunc(s.sorted, func(a, b ID) int { return bytes.Compare(a[:], b[:]) })
		s.fresh = true
	}
	first, _ := slices.BinarySearchFunc(s.sorted, prefix, comparePrefix)
	rest := s.sorted[first:]
	n := len(rest)
	for lo := 0; lo < n; { // the first that does not begin with prefix
		mid := int(uint(lo+n) / 2)
		if comparePrefix(rest[mid], prefix) > 0 {
			n = mid
		} else {
			lo = mid + 1
		}
	}
	return rest[:n]
}

// total returns the digest of the kept ids that begin with prefix, and their number.
func (s *store) total(prefix []byte) (h sum, count int) {
	if len(prefix) == 0 {
		return s.sum, s.order[kept].len()
	}
	ids := s.within(prefix)
	for _, id := range ids {
		h.toggle(id)
	}
	return h, len(ids)
}

// A sum is the XOR of the first 128 bits of ids. It does not depend on their order,
// and an id is removed as it is added.
type sum [2]uint64

func (h *sum) toggle(id ID) {
	h[0] ^= binary.BigEndian.Uint64(id[:])
	h[1] ^= binary.BigEndian.Uint64(id[8:])
}

// A fifo is a queue of ids. The zero fifo is empty.
type fifo struct {
	ids  []ID
	head int // index of the oldest
}

func (q *fifo) len() int   { return len(q.ids) - q.head }
func (q *fifo) push(id ID) { q.ids = append(q.ids, id) }

// pop removes the oldest. It moves the rest down when they are at most half.
func (q *fifo) pop() ID {
	id := q.ids[q.head]
	q.head++
	if q.len() <= q.head {
		q.ids, q.head = q.ids[:copy(q.ids, q.ids[q.head:])], 0
	}
	return id
}

// remove removes id from anywhere. It is rare, so it searches.
func (q *fifo) remove(id ID) {
	i := q.head + slices.Index(q.ids[q.head:], id)
	q.ids = slices.Delete(q.ids, i, i+1)
}
