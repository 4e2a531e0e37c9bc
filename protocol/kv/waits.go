package kv

import "dessim/protocol"

// Waits sees the timers of the replica's order: see protocol.Waiter.
func (n *Node) Waits(see func(name string, tag uint64)) {
	if w, ok := n.group.(protocol.Waiter); ok {
		w.Waits(see)
	}
}

// Waits sees the timer of the operation, or of the rest after one: see protocol.Waiter.
func (c *Client) Waits(see func(name string, tag uint64)) {
	if c.open {
		see("client.open", tagRetry)
	}
	if c.resting {
		see("client.resting", tagRest)
	}
}
