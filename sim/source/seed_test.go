package source

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"dessim/protocol"
)

// pinned are answers that must never change: every seed anybody ever reported
// depends on them.
var pinned = []struct {
	seed Seed
	key  protocol.Key
	want uint64 // the whole hash
}{
	{0x0, protocol.Key{Kind: protocol.KindOf("net.delay"), A: 0, B: 0, N: 0x0}, 0x98db6b284463e660},
	{0x1, protocol.Key{Kind: protocol.KindOf("net.loss"), A: 0, B: 1, N: 0x0}, 0x5f980661d22593ca},
	{0x2, protocol.Key{Kind: protocol.KindOf("net.copy"), A: 0, B: 2, N: 0x0}, 0x76719888b2d7cd25},
	{0x11, protocol.Key{Kind: protocol.KindOf("vote"), A: 4294967295, B: 0, N: 0x0}, 0xbb4647346e7dad38},
	{0x100000000, protocol.Key{Kind: protocol.KindOf("a"), A: 0, B: 1, N: 0x1}, 0x7dc258f78a988596},
	{0x8000000000000000, protocol.Key{Kind: protocol.KindOf("net.delay"), A: 0, B: 2, N: 0x1}, 0x85d4f75937f1aa70},
	{0xffffffffffffffff, protocol.Key{Kind: protocol.KindOf("net.loss"), A: 0, B: 0, N: 0x1}, 0xc903f8d243de1a60},
	{0x123456789abcdef, protocol.Key{Kind: protocol.KindOf("net.copy"), A: 0, B: 1, N: 0x1}, 0xeb899ee0618aa229},
	{0x0, protocol.Key{Kind: protocol.KindOf("vote"), A: 1, B: 2, N: 0x2}, 0xbf1c1ea824e5dcb4},
	{0x1, protocol.Key{Kind: protocol.KindOf("a"), A: 1, B: 0, N: 0x2}, 0xc338fa1e08e5d3ec},
	{0x2, protocol.Key{Kind: protocol.KindOf("net.delay"), A: 4294967295, B: 1, N: 0x2}, 0x8a9deefc4a59330b},
	{0x11, protocol.Key{Kind: protocol.KindOf("net.loss"), A: 1, B: 2, N: 0x2}, 0xa4ae5a852adacb62},
	{0x100000000, protocol.Key{Kind: protocol.KindOf("net.copy"), A: 1, B: 0, N: 0x2bc3d341a286a0ff}, 0x8ed4e9ccd4454c3e},
	{0x8000000000000000, protocol.Key{Kind: protocol.KindOf("vote"), A: 1, B: 1, N: 0x44c752370151781b}, 0x2ad55b0b4807b5b1},
	{0xffffffffffffffff, protocol.Key{Kind: protocol.KindOf("a"), A: 1, B: 2, N: 0x7dc4dde5601d5137}, 0x729356d8d039135c},
	{0x123456789abcdef, protocol.Key{Kind: protocol.KindOf("net.delay"), A: 1, B: 0, N: 0x96c85ccac0e9266c}, 0x6019578f501d20f4},
	{0x0, protocol.Key{Kind: protocol.KindOf("net.loss"), A: 2, B: 1, N: 0x6fbc3074353a18c2}, 0xab73ca1f57dd85c0},
	{0x1, protocol.Key{Kind: protocol.KindOf("net.copy"), A: 4294967295, B: 2, N: 0x88a1b3259586f02d}, 0xe738f4db4531c6f8},
	{0x2, protocol.Key{Kind: protocol.KindOf("vote"), A: 2, B: 0, N: 0xa1a5320bf452c909}, 0xd2fa8106ebf4d6bc},
	{0x11, protocol.Key{Kind: protocol.KindOf("a"), A: 2, B: 1, N: 0xdaaabdf9531e9e71}, 0x603225ffbd67562b},
	{0x100000000, protocol.Key{Kind: protocol.KindOf("net.delay"), A: 2, B: 2, N: 0xf3ae3caeb3e9775d}, 0x158ee791520671bf},
	{0x8000000000000000, protocol.Key{Kind: protocol.KindOf("net.loss"), A: 2, B: 0, N: 0xec93bf9c12b54cbd}, 0x383892582e4d003b},
	{0xffffffffffffffff, protocol.Key{Kind: protocol.KindOf("net.copy"), A: 2, B: 1, N: 0x5973942710125e1}, 0x2c68f0921d280fd9},
	{0x123456789abcdef, protocol.Key{Kind: protocol.KindOf("vote"), A: 2, B: 2, N: 0x3e94b833d1cdfac9}, 0xa34121cf089b167d},
	{0, protocol.Key{}, 0x4efe757710c14bd3},
}

