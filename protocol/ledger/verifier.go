package ledger

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"math/big"
)

// A Verifier checks signatures and remembers the answers, since in a simulation
// every node checks the same ones: share one among the nodes of a run. It holds a
// bounded number of answers, which never change a verdict, only the time that it
// takes. A nil *Verifier remembers nothing. A Verifier is not safe for concurrent
// use: each shard has its own.
type Verifier struct {
	limit      int // of answers in one generation
	young, old map[claim]bool
}

// claim is everything that validity depends on. All of it is the map's key, not a hash:
// a collision could make a bad signature good.
type claim struct {
	pub    [PublicKeySize]byte
	digest [32]byte
	sig    Signature
}

// NewVerifier makes a Verifier that remembers at most size answers, of about
// 150 bytes each. size must be at least 2.
func NewVerifier(size int) *Verifier {
	if size < 2 {
		panic(fmt.Sprintf("ledger: a verifier of size %d, want at least 2", size))
	}
	return &Verifier{limit: size / 2, young: map[claim]bool{}, old: map[claim]bool{}}
}

// Verify judges a signature of digest by the holder of pub, a compressed SEC 1
// point: Accepted, HighS or BadSignature. A pub that is not a point is nobody's,
// and every signature by it bad.
func (v *Verifier) Verify(pub []byte, digest [32]byte, sig Signature) Verdict {
	if form := sig.form(); form != Accepted {
		return form
	}
	if len(pub) != PublicKeySize {
		return BadSignature
	}
	c := claim{[PublicKeySize]byte(pub), digest, sig}
	valid, known := v.recall(c)
	if !known {
		valid = c.valid()
		v.learn(c, valid)
	}
	if !valid {
		return BadSignature
	}
	return Accepted
}

func (v *Verifier) recall(c claim) (valid, known bool) {
	if v == nil {
		return false, false
	}
	if valid, known = v.young[c]; known {
		return valid, true
	}
	if valid, known = v.old[c]; known {
		v.learn(c, valid) // what is used stays
	}
	return valid, known
}

// learn forgets the older half whenever the younger is full. That is cheaper
// than a queue of uses, and as deterministic.
func (v *Verifier) learn(c claim, valid bool) {
	if v == nil {
		return
	}
	if len(v.young) >= v.limit {
		clear(v.old)
		v.young, v.old = v.old, v.young
	}
	v.young[c] = valid
}

// valid does the arithmetic. The signature's form was checked before.
func (c *claim) valid() bool {
	curve := elliptic.P256()
	compressed := c.pub // a copy, since it escapes: c must not when the answer is remembered
	x, y := elliptic.UnmarshalCompressed(curve, compressed[:])
	if x == nil {
		return false
	}
	point := make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return false
	}
	r := new(big.Int).SetBytes(c.sig[:32])
	s := new(big.Int).SetBytes(c.sig[32:])
	digest := c.digest // likewise
	return ecdsa.Verify(pub, digest[:], r, s)
}

// The order of P-256 and its half, rounded down: constants, which Go cannot
// write as such.
var (
	order = [32]byte{
		0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
	}
	halfOrder = [32]byte{
		0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
	}
)

// form judges what can be seen without a key: r and s from 1 to the order less
// 1, and s in the lower half.
func (s *Signature) form() Verdict {
	for _, n := range [...][]byte{s[:32], s[32:]} {
		if bytes.Equal(n, make([]byte, 32)) || bytes.Compare(n, order[:]) >= 0 {
			return BadSignature
		}
	}
	if bytes.Compare(s[32:], halfOrder[:]) > 0 {
		return HighS
	}
	return Accepted
}
