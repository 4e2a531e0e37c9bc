package gossip

import "dessim/protocol/words"

// Describe appends the state to b by the convention of protocol.Describer: ids in the
// order in which they are forgotten if there are too many, each with the node that it
// came from first.
func (g *Gossip) Describe(b []byte) []byte {
	b = words.Part(b, "kept", g.store.describe(kept))
	b = words.Part(b, "waiting", g.store.describe(waiting))
	b = words.Part(b, "refused", g.store.describe(refused))
	b = words.Uint(b, "exchanges", g.turn)
	return words.Uint(b, "quiet", uint64(g.quiet))
}

func (s *store) describe(st state) func(b []byte) []byte {
	return func(b []byte) []byte {
		q := &s.order[st]
		for _, id := range q.ids[q.head:] {
			it := s.items[id]
			if st == refused {
				b = words.Line(b, words.Short(id[:]), "nothing else is known")
				continue
			}
			b = words.Row(b).Short(id[:]).Str(": ").Uint(uint64(len(it.body))).Str(" bytes from ").Node(it.from).End()
		}
		return b
	}
}