const pinnedChoice = 282246

func TestAnswersOfSeedsAreFrozen(t *testing.T) {
	for _, p := range pinned {
		if got := p.seed.hash(p.key); got != p.want {
			t.Errorf("seed %d, %+v: hash %#016x, want %#016x", p.seed, p.key, got, p.want)
		}
	}
	if n := len(pinned); n < 20 {
		t.Errorf("%d vectors, want at least 20", n)
	}
	k := protocol.Key{Kind: protocol.KindOf("net.delay"), A: 1, B: 2, N: 3}
	if got := Seed(1).Choose(k, 1_000_000); got != pinnedChoice {
		t.Errorf("choice %d, want %d", got, pinnedChoice)
	}
	if Seed(1).Chance(k, protocol.Ratio{Num: pinnedChoice, Den: 1_000_000}) {
		t.Errorf("chance of %d in a million is true, want false", pinnedChoice)
	}
	if !Seed(1).Chance(k, protocol.Ratio{Num: pinnedChoice + 1, Den: 1_000_000}) {
		t.Errorf("chance of %d in a million is false, want true", pinnedChoice+1)
	}
}

// A family is a way to number questions that differ in little.
type family struct {
	name string
	ask  func(i uint64) uint64 // the hash of question i
}

func families() []family {
	kind := protocol.KindOf("net.loss")
	digits := "0123456789abcdefghijklmnopqrstuv"
	counted := protocol.Key{Kind: kind, A: 3, B: 4, N: 0}
	return []family{
		{"names counted up", func(i uint64) uint64 { return Seed(1).hash(with(counted, 3, 4, i)) }},
		{"names counted in the top", func(i uint64) uint64 { return Seed(1).hash(with(counted, 3, 4, i<<40)) }},
		{"names that are hashes", func(i uint64) uint64 { return Seed(0).hash(with(counted, 3, 4, protocol.Hash2(i, 5))) }},
		{"seeds counted up", func(i uint64) uint64 { return Seed(i).hash(counted) }},
		{"seeds counted in the top", func(i uint64) uint64 { return Seed(i << 40).hash(counted) }},
		{"senders counted up", func(i uint64) uint64 { return Seed(7).hash(with(counted, protocol.NodeID(i), 4, 9)) }},
		{"receivers counted up", func(i uint64) uint64 { return Seed(7).hash(with(counted, 3, protocol.NodeID(i), 9)) }},
		{"pairs of 512 nodes", func(i uint64) uint64 {
			return Seed(7).hash(with(counted, protocol.NodeID(i%512), protocol.NodeID(i/512%512), i>>18))
		}},
		{"kinds", func(i uint64) uint64 {
			b := []byte{'k', digits[i%32], digits[i>>5%32], digits[i>>10%32], digits[i>>15%32]}
			k := with(counted, 3, 4, i>>20)
			k.Kind = protocol.KindOf(string(b))
			return Seed(7).hash(k)
		}},
		{"seed and name counted together", func(i uint64) uint64 { return Seed(i % 512).hash(with(counted, 3, 4, i/512)) }},
	}
}

func with(k protocol.Key, a, b protocol.NodeID, n uint64) protocol.Key {
	k.A, k.B, k.N = a, b, n
	return k
}

// chiSquare fails t if the counts are not those of equally likely cells. It
// computes in integers: the statistic times the expected count must stay below
// the cells plus six standard deviations. Seeds are fixed, so it cannot flake.
func chiSquare(t *testing.T, what string, counts []int) {
	t.Helper()
	total := 0
	for _, c := range counts {
		total += c
	}
	cells := len(counts)
	want := total / cells
	sum := 0
	for _, c := range counts {
		sum += (c - want) * (c - want)
	}
	limit := cells + 6*isqrt(2*cells)
	if sum > limit*want {
		t.Errorf("%s: chi-square %d with %d cells of %d, want at most %d", what, sum/want, cells, want, limit)
	}
	if low := cells - 6*isqrt(2*cells); low > 0 && sum < low*want {
		t.Errorf("%s: chi-square %d with %d cells of %d, too even, want at least %d", what, sum/want, cells, want, low)
	}
}

// fair fails t if a fair coin would not show ones heads in that many trials: the
// limit is five standard deviations, since thousands of coins are looked at.
func fair(t *testing.T, what string, ones, trials int) {
	t.Helper()
	limit := 5 * isqrt(trials) / 2
	if d := ones - trials/2; d < -limit || d > limit {
		t.Errorf("%s: %d of %d, want %d +- %d", what, ones, trials, trials/2, limit)
	}
}

