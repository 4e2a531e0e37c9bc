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
	1:  0x3ff32f4825c5c634,
	2:  0x5ddf41fbbdc8caaa,
	3:  0x38117daf9d0a4730,
	4:  0xc4ee89ac1e7d729f,
	5:  0x8be77fd84644ba76,
	6:  0x4b9811c5c0a5f39a,
	7:  0xcfb4a27e367209ef,
	8:  0x608a0d4e658ea2f7,
	9:  0xcea15b7ac69f4f40,
	10: 0x3491e46299537511,
	11: 0x9e40ecc743fcc9c9,
	12: 0xeed76b6b8370deb0,
	13: 0x018e1fe4f4eb4ebf,
	14: 0x5bf0eeafe8b31042,
	15: 0x574d879b360a77f9,
	16: 0xe7fb6eae66dca919,
	17: 0x3da106ea7e875f56,
	18: 0x3cc96ad95642edd6,
	19: 0x0799150d58495488,
	20: 0x1c7e220a4ea7e2f7,
	21: 0x06f4c7a3375707f7,
	22: 0x10fbacec855bfcde,
	23: 0x1144830eaa23b0e7,
	24: 0xc246287be9090a39,
	25: 0xb3f42adbc36712cc,
	26: 0xbbe89d2e4588089c,
	27: 0x8ac788b770a94522,
	28: 0x983c03e333b7fa89,
	29: 0x359ca4d3464e6258,
	30: 0x19d552ca7d8bdcd3,
	31: 0xe0b606b77ce42a19,
	32: 0xe58ec024e8ebcdb3,
	33: 0xe14eb4b29642af7d,
	34: 0x49ce16f6653b7beb,
	35: 0xb22f952b493b4d01,
	36: 0xe8b617e8c4af8399,
	37: 0x6317b30001aa8334,
	38: 0x94f05c009d38228d,
	39: 0xf03e96e9f153052a,
	40: 0x8cab5b71d34605af,
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
	h := uint64(hashC2)
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
	return slowMum(slowMum(h^x, y^hashC3)^uint64(len(b)), hashC0^h)
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
		for bit := range 8 * n {
			b := make([]byte, n)
			b[bit/8] = 1 << (bit % 8)
			enter(HashBytes(b), "HashBytes of %d bytes with bit %d", n, bit)
		}
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
