package protocol

import (
	"fmt"
	"math/big"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// The values below were computed by a program in another language. Every seed
// and replay file depends on them: a change here breaks them all.

var pinned2 = []struct{ a, b, want uint64 }{
	{0x0, 0x0, 0x1ff5c2923a788d2c},
	{0x0, 0x1, 0x7e0e2ff6b13a291e},
	{0x1, 0x0, 0x38f94c439ac36242},
	{0x1, 0x1, 0x9773aea41186fe34},
	{0x1, 0x2, 0xf7858b38a8499be9},
	{0x2, 0x1, 0xb077298a7052d745},
	{0xffffffffffffffff, 0xffffffffffffffff, 0x1fe18d02a3676d4f},
	{0xffffffffffffffff, 0x0, 0xdff5c05abb606d30},
	{0x0, 0xffffffffffffffff, 0xdff98d5d3b766c88},
	{0x8000000000000000, 0x1, 0xf389ef6f819cc4ad},
	{0x123456789abcdef, 0xfedcba9876543210, 0xb00825b46c2bf169},
	{0x100000000, 0x80000000, 0xe342bbdd2d30fd0d},
}

var pinned3 = []struct{ a, b, c, want uint64 }{
	{0x0, 0x0, 0x0, 0x2afa3043c0fbb4d2},
	{0x0, 0x0, 0x1, 0xb520c82619ec60a0},
	{0x0, 0x1, 0x0, 0x07b790f9ef0052de},
	{0x1, 0x0, 0x0, 0x27e0bf1ab1e80487},
	{0x1, 0x2, 0x3, 0x52a119b0edb5345e},
	{0x3, 0x2, 0x1, 0x5602cdcbdb786969},
	{0x2, 0x3, 0x1, 0x622112bef45ad966},
	{0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0x547815c153d3d831},
	{0xffffffffffffffff, 0x0, 0xffffffffffffffff, 0x96f31f9dabb9b55d},
	{0x8000000000000000, 0x80000000, 0x1, 0x8a733312f8a970bd},
	{0x123456789abcdef, 0xfedcba9876543210, 0x2a, 0xfe5111683327bacb},
	{0x7, 0x0, 0x7, 0xb66bd8f78ebec19e},
}

// pinnedBytes has the hash of the bytes 1, 8, 15, ... 7i+1 (mod 256), by length.
var pinnedBytes = [...]uint64{
	0:  0x19b592649491bc3b,
	1:  0xbbba2451a7cb26de,
	2:  0x36cc8463b2e367a7,
	3:  0xc2d4c07fa2f11b45,
	4:  0x3267cff1f84e3c3b,
	5:  0xdd6091902ebe5f65,
	6:  0xb23406bef51f7738,
	7:  0x3b4a518eca7bf346,
	8:  0xa2f8051736894168,
	9:  0xd7707fbd714e2de4,
	10: 0xfab71c1f9b4fa6cc,
	11: 0x2a6ae7888947c72e,
	12: 0x89cf88d51ec0534b,
	13: 0xf05c5d9693b8e427,
	14: 0x4cccf137ccffa12f,
	15: 0xc9544c14303cfae8,
	16: 0xd503e3bffcb8b264,
	17: 0xf5fbe07c2f92c4a8,
	18: 0x9a5ddd09f13bdfeb,
	19: 0xb4cd60d8eac33ab1,
	20: 0x81e9d9853001d692,
	21: 0xb1fc92972f48f29f,
	22: 0x831b7ffb30ff5b30,
	23: 0x5d14097f8e330617,
	24: 0x8c3dbc0207e09fad,
	25: 0x0ee97ce1005954e5,
	26: 0x45f79cdac4a84dcf,
	27: 0xf76caa1155228895,
	28: 0x59941ec37d5361c0,
	29: 0x575832859407ef66,
	30: 0x0ea2f249d1e0c4e4,
	31: 0x608ab8616bd56b99,
	32: 0x9cfd8be9e909da69,
	33: 0x4f4eafca5779f367,
	34: 0x44ec5b0678bf61f4,
	35: 0x69a7e9ab63dc0f8a,
	36: 0x3f69db0e1c45189a,
	37: 0xee88f33f249747ca,
	38: 0xac23a8665711a0f4,
	39: 0xc7f720d00a271a0f,
	40: 0xc2640dcdfa170d47,
}

func TestHashesKeepTheirPinnedValues(t *testing.T) {
	for _, p := range pinned2 {
		if got := Hash2(p.a, p.b); got != p.want {
			t.Errorf("Hash2(%#x, %#x) = %#016x, want %#016x", p.a, p.b, got, p.want)
		}
	}
	for _, p := range pinned3 {
		if got := Hash3(p.a, p.b, p.c); got != p.want {
			t.Errorf("Hash3(%#x, %#x, %#x) = %#016x, want %#016x", p.a, p.b, p.c, got, p.want)
		}
	}
	for n, want := range pinnedBytes {
		if got := HashBytes(pinnedInput(n)); got != want {
			t.Errorf("HashBytes of %d bytes = %#016x, want %#016x", n, got, want)
		}
	}
}

func pinnedInput(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(7*i + 1)
	}
	return b
}

// slowMum, slowWord and slowHashBytes are the slow twin: one product of big
// integers, one byte at a time, after the definition of wyhash.
func slowMum(a, b uint64) uint64 {
	p := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
	hi := new(big.Int).Rsh(p, 64).Uint64()
	lo := p.And(p, new(big.Int).SetUint64(1<<64-1)).Uint64()
	return hi ^ lo
}