// isqrt returns the square root of n, rounded up.
func isqrt(n int) int {
	r := 0
	for r*r < n {
		r++
	}
	return r
}

const samples = 1 << 18

func TestAnswersAreUniform(t *testing.T) {
	for _, f := range families() {
		for _, n := range []uint64{2, 3, 10, 256, 1000} {
			counts := make([]int, n)
			for i := range uint64(samples) {
				hi, _ := bits.Mul64(f.ask(i), n)
				counts[hi]++
			}
			chiSquare(t, fmt.Sprintf("%s: among %d", f.name, n), counts)
		}
	}
}

func TestEveryBitOfAHashIsFair(t *testing.T) {
	for _, f := range families() {
		var ones [64]int
		for i := range uint64(samples) {
			h := f.ask(i)
			for b := range ones {
				ones[b] += int(h >> b & 1)
			}
		}
		for b, n := range ones {
			fair(t, fmt.Sprintf("%s: bit %d", f.name, b), n, samples)
		}
	}
}

// TestNeighboursAnswerIndependently counts pairs of answers to questions that
// are 1, 2 or 16 apart, by their top four, by their low four and by mixed bits.
func TestNeighboursAnswerIndependently(t *testing.T) {
	for _, f := range families() {
		hashes := make([]uint64, samples+16)
		for i := range hashes {
			hashes[i] = f.ask(uint64(i))
		}
		for _, apart := range []int{1, 2, 16} {
			top, low, mixed := make([]int, 256), make([]int, 256), make([]int, 256)
			for i := range samples {
				x, y := hashes[i], hashes[i+apart]
				top[x>>60<<4|y>>60]++
				low[x&15<<4|y&15]++
				mixed[x>>60<<4|y&15]++
			}
			chiSquare(t, fmt.Sprintf("%s, %d apart: top bits", f.name, apart), top)
			chiSquare(t, fmt.Sprintf("%s, %d apart: low bits", f.name, apart), low)
			chiSquare(t, fmt.Sprintf("%s, %d apart: mixed bits", f.name, apart), mixed)
		}
	}
}

// TestRunsOfThreeAreIndependent would see answers walk round a circle in equal
// steps, where pairs may still look fair.
func TestRunsOfThreeAreIndependent(t *testing.T) {
	for _, f := range families() {
		counts := make([]int, 4096)
		var h uint64
		for i := range uint64(samples) {
			h = h<<4&0xfff | f.ask(i)>>60
			if i >= 2 {
				counts[h]++
			}
		}
		chiSquare(t, f.name, counts)
	}
}

func TestSwappedEndsAnswerIndependently(t *testing.T) {
	counts := make([]int, 256)
	for a := range protocol.NodeID(512) {
		for b := range a {
			k := protocol.Key{Kind: protocol.KindOf("net.loss"), A: a, B: b, N: 5}
			counts[Seed(3).hash(k)>>60<<4|Seed(3).hash(with(k, b, a, 5))>>60]++
		}
	}
	chiSquare(t, "A and B swapped", counts)
}

// TestEveryInputBitFlipsHalfTheOutput is the avalanche: over random questions,
// each input bit flips each output bit half of the time.
func TestEveryInputBitFlipsHalfTheOutput(t *testing.T) {
	const trials = 4096
	for in := range 64 * 4 {
		var flips [64]int
		for i := range uint64(trials) {
			s, k := Seed(protocol.Hash2(i, 1)), protocol.Key{
				Kind: protocol.Kind(protocol.Hash2(i, 2)),
				A:    protocol.NodeID(protocol.Hash2(i, 3)), B: protocol.NodeID(protocol.Hash2(i, 4)),
				N: protocol.Hash2(i, 5),
			}
			h := s.hash(k)
			bit := uint64(1) << (in % 64)
			switch in / 64 {
			case 0:
				s ^= Seed(bit)
			case 1:
				k.Kind ^= protocol.Kind(bit)
			case 2:
				k.A ^= protocol.NodeID(bit >> 32)
				k.B ^= protocol.NodeID(bit)
			case 3:
				k.N ^= bit
			}
			d := h ^ s.hash(k)
			for b := range flips {
				flips[b] += int(d >> b & 1)
			}
		}
		for b, n := range flips {
			fair(t, fmt.Sprintf("input bit %d, output bit %d", in, b), n, trials)
		}
	}
}

