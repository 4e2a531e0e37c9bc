package peer

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

// What follows is for checks that watch the network.

// DecodeRequest reads a message of KindRequest.
func DecodeRequest(msg []byte) (r Request, ok bool) {
	m, ok := decode(msg)
	return m.req, ok && m.typ == typeRequest
}

// DecodeFetch reads a message of KindFetch: it asks for the body of that id.
func DecodeFetch(msg []byte) (id ledger.ID, ok bool) {
	m, ok := decode(msg)
	return m.id, ok && m.typ == typeFetch
}

// DecodeBody reads a message of KindBody. The body aliases msg.
func DecodeBody(msg []byte) (body []byte, ok bool) {
	m, ok := decode(msg)
	return m.body, ok && m.typ == typeBody
}

// Fact is what a record says: a key, a transaction's body, or a commit. It is comparable.
type Fact struct {
	ID  [32]byte // of the body, or the hash of the key
	typ int
}

// ReadFact returns what a record of this package says. ok is false for any other.
func ReadFact(rec []byte) (f Fact, ok bool) {
	s, ok := decodeStored(rec)
	if !ok {
		return Fact{}, false
	}
	f.typ = s.typ
	if s.typ == storeKey {
		owner := ledger.OwnerOf(s.key)
		copy(f.ID[:], owner[:])
	} else {
		f.ID = gossip.Sum(s.body)
	}
	return f, true
}

// ReadCommit returns the transaction of two-phase commit whose commit a record of this package
// keeps. ok is false for any other.
func ReadCommit(rec []byte) (id twopc.ID, ok bool) {
	s, ok := decodeStored(rec)
	return s.id, ok && s.typ == storeCommit
}

// Key reports whether it is a key.
func (f Fact) Key() bool { return f.typ == storeKey }

// Holds returns the facts from which f follows: a commit has the body.
func (f Fact) Holds() []Fact {
	if f.typ == storeBody {
		return []Fact{f, {f.ID, storeCommit}}
	}
	return []Fact{f}
}

// String returns such as "body 1a2b3c4d".
func (f Fact) String() string {
	return fmt.Sprintf("%s %x", [...]string{"commit", "body", "key"}[f.typ], f.ID[:4])
}

// KeyTimer returns the tag of the timer of KeyAgain.
func KeyTimer() uint64 { return protocol.Peer.Tag(timerKeys) }

// IsHello reports whether msg is a neighbour's hello.
func IsHello(msg []byte) bool {
	m, ok := decode(msg)
	return ok && m.typ == typeHello
}
