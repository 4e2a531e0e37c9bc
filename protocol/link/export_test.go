package link

import "dessim/protocol"

// Pending returns the number of messages to that node which it has not
// acknowledged, those that wait for the window included.
func (l *Link) Pending(to protocol.NodeID) int {
	if p := l.peers[to]; p != nil {
		return p.out.len()
	}
	return 0
}

// Known returns the latest incarnation of that node that was heard of, or 0.
func (l *Link) Known(id protocol.NodeID) uint32 {
	if p := l.peers[id]; p != nil {
		return p.inc
	}
	return 0
}
