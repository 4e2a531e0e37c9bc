package protocol

import (
	"encoding/binary"
	"math/bits"
)

// The hash below names questions, answers them from a seed and folds digests.
// It is frozen: its values are pinned in a test, and every seed ever reported
// depends on them. It mixes by the 128-bit product folded to 64 bits
// (as in Wang Yi's wyhash); it resists accident, not malice.

const (
	hashC0 = 0xa0761d6478bd642f
	hashC1 = 0xe7037ed1a0b428db
	hashC2 = 0x8ebc6af09c88c6e3
	hashC3 = 0x589965cc75374cc3
)

func mum(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Hash2 mixes two words. It is not symmetric.
func Hash2(a, b uint64) uint64 {
	return mum(a^hashC0, b^hashC1)
}

// Hash3 mixes three words.
func Hash3(a, b, c uint64) uint64 {
	return mum(mum(a^hashC0, b^hashC1)^hashC2, c^hashC3)
}

// HashBytes hashes b, equally on machines of either byte order. The length is
// mixed in last, apart from all bytes: mixed in first, a change of the first word
// could undo it.
func HashBytes(b []byte) uint64 {
	n := uint64(len(b))
	h := uint64(hashC2)
	for len(b) > 16 {
		h = mum(h^binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])^hashC1)
		b = b[16:]
	}
	var x, y uint64
	switch {
	case len(b) >= 8:
		x = binary.LittleEndian.Uint64(b)
		y = binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		x = uint64(binary.LittleEndian.Uint32(b))
		y = uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		x = uint64(b[0])<<16 | uint64(b[len(b)/2])<<8 | uint64(b[len(b)-1])
	}
	return mum(mum(h^x, y^hashC3)^n, hashC0^h)
}
