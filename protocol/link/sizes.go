package link

import "dessim/protocol"

// Sizes sees the size of each collection: see protocol.Sized.
func (l *Link) Sizes(see func(name string, items int)) {
	out, early := 0, 0
	for _, id := range protocol.SortedKeys(l.peers) {
		p := l.peers[id]
		out += p.out.len()
		early += len(p.ahead)
	}
	see("link.nodes", len(l.peers))
	see("link.unacknowledged", out)
	see("link.early", early)
}
