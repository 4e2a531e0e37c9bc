// Package source answers the questions of a run: Seed by hashing, Replay from a list that
// a Recorder made and a File keeps.
//
// Every Source here promises that an answer depends only on the question's key and range,
// so removing one answer from a replay leaves all others as they were; and that 0 is
// benign, so a replay lists only what went wrong.
//
// The hash of Seed and the first version of the replay format are frozen: old
// seeds and old files keep their meaning. The hash resists accident, not
// malice, and must not be used for keys or secrets.
package source

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"dessim/protocol"
)

// Seed is a Source that answers by a hash of itself and the question. It keeps
// no state, so it may be shared, and asked in any order.
//
// One answer of n is more likely than another by less than n in 2^64: an unbiased draw
// would need a loop, whose length would have to be frozen too.
//
// Chances are coupled: a key that is true at a probability is true at every
// higher one. So raising the loss of a link adds losses and takes none away.
type Seed uint64

const (
	seedC0 = 0x9e3779b97f4a7c15 // golden ratio
	seedC1 = 0xd1342543de82ef95 // multiplier of a good 64-bit LCG (Steele and Vigna)
	seedC2 = 0xa0761d6478bd642f // these two: wyhash
	seedC3 = 0x8ebc6af09c88c6e3
)

// Choose answers in [0, n).
func (s Seed) Choose(k protocol.Key, n uint64) uint64 {
	hi, _ := bits.Mul64(s.hash(k), n)
	return hi
}

// Chance answers true with probability p.
func (s Seed) Chance(k protocol.Key, p protocol.Ratio) bool {
	hi, _ := bits.Mul64(s.hash(k), uint64(p.Den))
	return hi < uint64(p.Num)
}

// hash mixes seed and key by two 128-bit products folded to 64 bits. N enters
// the first product and its result both factors of the second: were N in one
// factor only, neighbouring N would walk in equal steps round a circle. The
// seed enters twice, in different forms, so that no two seeds are one another's
// answers under renamed keys.
func (s Seed) hash(k protocol.Key) uint64 {
	ends := uint64(k.A)<<32 | uint64(k.B)
	hi, lo := bits.Mul64(k.N^seedC2, (uint64(k.Kind)+ends*seedC0)^uint64(s)^seedC3)
	h := hi ^ lo
	hi, lo = bits.Mul64(h^seedC0, h^uint64(s)*seedC1)
	return hi ^ lo
}

// Concurrent returns s: several goroutines may ask it at once. (A Source that embeds one is
// another, of which that says nothing.)
func (s Seed) Concurrent() protocol.Source { return s }

const maxSeed = 1<<64 - 1

// ParseSeed reads a seed: decimal digits, or 0x and hexadecimal digits, of at
// most 64 bits. Leading zeros mean nothing: 010 is ten. (Flag packages read it
// as eight, which is why seeds are parsed here.) Signs, spaces and underscores
// are refused, since a seed is copied from one place to another and must look
// alike in both.
func ParseSeed(text string) (uint64, error) {
	digits, base := text, 10
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		digits, base = hex, 16
	}
	for i := range len(digits) {
		c := digits[i]
		decimal := '0' <= c && c <= '9'
		hex := 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if !decimal && !(base == 16 && hex) {
			return 0, seedError(text, seedFlaw(digits, i))
		}
	}
	if digits == "" {
		return 0, seedError(text, "no digits")
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if err != nil { // only the range is left to be wrong
		return 0, seedError(text, "more than 64 bits")
	}
	return v, nil
}

func seedFlaw(digits string, i int) string {
	switch c := digits[i]; {
	case c == '-' && i == 0:
		return "negative"
	case c < ' ' || c > '~':
		return fmt.Sprintf("byte %#02x is no digit", c)
	default:
		return fmt.Sprintf("%q is no digit", c)
	}
}

func seedError(text, flaw string) error {
	return fmt.Errorf("seed %s: %s; want decimal digits, or 0x and hex digits, from 0 to %d", quote(text), flaw, uint64(maxSeed))
}

// quote quotes s for an error's one line, cut if it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
