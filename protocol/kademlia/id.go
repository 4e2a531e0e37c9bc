package kademlia

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"

	"dessim/protocol"
)

// ID is a point of the 160-bit space in which nodes and values live.
type ID [20]byte

const idBits = 160

// String returns the ID in hexadecimal.
func (t ID) String() string { return hex.EncodeToString(t[:]) }

// Closer reports whether a is nearer to t than b is, by XOR distance. Of equal
// IDs neither is.
func (t ID) Closer(a, b ID) bool { return t.compare(&a, &b) < 0 }

// compare orders a and b by their XOR distance to t: -1, 0 or 1. It is 0 only
// for equal IDs, so the order is total.
func (t *ID) compare(a, b *ID) int {
	for i := 0; i < 16; i += 8 {
		w := binary.BigEndian.Uint64(t[i:])
		x, y := w^binary.BigEndian.Uint64(a[i:]), w^binary.BigEndian.Uint64(b[i:])
		if x != y {
			return order(x, y)
		}
	}
	w := binary.BigEndian.Uint32(t[16:])
	return order(uint64(w^binary.BigEndian.Uint32(a[16:])), uint64(w^binary.BigEndian.Uint32(b[16:])))
}

// is reports whether t and u are equal, as == does, which calls a function for so many bytes.
func (t *ID) is(u *ID) bool {
	return binary.BigEndian.Uint64(t[:]) == binary.BigEndian.Uint64(u[:]) &&
		binary.BigEndian.Uint64(t[8:]) == binary.BigEndian.Uint64(u[8:]) &&
		binary.BigEndian.Uint32(t[16:]) == binary.BigEndian.Uint32(u[16:])
}

func order(x, y uint64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// shared counts the leading bits that t and u have in common, 0 to 160. The
// paper's bucket i is the one of idBits-1-i shared bits.
func (t *ID) shared(u *ID) int {
	for i := 0; i < 16; i += 8 {
		if x := binary.BigEndian.Uint64(t[i:]) ^ binary.BigEndian.Uint64(u[i:]); x != 0 {
			return i*8 + bits.LeadingZeros64(x)
		}
	}
	return 128 + bits.LeadingZeros32(binary.BigEndian.Uint32(t[16:])^binary.BigEndian.Uint32(u[16:]))
}

// sibling returns a point of the subtree that leaves t's path at bit n: n bits as
// in t, the next one flipped, and the rest from r.
func (t *ID) sibling(n int, r *ID) ID {
	u := t.under(n+1, r)
	u[n/8] = u[n/8]&^(0x80>>(n%8)) | ^t[n/8]&(0x80>>(n%8))
	return u
}

// after returns the 16 bits that follow bit n, those beyond the end being 0: of an id in bucket n
// of a table, they follow those that all ids of the bucket share.
func (t *ID) after(n int) (next uint16) {
	at, off := (n+1)/8, (n+1)%8
	for i := range 3 {
		if at+i < len(t) {
			next |= uint16(uint32(t[at+i]) << 16 >> (8*i + 8 - off))
		}
	}
	return next
}

// beyond returns the first 64 bits of the ids of bucket n of t's table, as far as they share them;
// the others are 0.
func (t *ID) beyond(n int) uint64 { return (t.head() ^ 1<<63>>n) &^ (math.MaxUint64 >> 1 >> n) }

// head returns the first 64 bits.
func (t *ID) head() uint64 { return binary.BigEndian.Uint64(t[:]) }

// under returns a point of the subtree of t's first n bits; the rest is from r.
func (t *ID) under(n int, r *ID) ID {
	u := *r
	copy(u[:n/8], t[:n/8])
	if n%8 != 0 {
		keep := byte(0xff) << (8 - n%8)
		u[n/8] = t[n/8]&keep | r[n/8]&^keep
	}
	return u
}

// Contact is a node as others see it.
type Contact struct {
	ID   ID
	Addr protocol.Endpoint
}
