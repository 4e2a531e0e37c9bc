package kv

import "dessim/protocol"

// Sizes sees the size of each collection: see protocol.Sized.
func (n *Node) Sizes(see func(name string, items int)) {
	see("kv.table", len(n.table))
	see("kv.sessions", len(n.sessions))
	see("kv.asked", len(n.asked))
	if s, ok := n.group.(protocol.Sized); ok {
		s.Sizes(see)
	}
}

// Sizes sees the size of each collection: see protocol.Sized.
func (c *Client) Sizes(see func(name string, items int)) {
	see("client.waiting", len(c.waiting))
	see("client.seen", len(c.seen))
}
