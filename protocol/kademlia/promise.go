package kademlia

import (
	"bytes"
	"encoding/binary"

	"dessim/protocol"
)

// promisePublication is what the output KindPublished promises: that a later incarnation
// publishes the value, too. The key is the first 16 bytes of the value's id, and the value
// is when it expires, in milliseconds, or 0 for never.
var promisePublication = protocol.KindOf("dht.publication")

// Promises appends what an effect promises: see protocol.Promiser.
func (n *Node) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	if f.Op != protocol.OpOutput || f.Kind != KindPublished {
		return list
	}
	p, ok := DecodePublished(f.Body)
	if !ok {
		return list
	}
	if expires, published := n.publishes(p.ID[:]); published {
		list = append(list, protocol.Promise{Kind: promisePublication, Key: promiseKey(p.ID), Value: expires})
	}
	return list
}

// Keeps returns what the node knows in the place of a promise: see protocol.Promiser.
func (n *Node) Keeps(p *protocol.Promise) (value uint64, known bool) {
	var id ID
	binary.BigEndian.PutUint64(id[:], p.Key[0])
	binary.BigEndian.PutUint64(id[8:], p.Key[1])
	return n.publishes(id[:16])
}

func promiseKey(id ID) [3]uint64 {
	return [3]uint64{binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])}
}

// publishes returns when the value expires whose id begins with prefix, and whether the node
// publishes it, or will once it has joined.
func (n *Node) publishes(prefix []byte) (expires uint64, ok bool) {
	for i := range n.dht.up.published {
		if p := &n.dht.up.published[i]; bytes.HasPrefix(p.id[:], prefix) {
			return p.command().life, true
		}
	}
	for i := len(n.waiting) - 1; i >= 0; i-- { // the last one will hold
		if c := &n.waiting[i]; c.typ == typePublish {
			if id := Key(c.value); bytes.HasPrefix(id[:], prefix) {
				return c.life, true
			}
		}
	}
	return 0, false
}
