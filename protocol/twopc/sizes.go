package twopc

// Sizes sees the size of each collection: see protocol.Sized.
func (m *Manager) Sizes(see func(name string, items int)) {
	see("twopc.open", len(m.open))
	see("twopc.timers", len(m.timers))
	see("twopc.reserved", len(m.reserved))
	see("twopc.ended", m.past.len())
	see("twopc.settled", len(m.settled))
}
