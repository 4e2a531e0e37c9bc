package link

import "dessim/protocol"

// Waits sees the timer of each node from which an acknowledgement is missing: see
// protocol.Waiter.
func (l *Link) Waits(see func(name string, tag uint64)) {
	for _, id := range protocol.SortedKeys(l.peers) {
		if l.peers[id].sent > 0 {
			see("link.unacknowledged", protocol.Link.Tag(uint64(id)))
		}
	}
}
