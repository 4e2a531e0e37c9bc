package peer

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/kademlia"
)

// join joins the DHT: through the first node, or in later incarnations through any
// other that answers. The first incarnation of the first node is the network that the
// others join.
func (n *Node) join(env *protocol.Env) {
	self := env.ID()
	switch {
	case env.Incarnation() > 1 && n.cfg.Survive && len(n.cfg.Members) > 1:
		n.dht.Rejoin(env, n.others(self), n.onJoined)
	case self == n.cfg.First:
		n.onJoined(env)
	default:
		n.dht.Join(env, n.cfg.Book.Endpoint(n.cfg.First), n.onJoined)
	}
}

// others returns the endpoints of the other members, beginning after this node.
func (n *Node) others(self protocol.NodeID) (out []protocol.Endpoint) {
	i, _ := slices.BinarySearch(n.cfg.Members, self)
	for _, id := range slices.Concat(n.cfg.Members[i+1:], n.cfg.Members[:i]) {
		out = append(out, n.cfg.Book.Endpoint(id))
	}
	return out
}

// onJoined is called when the routing table is complete, as far as others have joined.
func (n *Node) onJoined(env *protocol.Env) {
	n.joined = true
	env.Note(KindJoined, "contacts", len(n.dht.Contacts()))
	if n.settled {
		n.publish(env)
	}
}

// settleAfter returns when this incarnation publishes its key. The first waits until
// all nodes have started.
func (n *Node) settleAfter(env *protocol.Env) time.Duration {
	if env.Incarnation() > 1 && n.cfg.Survive {
		return resettleDelays * n.cfg.Delay
	}
	return n.cfg.Settle
}

// settle is called when the others should have joined.
func (n *Node) settle(env *protocol.Env) {
	n.settled = true
	if n.joined {
		n.publish(env)
	}
}

// publish stores the public key in the DHT and makes the contacts neighbours. They
// are sent a hello, so that neighbourhood is symmetric.
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
		switch {
		case stored > 0:
			n.puts = 0
			env.CancelTimer(protocol.Peer.Tag(timerPut))
		case len(n.cfg.Members) > 1:
			env.SetTimer(PutAgain.Pause(env, keyDelays*n.cfg.Delay, n.puts), protocol.Peer.Tag(timerPut))
			n.puts = PutAgain.Next(n.puts)
		}
	})
}

// greeted consumes a neighbour's hello. A neighbour that has restarted has lost the
// keys that it held for others, so this node puts its own again. What failed while the
// neighbour was away may succeed now.
func (n *Node) greeted(env *protocol.Env, from protocol.NodeID) {
	n.puts, n.keys.tries = 0, 0
	if n.cfg.Survive && n.joined && n.settled && slices.Contains(n.neighbours, from) {
		n.putKey(env)
	}
	n.addNeighbour(from)
}

// addNeighbour ignores nodes that are not members: anyone can send a hello.
func (n *Node) addNeighbour(id protocol.NodeID) {
	if _, member := slices.BinarySearch(n.cfg.Members, id); !member {
		return
	}
	if i, found := slices.BinarySearch(n.neighbours, id); !found {
		n.neighbours = slices.Insert(n.neighbours, i, id)
	}
}

// refresh renews the routing table from time to time: nodes that restarted know few
// others, and are unknown to those that evicted them. If all lost their tables during
// a partition, each side joined itself, and no contact leads to the other: so each
// refresh takes the next member, and joins through it if it is not a contact.
func (n *Node) refresh(env *protocol.Env) {
	n.awaitRefresh(env)
	others := n.others(env.ID())
	if n.dht.Joining() || len(others) == 0 {
		return
	}
	n.turn = (n.turn + 1) % len(others)
	next := others[n.turn]
	if slices.ContainsFunc(n.dht.Contacts(), func(c kademlia.Contact) bool { return c.Addr == next }) {
		n.dht.Refresh(env, n.refreshed)
	} else {
		n.dht.Rejoin(env, slices.Concat(others[n.turn:], others[:n.turn]), n.refreshed)
	}
}

func (n *Node) awaitRefresh(env *protocol.Env) {
	env.SetTimer(Refresh.Pause(env, refreshDelays*n.cfg.Delay, n.idle), protocol.Peer.Tag(timerRefresh))
}

// refreshed is called at the end of a refresh. If there are more contacts than before,
// some may lack this node's key.
func (n *Node) refreshed(env *protocol.Env) {
	before := n.contacts
	n.contacts = len(n.dht.Contacts())
	if n.contacts != before {
		n.idle = 0
	} else {
		n.idle = Refresh.Next(n.idle)
	}
	if n.contacts > before && n.joined && n.settled {
		n.putKey(env)
	}
}

// locate finds the node of an owner by the DHT: at once if it is a contact.
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
