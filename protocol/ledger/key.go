package ledger

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"

	"dessim/protocol/bencode"
)

// PublicKeySize is the length of a compressed SEC 1 point of P-256.
const PublicKeySize = 33

// An Owner names the holder of a key: the SHA-1 of the bencoded public key. It
// is also the holder's Kademlia id, and the target under which BEP 44 stores
// the key as an immutable item.
type Owner [20]byte

// OwnerOf names the holder of the public key pub, a compressed SEC 1 point.
func OwnerOf(pub []byte) Owner {
	var buf [PublicKeySize + 8]byte
	return sha1.Sum(bencode.AppendBytes(buf[:0], pub))
}

// String returns all 40 hexadecimal digits.
func (o Owner) String() string { return hex.EncodeToString(o[:]) }

// A Signature is an ECDSA signature on P-256: r, then s, each of 32 bytes, big
// end first. Only the one with the lower s is valid, since anybody could make
// the other from it.
type Signature [64]byte

// A Key is a private key. It signs deterministically (RFC 6979), so that a run
// is repeated exactly. The zero Key signs nothing.
type Key struct {
	priv  *ecdsa.PrivateKey
	pub   [PublicKeySize]byte
	owner Owner
}

// NewKey derives a key from seed. Equal seeds give equal keys.
func NewKey(seed [32]byte) Key {
	// One hash is out of range once in 2^32 times; then the hash is hashed again.
	scalar := seed
	for {
		scalar = sha256.Sum256(append([]byte(keyTag), scalar[:]...))
		if k, ok := keyOf(scalar[:]); ok {
			return k
		}
	}
}

// keyOf returns the key of a scalar, unless that is 0 or not below the order.
func keyOf(scalar []byte) (Key, bool) {
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return Key{}, false
	}
	point, err := priv.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(fmt.Sprintf("ledger: a private key has no public one: %v", err))
	}
	k := Key{priv: priv}
	k.pub[0] = 2 | point[64]&1
	copy(k.pub[1:], point[1:33])
	k.owner = OwnerOf(k.pub[:])
	return k, true
}

// Public returns the public key as a compressed SEC 1 point. The caller may keep it.
func (k Key) Public() []byte {
	return append([]byte(nil), k.pub[:]...)
}

// Owner names the holder of the key.
func (k Key) Owner() Owner { return k.owner }

// Sign signs digest and enters the signature into v, which may be nil: the nodes that
// share v in a simulation need not verify it again.
func (k Key) Sign(v *Verifier, digest [32]byte) Signature {
	if k.priv == nil {
		panic("ledger: the zero Key signs")
	}
	der, err := k.priv.Sign(nil, digest[:], crypto.SHA256) // no random source: RFC 6979
	if err != nil {
		panic(fmt.Sprintf("ledger: key of %v does not sign: %v", k.owner, err))
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 {
		panic(fmt.Sprintf("ledger: key of %v made the signature %x: %v", k.owner, der, err))
	}
	var sig Signature
	rs.R.FillBytes(sig[:32])
	rs.S.FillBytes(sig[32:])
	if sig.form() == HighS {
		rs.S.Sub(elliptic.P256().Params().N, rs.S)
		rs.S.FillBytes(sig[32:])
	}
	v.learn(claim{k.pub, digest, sig}, true)
	return sig
}
