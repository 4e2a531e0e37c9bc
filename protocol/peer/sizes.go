package peer

import "dessim/protocol"

// Sizes sees the size of each collection: see protocol.Sized.
func (n *Node) Sizes(see func(name string, items int)) {
	see("peer.neighbours", len(n.neighbours))
	n.out.sizes(see)
	see("peer.bodies", len(n.bodies.own))
	see("peer.parsed", len(n.bodies.parsed))
	see("peer.to apply", len(n.queue.items))
	see("peer.keys", len(n.keys.known))
	see("peer.keys asked", len(n.keys.asked))
	see("peer.keys failed", len(n.keys.failed))
	see("peer.bodies without key", len(n.keys.bodies))
	n.dht.Sizes(see)
	n.link.Sizes(see)
	n.flood.Sizes(see)
	n.vote.Sizes(see)
	if s, ok := n.order.(protocol.Sized); ok {
		s.Sizes(see)
	}
}

func (t *transfers) sizes(see func(name string, items int)) {
	see("peer.open", len(t.open))
	see("peer.queued", len(t.queued))
	see("peer.begun", len(t.begun))
	see("peer.asked", len(t.asked))
	see("peer.committed", len(t.pending))
	see("peer.promised", len(t.promised))
	see("peer.unplaced", len(t.unplaced))
	see("peer.done", len(t.done))
	see("peer.commits", len(t.commits))
}

// Sizes sees the size of each collection: see protocol.Sized.
func (c *Client) Sizes(see func(name string, items int)) {
	open := 0
	for _, i := range protocol.SortedKeys(c.transfers) {
		if c.transfers[i].open {
			open++
		}
	}
	see("client.transfers", len(c.transfers))
	see("client.open", open)
	c.link.Sizes(see)
}
