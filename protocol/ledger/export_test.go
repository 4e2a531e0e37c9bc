package ledger

import "crypto/ecdsa"

// NumVerdicts lets the tests see that they reach every verdict.
const NumVerdicts = int(verdicts)

// KeyOf makes the key of a given scalar, for published vectors.
func KeyOf(scalar []byte) (Key, bool) { return keyOf(scalar) }

// Private lets tests sign in other ways than Key.Sign does.
func (k Key) Private() *ecdsa.PrivateKey { return k.priv }

// Order and HalfOrder let tests compare the literals with the standard library.
func Order() [32]byte { return order }

// HalfOrder gives the order less one, halved.
func HalfOrder() [32]byte { return halfOrder }

// Len gives the number of answers remembered.
func (v *Verifier) Len() int { return len(v.young) + len(v.old) }

// Size gives what rules about size go by.
func (t *Tx) Size() int { return t.size() }
