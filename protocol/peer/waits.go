package peer

import (
	"dessim/protocol"
	"dessim/protocol/ledger"
)

// Waits sees the timers of what the node and its components wait for: see protocol.Waiter.
func (n *Node) Waits(see func(name string, tag uint64)) {
	if !n.settled {
		see("peer.not settled", protocol.Peer.Tag(timerSettle))
	}
	if n.cfg.Survive {
		see("peer.refresh", protocol.Peer.Tag(timerRefresh))
	}
	if len(n.keys.failed) > 0 {
		see("peer.keys failed", protocol.Peer.Tag(timerKeys))
	}
	if len(n.queue.items) > 0 {
		if _, v := n.seen(n.queue.items[0].id); v == ledger.Unjudged {
			see("peer.to apply", protocol.Peer.Tag(timerFetch))
		}
	}
	n.dht.Waits(see)
	n.link.Waits(see)
	n.flood.Waits(see)
	n.vote.Waits(see)
	if w, ok := n.order.(protocol.Waiter); ok {
		w.Waits(see)
	}
}

// Waits sees the timer of each transfer that has not ended: see protocol.Waiter.
func (c *Client) Waits(see func(name string, tag uint64)) {
	for _, i := range protocol.SortedKeys(c.transfers) {
		if t := c.transfers[i]; !t.answered && (c.patience > 0 || !t.open) {
			see("client.open", protocol.Peer.Tag(i))
		}
	}
	c.link.Waits(see)
}
