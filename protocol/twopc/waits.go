package twopc

// Waits sees the timer of each transaction that has not ended here: see protocol.Waiter.
func (m *Manager) Waits(see func(name string, tag uint64)) {
	for _, t := range m.open {
		see("twopc.open", t.tag)
	}
}
