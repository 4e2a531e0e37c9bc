package raft

// Sizes sees the size of each collection: see protocol.Sized.
func (g *Group) Sizes(see func(name string, items int)) {
	held := 0
	for _, s := range g.history.streams {
		held += len(s.held)
	}
	see("order.log", g.history.count)
	see("order.origins", len(g.history.streams))
	see("order.outbox", len(g.outbox))
	see("order.held back", held)
	if g.node != nil {
		see("order.not applied", len(g.log(g.applied+1)))
	}
}
