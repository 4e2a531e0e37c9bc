package gossip

// Sizes sees the size of each collection: see protocol.Sized.
func (g *Gossip) Sizes(see func(name string, items int)) {
	s := &g.store
	see("gossip.ids", len(s.items))
	see("gossip.kept", s.order[kept].len())
	see("gossip.waiting", s.order[waiting].len())
	see("gossip.refused", s.order[refused].len())
}
