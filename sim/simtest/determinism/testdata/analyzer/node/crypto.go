package node

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
)

func keys(seed []byte, key *ecdsa.PrivateKey) ed25519.PrivateKey {
	_, _ = ecdsa.GenerateKey(elliptic.P256(), nil) // want `crypto/ecdsa.GenerateKey: it is random with any Reader`
	_, _ = ecdsa.SignASN1(nil, key, seed)          // want `crypto/ecdsa.SignASN1`
	_, _ = key.Sign(nil, seed, crypto.SHA256)
	_, _, _ = ed25519.GenerateKey(nil) // want `crypto/ed25519.GenerateKey`
	return ed25519.NewKeyFromSeed(seed)
}
