package ledger

import "crypto/ecdsa"

// NumVerdicts lets the tests see that they reach every verdict.
const NumVerdicts = int(verdicts)

// KeyOf returns the key with a given scalar, for published vectors.
func KeyOf(scalar []byte) (Key, bool) { return keyOf(scalar) }

// Private lets tests sign in other ways than Key.Sign does.
func (k Key) Private() *ecdsa.PrivateKey { return k.priv }

// Order and HalfOrder let tests compare the literals with the standard library.
func Order() [32]byte { return order }

// HalfOrder returns the order less one, halved.
func HalfOrder() [32]byte { return halfOrder }

// Len returns the number of answers remembered.
func (v *Verifier) Len() int { return len(v.young) + len(v.old) }

// Size returns the size that the rules go by.
func (t *Tx) Size() int { return t.size() }

// Lookup returns an output and whether it can be spent (Accepted), was spent
// (InputSpent) or never existed (UnknownInput, with the zero TxOut).
func (s *State) Lookup(p Outpoint) (TxOut, Verdict) {
	out, _, verdict := s.lookup(p)
	return out, verdict
}