func slowWord(b []byte) uint64 {
	var u uint64
	for i, c := range b {
		u += uint64(c) << (8 * i)
	}
	return u
}

func slowHashBytes(b []byte) uint64 {
	h := uint64(len(b)) ^ hashC2
	i := 0
	for ; len(b)-i > 16; i += 16 {
		h = slowMum(h^slowWord(b[i:i+8]), slowWord(b[i+8:i+16])^hashC1)
	}
	rest := b[i:]
	n := len(rest)
	var x, y uint64
	switch {
	case n >= 8:
		x, y = slowWord(rest[:8]), slowWord(rest[n-8:])
	case n >= 4:
		x, y = slowWord(rest[:4]), slowWord(rest[n-4:])
	case n >= 1:
		x = slowWord([]byte{rest[n-1], rest[n/2], rest[0]})
	}
	return slowMum(slowMum(h^x, y^hashC3), hashC0^h)
}

func TestHashesEqualTheirSlowTwins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")
		if got, want := HashBytes(b), slowHashBytes(b); got != want {
			t.Fatalf("HashBytes(%x) = %#x, slowly %#x", b, got, want)
		}
		x, y, z := rapid.Uint64().Draw(t, "x"), rapid.Uint64().Draw(t, "y"), rapid.Uint64().Draw(t, "z")
		two := slowMum(x^hashC0, y^hashC1)
		if got := Hash2(x, y); got != two {
			t.Fatalf("Hash2(%#x, %#x) = %#x, slowly %#x", x, y, got, two)
		}
		if got, want := Hash3(x, y, z), slowMum(two^hashC2, z^hashC3); got != want {
			t.Fatalf("Hash3(%#x, %#x, %#x) = %#x, slowly %#x", x, y, z, got, want)
		}
	})
}

// TestHashesDoNotCollideOnSmallStructure hashes what a run's names are made of:
// small numbers, single bits, short byte strings.
func TestHashesDoNotCollideOnSmallStructure(t *testing.T) {
	seen := make(map[uint64]string)
	enter := func(h uint64, format string, args ...any) {
		name := fmt.Sprintf(format, args...)
		if other, taken := seen[h]; taken {
			t.Fatalf("%s and %s are both %#x", name, other, h)
		}
		seen[h] = name
	}
	for a := range uint64(200) {
		for b := range uint64(200) {
			enter(Hash2(a, b), "Hash2(%d, %d)", a, b)
		}
	}
	for i := range 64 {
		for j := range 64 {
			if i >= 8 || j >= 8 { // smaller ones are above
				enter(Hash2(1<<i, 1<<j), "Hash2(1<<%d, 1<<%d)", i, j)
			}
		}
	}
	clear(seen)
	for a := range uint64(32) {
		for b := range uint64(32) {
			for c := range uint64(32) {
				enter(Hash3(a, b, c), "Hash3(%d, %d, %d)", a, b, c)
			}
		}
	}
	clear(seen)
	zeros := make([]byte, 200)
	for n := range zeros {
		enter(HashBytes(zeros[:n]), "HashBytes of %d zeros", n)
	}
	for n := 1; n <= 40; n++ {
		clear(seen) // beyond 16 bytes lengths are weak: see the next test
		for bit := range 8 * n {
			b := make([]byte, n)
			b[bit/8] = 1 << (bit % 8)
			enter(HashBytes(b), "HashBytes of %d bytes with bit %d", n, bit)
		}
	}
}

// TestHashBytesHasTheCollisionThatItConfesses shows what freezing has kept.
func TestHashBytesHasTheCollisionThatItConfesses(t *testing.T) {
	a, b := make([]byte, 17), make([]byte, 19)
	a[0] = 17 ^ 19
	if HashBytes(a) != HashBytes(b) {
		t.Errorf("HashBytes(%x) and HashBytes(%x) differ: its comment is out of date", a, b)
	}
}

// TestEveryInputBitMovesHalfTheOutput flips each bit of each word and counts. Of
// 64 output bits 32 should differ, with standard deviation 4/sqrt(rounds).
func TestEveryInputBitMovesHalfTheOutput(t *testing.T) {
	const rounds = 400
	hashes := []struct {
		name  string
		words int
		of    func(w [3]uint64) uint64
	}{
		{"Hash2", 2, func(w [3]uint64) uint64 { return Hash2(w[0], w[1]) }},
		{"Hash3", 3, func(w [3]uint64) uint64 { return Hash3(w[0], w[1], w[2]) }},
	}
	for _, h := range hashes {
		for word := range h.words {
			for bit := range 64 {
				sum := 0
				for i := range uint64(rounds) {
					w := [3]uint64{slowMum(i+1, hashC0), slowMum(i+1, hashC1), slowMum(i+1, hashC2)}
					before := h.of(w)
					w[word] ^= 1 << bit
					sum += bits.OnesCount64(before ^ h.of(w))
				}
				if mean := sum / rounds; mean < 30 || mean > 33 {
					t.Errorf("%s: bit %d of word %d moves %d bits on average, want 30 to 33", h.name, bit, word, mean)
				}
			}
		}
	}
}

func TestHash2TellsItsArgumentsApart(t *testing.T) {
	for a := range uint64(100) {
		for b := range a {
			if Hash2(a, b) == Hash2(b, a) {
				t.Errorf("Hash2(%d, %d) is symmetric", a, b)
			}
		}
	}
}