func TestChancesComeTrueAsOftenAsTheySay(t *testing.T) {
	for _, p := range []protocol.Ratio{{Num: 1, Den: 2}, {Num: 1, Den: 3}, {Num: 1, Den: 100}, {Num: 999, Den: 1000}, {Num: 1 << 31, Den: 1<<32 - 1}} {
		for seed := range Seed(4) {
			yes := 0
			for i := range uint64(samples) {
				if seed.Chance(protocol.Key{Kind: protocol.KindOf("net.loss"), A: 1, B: 2, N: i}, p) {
					yes++
				}
			}
			num, den := int(p.Num), int(p.Den)
			want := samples * num / den
			limit := 6*isqrt(samples*num/den*(den-num)/den) + 1
			if yes < want-limit || yes > want+limit {
				t.Errorf("seed %d, chance %d in %d: %d of %d true, want %d +- %d", seed, num, den, yes, samples, want, limit)
			}
		}
	}
}

func TestHigherChancesAddTruthAndTakeNoneAway(t *testing.T) {
	for i := range uint64(10000) {
		k := protocol.Key{Kind: protocol.KindOf("net.loss"), N: i}
		was := false
		for percent := uint32(1); percent < 100; percent++ {
			is := Seed(9).Chance(k, protocol.Percent(percent))
			if was && !is {
				t.Fatalf("%+v is true at %d%% and false at %d%%", k, percent-1, percent)
			}
			was = is
		}
	}
}

func TestParseSeed(t *testing.T) {
	good := []struct {
		text string
		want uint64
	}{
		{"0", 0}, {"1", 1}, {"010", 10}, {"0x010", 16}, {"0xfF", 255}, {"00", 0}, {"0x0", 0},
		{"18446744073709551615", 1<<64 - 1}, {"0xffffffffffffffff", 1<<64 - 1},
		{"0x0000000000000000000000ffffffffffffffff", 1<<64 - 1},
	}
	for _, g := range good {
		if got, err := ParseSeed(g.text); err != nil || got != g.want {
			t.Errorf("ParseSeed(%q) = %d, %v, want %d", g.text, got, err, g.want)
		}
	}
	bad := []struct{ text, flaw string }{
		{"", "no digits"}, {"0x", "no digits"}, {"-1", "negative"}, {"0x-1", "negative"}, {"+1", `'+' is no digit`}, {" 1", `' ' is no digit`},
		{"1 ", `' ' is no digit`}, {"1_000", `'_' is no digit`}, {"0X1", `'X' is no digit`}, {"12a", `'a' is no digit`}, {"0xg", `'g' is no digit`},
		{"1\n", "byte 0x0a is no digit"}, {"0b1", `'b' is no digit`}, {"1e9", `'e' is no digit`}, {"١", "byte 0xd9 is no digit"},
		{"18446744073709551616", "more than 64 bits"}, {"0x10000000000000000", "more than 64 bits"}, {strings.Repeat("9", 500), "more than 64 bits"},
	}
	for _, b := range bad {
		_, err := ParseSeed(b.text)
		if err == nil || !strings.Contains(err.Error(), b.flaw) || strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 250 {
			t.Errorf("ParseSeed(%q): error %v, want one line with %q", b.text, err, b.flaw)
		}
	}
}

func TestSeedsAnswerWithoutAllocation(t *testing.T) {
	var src protocol.Source = Seed(1)
	k := protocol.Key{Kind: protocol.KindOf("net.loss"), A: 1, B: 2}
	if n := testing.AllocsPerRun(1000, func() {
		k.N++
		src.Choose(k, 100)
		src.Chance(k, protocol.Percent(1))
	}); n != 0 {
		t.Errorf("an answer allocates %v times", n)
	}
}

var sink uint64

// BenchmarkSeed asks as the simulator does: through the interface.
func BenchmarkSeed(b *testing.B) {
	var src protocol.Source = Seed(1)
	k := protocol.Key{Kind: protocol.KindOf("net.delay"), A: 1, B: 2}
	b.Run("Choose", func(b *testing.B) {
		for b.Loop() {
			k.N++
			sink += src.Choose(k, 1_000_000)
		}
	})
	b.Run("Chance", func(b *testing.B) {
		for b.Loop() {
			k.N++
			if src.Chance(k, protocol.Percent(1)) {
				sink++
			}
		}
	})
	// Each question waits for the answer before.
	b.Run("chained", func(b *testing.B) {
		for b.Loop() {
			k.N = src.Choose(k, 1<<62)
		}
		sink += k.N
	})
}
