package gossip

// Waits sees the timer of the next repair: see protocol.Waiter.
func (g *Gossip) Waits(see func(name string, tag uint64)) {
	if g.cfg.Repair > 0 {
		see("gossip.repair", tagRepair)
	}
}
