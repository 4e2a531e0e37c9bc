package peer

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
)

// keyring holds the public keys that the node has found in the DHT. Keys that strangers
// publish can fill it; owners without a published key cannot: see Node.full.
type keyring struct {
	known  map[ledger.Owner][]byte
	asked  map[ledger.Owner]bool // a Get is under way, or the owner is in failed
	failed []ledger.Owner        // to be asked again at the next timer
	bodies []gossip.ID           // waiting in the flood for some key, oldest first
	tries  int                   // pauses since a key was last found, for KeyAgain
	asking bool                  // a key found now is in our own store: no body waits for it yet
}

// The bounds of what waits for keys. Ordered transactions and inputs may exceed them.
const (
	maxAsked   = 1 << 12 // owners whose keys are looked for
	maxWaiting = 1 << 12 // bodies
)

func (k *keyring) init(self ledger.Owner, pub []byte) {
	k.known = map[ledger.Owner][]byte{self: pub}
	k.asked = make(map[ledger.Owner]bool)
}

func (k *keyring) find(o ledger.Owner) ([]byte, bool) {
	pub, ok := k.known[o]
	return pub, ok
}

// want looks for the owners' keys that are not known yet. Those that the node itself
// stores are known when want returns.
func (n *Node) want(env *protocol.Env, owners []ledger.Owner) {
	n.keys.asking = true
	defer func() { n.keys.asking = false }()
	for _, o := range owners {
		if _, ok := n.keys.known[o]; !ok && !n.keys.asked[o] {
			n.keys.asked[o] = true
			n.getKey(env, o)
		}
	}
}

func (n *Node) getKey(env *protocol.Env, o ledger.Owner) {
	n.dht.Get(env, kademlia.ID(o), func(env *protocol.Env, f kademlia.Found) {
		var r bencode.Reader
		r.Reset(f.Value)
		pub := r.Fixed(ledger.PublicKeySize)
		if !f.OK || !r.Done() {
			if len(n.keys.failed) == 0 {
				env.SetTimer(KeyAgain.Pause(env, keyDelays*n.cfg.Delay, n.keys.tries), protocol.Peer.Tag(timerKeys))
				n.keys.tries = KeyAgain.Next(n.keys.tries)
			}
			n.keys.failed = append(n.keys.failed, o)
			return
		}
		n.keys.tries = 0
		delete(n.keys.asked, o)
		n.keys.known[o] = slices.Clone(pub)
		n.persist(env, stored{typ: storeKey, key: pub})
		remote := f.From.ID != kademlia.ID(n.self)
		n.outputFound(env, o, f.Hops, remote)
		if !n.keys.asking {
			n.resume(env)
			n.advance(env)
		}
	})
}

// retryKeys asks again for the keys that were not found: their owners may have
// published them since.
func (n *Node) retryKeys(env *protocol.Env) {
	failed := n.keys.failed
	n.keys.failed = nil
	for _, o := range failed {
		n.getKey(env, o)
	}
}

// resume hands back to the flood the bodies that lack no key any more. All are judged
// first, since resuming one may apply and forget the others.
func (n *Node) resume(env *protocol.Env) {
	waiting := n.keys.bodies
	n.keys.bodies = nil
	verdicts := make([]ledger.Verdict, len(waiting))
	for i, id := range waiting {
		verdicts[i] = n.verify(n.bodies.parsed[ledger.ID(id)])
	}
	for i, id := range waiting {
		switch v := verdicts[i]; {
		case !v.Final():
			n.keys.bodies = append(n.keys.bodies, id)
		case v == ledger.Accepted:
			n.flood.Resume(env, id, true)
		default:
			n.refuse(env, id, v)
			n.flood.Resume(env, id, false)
		}
	}
}
