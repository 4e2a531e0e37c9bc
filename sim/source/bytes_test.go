package source_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim/source"
)

func TestBytesThatAreUsedUpAnswerBenignly(t *testing.T) {
	for _, b := range [][]byte{nil, {0xff}, make([]byte, 100)} {
		s := source.NewBytes(b)
		for i := range uint64(50) {
			k := protocol.Key{N: i}
			if s.Choose(k, 1000) != 0 || s.Chance(k, protocol.Ratio{Num: 999, Den: 1000}) {
				t.Fatalf("bytes %x answer question %d otherwise than benignly", b, i)
			}
		}
	}
}

func TestWhatIsAppendedChangesNoAnswerThatWasThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		b := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "bytes")
		more := append(slices.Clip(b), rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "more")...)
		short := source.NewBytes(b)
		want := p.run(short)
		got := p.run(source.NewBytes(more))
		// Each question of a program takes one byte, and recurring ones none.
		told := 0
		for told < len(want) && len(distinct(p, want[:told+1])) <= len(b) {
			told++
		}
		if len(got) < told || !slices.Equal(got[:told], want[:told]) {
			t.Fatalf("%x answers %v, %x %v: want the first %d alike", b, want, more, got, told)
		}
	})
}

// distinct returns the different questions of which those are the answers.
func distinct(p program, answers []uint64) map[asked]bool {
	all := make(map[asked]bool)
	for i := range answers {
		k, n, _ := p.next(answers[:i])
		all[asked{k, n}] = true
	}
	return all
}

func TestGreaterBytesGiveGreaterAnswersAndAllOfThem(t *testing.T) {
	for _, n := range []uint64{2, 3, 10, 255, 256, 257, 1000, 65536} {
		size := 1
		if n > 256 {
			size = 2
		}
		next := uint64(0) // the answer that must come next, or the one before
		for x := range 1 << (8 * size) {
			b := []byte{byte(x >> 8), byte(x)}
			s := source.NewBytes(append(b[2-size:], 255))
			got := s.Choose(protocol.Key{}, n)
			if got != next && got+1 != next {
				t.Fatalf("among %d, %x gives %d after %d", n, b, got, next-1)
			}
			next = max(next, got+1)
			if after := s.Choose(protocol.Key{N: 1}, 256); after != 255 {
				t.Fatalf("among %d, %x does not take %d bytes: the next answer is %d", n, b, size, after)
			}
		}
		if next != n {
			t.Errorf("among %d, the greatest answer is %d", n, next-1)
		}
	}
}

func TestTheGreatestBytesGiveTheGreatestAnswer(t *testing.T) {
	all := []byte{255, 255, 255, 255, 255, 255, 255, 255}
	for bits := 1; bits <= 64; bits++ {
		n := uint64(math.MaxUint64) >> (64 - bits)
		if n < 2 {
			continue
		}
		if got := source.NewBytes(all).Choose(protocol.Key{}, n); got != n-1 {
			t.Errorf("among %d the greatest bytes give %d", n, got)
		}
	}
}

func TestChancesOfBytesAreAtLeastOneIn256(t *testing.T) {
	for _, x := range []struct {
		p    protocol.Ratio
		want int // bytes that make it true
	}{
		{protocol.Ratio{Num: 1, Den: 1 << 31}, 1},
		{protocol.Ratio{Num: 1, Den: 256}, 1},
		{protocol.Ratio{Num: 1, Den: 2}, 128},
		{protocol.Ratio{Num: 999, Den: 1000}, 255},
	} {
		got := 0
		for b := range 256 {
			if source.NewBytes([]byte{byte(b)}).Chance(protocol.Key{}, x.p) {
				got++
			}
		}
		if got != x.want {
			t.Errorf("chance %d in %d: %d bytes of 256 make it true, want %d", x.p.Num, x.p.Den, got, x.want)
		}
	}
}
