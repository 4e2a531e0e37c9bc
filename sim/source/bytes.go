package source

import (
	"math/bits"

	"dessim/protocol"
)

// Bytes is a Source that takes its answers from a string of bytes, in the order in
// which questions are first asked, and answers benignly once it is used up: for
// native fuzzing.
//
//	f.Fuzz(func(t *testing.T, b []byte) { run(source.NewBytes(b)) })
//
// It is made for what fuzzers do to inputs. A question takes as few bytes as can
// tell its answers apart, so a byte that changes changes one answer; a zero byte is
// benign; a larger number gives an answer at least as large; and what is appended
// changes no answer that was there. The least likely chance comes true once in 256
// bytes, or a fuzzer would hardly meet it.
//
// An answer depends on the order of questions: only within one Bytes do equal
// questions get equal answers. So a failing input is worth keeping as a replay
// file, by a Recorder, and not as bytes.
type Bytes struct {
	rest  []byte
	given map[question]uint64
}

// NewBytes returns the Source of b, which it only reads.
func NewBytes(b []byte) *Bytes {
	return &Bytes{rest: b, given: make(map[question]uint64)}
}

// Choose answers in [0, n).
func (s *Bytes) Choose(k protocol.Key, n uint64) uint64 {
	q := question{k, n}
	v, ok := s.given[q]
	if !ok {
		size := (bits.Len64(n-1) + 7) / 8
		x := s.take(size)
		// x*n/256^size: all answers, in their order.
		hi, lo := bits.Mul64(x, n)
		v = hi
		if size < 8 {
			v = hi<<(64-8*size) | lo>>(8*size)
		}
		s.given[q] = v
	}
	return v
}

// Chance answers true for the p greatest of all bytes, at least for 255, and never
// for 0.
func (s *Bytes) Chance(k protocol.Key, p protocol.Ratio) bool {
	q := question{key: k}
	v, ok := s.given[q]
	if !ok {
		x := s.take(1)
		if x > 0 && (255-x)*uint64(p.Den) < 256*uint64(p.Num) {
			v = 1
		}
		s.given[q] = v
	}
	return v == 1
}

// take returns the next size bytes as a number, or 0, and nothing is left, if there
// are fewer.
func (s *Bytes) take(size int) (x uint64) {
	if len(s.rest) < size {
		s.rest = nil
		return 0
	}
	for _, b := range s.rest[:size] {
		x = x<<8 | uint64(b)
	}
	s.rest = s.rest[size:]
	return x
}
