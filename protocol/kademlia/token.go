package kademlia

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"dessim/protocol"
)

// The uses of a secret.
const (
	secretTxn   = "transaction"
	secretToken = "token"
	secretPoint = "point"
)

// secret derives 32 bytes that cannot be guessed without Config.Secret, however many
// others are known; so it is not protocol.Hash2, which resists accident alone. The
// Source is not asked: identities must not collide when all answers are 0.
func (d *DHT) secret(what string, n uint64, more []byte) [sha256.Size]byte {
	var buf [64]byte
	b := binary.BigEndian.AppendUint64(buf[:0], d.salt)
	b = binary.BigEndian.AppendUint64(b, d.key)
	b = binary.BigEndian.AppendUint64(b, n)
	b = append(b, what...)
	b = append(b, more...)
	return sha256.Sum256(b)
}

// point returns a new random point of the id space.
func (d *DHT) point() (p ID) {
	d.count++
	s := d.secret(secretPoint, d.count, nil)
	copy(p[:], s[:])
	return p
}

// token returns what asker must show to store something here: proof that it receives
// at that address (BEP 5). It changes with every period of tokenLife of the node's
// clock; back counts periods back from now.
func (d *DHT) token(env *protocol.Env, asker protocol.Endpoint, back int64) (t [8]byte) {
	s := d.secret(secretToken, uint64(int64(env.Now())/tokenLife-back), asker[:])
	copy(t[:], s[:])
	return t
}

const tokenLife = 5 * 60 * 1_000_000_000 // ns

// allowed reports whether token is asker's of this period or the last.
func (d *DHT) allowed(env *protocol.Env, asker protocol.Endpoint, token []byte) bool {
	for back := range int64(2) {
		if t := d.token(env, asker, back); bytes.Equal(t[:], token) {
			return true
		}
	}
	return false
}
