package peer

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/kademlia"
)

// onJoined learns that the routing table is complete, as far as others had joined.
func (n *Node) onJoined(env *protocol.Env) {
	n.joined = true
	env.Note(KindJoined, "contacts", len(n.dht.Contacts()))
	if n.settled {
		n.publish(env)
	}
}

// settle comes when the others should have joined.
func (n *Node) settle(env *protocol.Env) {
	n.settled = true
	if n.joined {
		n.publish(env)
	}
}

// publish stores the public key in the DHT and makes the contacts neighbours. A
// neighbour is told, so that neighbourhood is symmetric.
func (n *Node) publish(env *protocol.Env) {
	n.putKey(env)
	for _, c := range n.dht.Contacts() {
		if id, ok := n.cfg.Book.Node(c.Addr); ok && id != env.ID() {
			n.addNeighbour(id)
			n.send(env, id, KindHello, message{typ: typeHello})
		}
	}
	n.scratch = bencode.AppendUint(n.scratch[:0], uint64(len(n.neighbours)))
	env.Output(KindJoined, n.scratch)
}

func (n *Node) putKey(env *protocol.Env) {
	n.dht.Put(env, bencode.AppendBytes(nil, n.cfg.Key.Public()), func(env *protocol.Env, stored int) {
		env.Note(KindJoined, "key stored at", stored)
		if stored == 0 && len(n.cfg.Members) > 1 {
			n.putKey(env)
		}
	})
}

// greeted consumes a neighbour's hello. One that came back has lost the keys that
// it held for others, so it is given this node's own again.
func (n *Node) greeted(env *protocol.Env, from protocol.NodeID) {
	if n.cfg.Survive && n.joined && n.settled && slices.Contains(n.neighbours, from) {
		n.putKey(env)
	}
	n.addNeighbour(from)
}

// addNeighbour ignores all but members: contacts and hellos may come from anyone.
func (n *Node) addNeighbour(id protocol.NodeID) {
	if _, member := slices.BinarySearch(n.cfg.Members, id); !member {
		return
	}
	if i, found := slices.BinarySearch(n.neighbours, id); !found {
		n.neighbours = slices.Insert(n.neighbours, i, id)
	}
}

// locate finds the node that holds an owner's key, by the DHT: at once if it is a
// contact.
func (n *Node) locate(env *protocol.Env, who kademlia.ID, done func(env *protocol.Env, id protocol.NodeID, ok bool)) {
	if c := n.dht.Closest(who, 1); len(c) == 1 && c[0].ID == who {
		id, ok := n.cfg.Book.Node(c[0].Addr)
		done(env, id, ok)
		return
	}
	n.dht.Lookup(env, who, func(env *protocol.Env, r kademlia.Result) {
		if len(r.Closest) == 0 || r.Closest[0].ID != who {
			done(env, 0, false)
			return
		}
		id, ok := n.cfg.Book.Node(r.Closest[0].Addr)
		done(env, id, ok)
	})
}
