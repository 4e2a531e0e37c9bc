package kademlia

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"dessim/protocol"
)

// What a secret is for.
const (
	secretTxn   = "transaction"
	secretToken = "token"
	secretPoint = "point"
)

// secret derives 32 bytes that nobody can guess who does not know Config.Secret,
// however many others he saw; so it is not protocol.Hash2, which resists accident
// alone. They come from no Source: an identity must not collide when all answers
// are 0.
func (d *DHT) secret(what string, n uint64, more []byte) [sha256.Size]byte {
	var buf [64]byte
	b := binary.BigEndian.AppendUint64(buf[:0], d.cfg.Secret)
	b = binary.BigEndian.AppendUint64(b, d.key)
	b = binary.BigEndian.AppendUint64(b, n)
	b = append(b, what...)
	b = append(b, more...)
	return sha256.Sum256(b)
}

// point gives a new random point of the id space.
func (d *DHT) point() (p ID) {
	d.count++
	s := d.secret(secretPoint, d.count, nil)
	copy(p[:], s[:])
	return p
}

// token gives what asker must show to store something here: it proves that he
// receives at that address (BEP 5). It changes with every period of tokenLife of
// the node's clock; back counts the periods since.
func (d *DHT) token(env *protocol.Env, asker protocol.Endpoint, back int64) (t [8]byte) {
	s := d.secret(secretToken, uint64(int64(env.Now())/tokenLife-back), asker[:])
	copy(t[:], s[:])
	return t
}

const tokenLife = 5 * 60 * 1_000_000_000 // ns

// allowed reports whether token was given to asker in this period or the last.
func (d *DHT) allowed(env *protocol.Env, asker protocol.Endpoint, token []byte) bool {
	for back := range int64(2) {
		if t := d.token(env, asker, back); bytes.Equal(t[:], token) {
			return true
		}
	}
	return false
}
