package sim

import (
	"encoding/binary"
	"math/bits"
)

// inline is the longest body that an event record holds itself.
const inline = 32

// What an event record is.
const (
	opDead    uint8 = iota // cancelled; skipped when its time comes
	opMessage              // body; from a node or Outside
	opTimer                // tag; of a node with a clock, also what must have elapsed on it: see byClock
	opStart                // of the first incarnation
	opFault                // index into the plan's faults
	opRevive               // restart after a crash with For: index as above, incarnation that crashed
	opTurn                 // a fault's window comes or goes: index as above
	opSynced               // the disk is done
	opFlushed              // the oldest flush of the node is
)

// Flags of an event record.
const (
	background uint8 = 1 << iota // follows from periodic timers alone
	long                         // the body is in slab.longs
	held                         // waits for its node, no longer in the queue
)

// record is a pending event: one cache line without pointers. Time and node
// stand in the queue's entry. The meaning of body depends on op.
type record struct {
	wave uint64 // see names.go
	name uint64 // of the step that consumes it; links the free list when free
	seq  uint64 // of its source
	src  uint32 // rank of its source: see fromPlan
	op   uint8
	flag uint8
	size uint8 // of an inline body
	_    uint8
	body [inline]byte
}

func (r *record) word(i int) uint64       { return binary.LittleEndian.Uint64(r.body[8*i:]) }
func (r *record) setWord(i int, v uint64) { binary.LittleEndian.PutUint64(r.body[8*i:], v) }

const (
	pageBits = 10
	pageSize = 1 << pageBits
	noSlot   = 1<<32 - 1
)

// slab holds the records in pages that never move, so that a body may be
// borrowed, and hands out the slot freed last first: the slot of a message is
// then that of the message it causes, and still in the cache.
type slab struct {
	pages []*[pageSize]record
	used  uint32 // slots ever handed out, and those before them
	free  uint32 // first of the free list, or noSlot
	longs []longBody
	spare [33][]uint32 // free longs by size class

	// In a run in parts, records move between slabs. All have the same pages, as far as a slot
	// of them can be known.
	page   uint32   // the next one
	stride uint32   // from one page of this slab to the next
	fresh  []uint32 // pages that the others do not have yet
}

// longBody is a body of more than inline bytes, shared by the messages of a
// broadcast and by network copies.
type longBody struct {
	b    []byte
	refs uint32
}

func (s *slab) at(slot uint32) *record {
	return &s.pages[slot>>pageBits][slot&(pageSize-1)]
}

// alloc returns a record without a body; the caller fills in the rest.
func (s *slab) alloc(op, flag uint8) (slot uint32, r *record) {
	if s.free == noSlot {
		s.grow()
	}
	slot = s.free
	r = s.at(slot)
	s.free = uint32(r.name)
	r.op, r.flag, r.size = op, flag, 0
	return slot, r
}

// grow makes a slot that was never used the only free one.
func (s *slab) grow() {
	if s.used&(pageSize-1) == 0 {
		s.growPage()
	}
	s.free = s.used
	s.at(s.free).name = noSlot
	s.used++
}

func (s *slab) growPage() {
	if s.page >= noSlot>>pageBits {
		panic("sim: more than 2^32 - 1 events are pending")
	}
	s.put(s.page, new([pageSize]record))
	s.used = s.page << pageBits
	if s.stride > 1 {
		s.fresh = append(s.fresh, s.page)
	}
	s.page += max(1, s.stride)
}

// put makes p the page of that number.
func (s *slab) put(number uint32, p *[pageSize]record) {
	for uint32(len(s.pages)) <= number {
		s.pages = append(s.pages, nil)
	}
	s.pages[number] = p
}

func (s *slab) release(slot uint32, r *record) {
	if r.flag&long != 0 {
		s.drop(uint32(r.word(0)))
	}
	r.name = uint64(s.free)
	s.free = slot
}

// view returns the body, which is valid until the record is released.
func (s *slab) view(r *record) []byte {
	if r.flag&long != 0 {
		b := s.longs[uint32(r.word(0))].b
		return b[:len(b):len(b)]
	}
	return r.body[:r.size:r.size]
}

// hold copies a body that is not long into r.
func (r *record) hold(b []byte) {
	r.size = uint8(len(b))
	if len(b) == 16 {
		r.setWord(0, binary.LittleEndian.Uint64(b))
		r.setWord(1, binary.LittleEndian.Uint64(b[8:]))
	} else {
		copy(r.body[:], b)
	}
}

// store copies b into r and returns the long body's index, or noSlot.
func (s *slab) store(r *record, b []byte) uint32 {
	if len(b) <= inline {
		r.hold(b)
		return noSlot
	}
	class := bits.Len(uint(len(b) - 1))
	var i uint32
	if n := len(s.spare[class]); n > 0 {
		i = s.spare[class][n-1]
		s.spare[class] = s.spare[class][:n-1]
	} else {
		i = uint32(len(s.longs))
		s.longs = append(s.longs, longBody{b: make([]byte, 0, 1<<class)})
	}
	l := &s.longs[i]
	l.b = append(l.b[:0], b...)
	s.share(r, i)
	return i
}

// share makes r hold the long body i too.
func (s *slab) share(r *record, i uint32) {
	s.longs[i].refs++
	r.flag |= long
	r.setWord(0, uint64(i))
}

func (s *slab) drop(i uint32) {
	l := &s.longs[i]
	l.refs--
	if l.refs == 0 {
		class := bits.Len(uint(cap(l.b) - 1))
		s.spare[class] = append(s.spare[class], i)
	}
}
