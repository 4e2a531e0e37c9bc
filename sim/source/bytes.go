package source

import (
	"math/bits"

	"dessim/protocol"
)

// Bytes is a Source for native fuzzing. It takes its answers from a string of bytes, in the
// order in which questions are first asked, and answers 0 once the bytes are used up.
//
//	f.Fuzz(func(t *testing.T, b []byte) { run(source.NewBytes(b)) })
//
// It suits what fuzzers do to inputs. A question takes as few bytes as can represent its
// answers, so changing a byte changes one answer; a zero byte is benign; a larger number
// is an answer at least as large; and appending changes no earlier answer. Even the least
// likely chance comes true for one byte in 256, or a fuzzer would hardly meet it.
//
// An answer depends on the order of questions: equal questions get equal answers only
// within one Bytes. So keep a failing input as a replay file, by a Recorder, and not as
// bytes.
type Bytes struct {
	rest  []byte
	given map[question]uint64
}

// NewBytes returns a Source that reads b.
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

// Chance answers true for a share p of the bytes, the greatest ones: at least for 255, and
// never for 0.
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

// take returns the next size bytes as a number, or, if there are fewer, 0; then none is left.
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
