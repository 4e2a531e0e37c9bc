package abcast

import (
	"iter"
	"math/bits"
	"slices"
)

// places is a set of nodes by their places in the universe, a bit each. Sets of one
// universe are equally long.
type places []uint64

func newPlaces(n int) places { return make(places, (n+63)/64) }

func (s places) has(q int) bool { return s[q/64]>>(q%64)&1 == 1 }
func (s places) add(q int)      { s[q/64] |= 1 << (q % 64) }
func (s places) remove(q int)   { s[q/64] &^= 1 << (q % 64) }

// all returns the places of the nodes, ascending.
func (s places) all() iter.Seq[int] {
	return func(yield func(q int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(64*i + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

func (s places) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// common returns how many nodes are in both sets.
func (s places) common(o places) (n int) {
	for i, w := range s {
		n += bits.OnesCount64(w & o[i])
	}
	return n
}

// within reports whether all nodes of s are in o.
func (s places) within(o places) bool {
	for i, w := range s {
		if w&^o[i] != 0 {
			return false
		}
	}
	return true
}

// without returns the nodes of s that are not in o.
func (s places) without(o places) places {
	rest := slices.Clone(s)
	for i := range rest {
		rest[i] &^= o[i]
	}
	return rest
}

// appendTo appends a byte for each eight nodes, the lowest place in the lowest bit of
// the first, up to the last byte that is not 0.
func (s places) appendTo(b []byte) []byte {
	used := len(b)
	for _, w := range s {
		for range 8 {
			b = append(b, byte(w))
			if w != 0 {
				used = len(b)
			}
			w >>= 8
		}
	}
	return b[:used]
}

// read makes s what appendTo wrote: see within.
func (s places) read(b []byte) {
	clear(s)
	for i, x := range b {
		s[i/8] |= uint64(x) << (8 * (i % 8))
	}
}

// within reports whether all nodes of a set that appendTo wrote are among n nodes.
func within(n int, b []byte) bool {
	last := len(b) - 1
	return last < 0 || 8*last+bits.Len8(b[last]) <= n
}
