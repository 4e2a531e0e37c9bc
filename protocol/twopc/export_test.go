package twopc

// Reserved reports whether an open transaction holds key here.
func (m *Manager) Reserved(key []byte) bool {
	_, ok := m.reserved[string(key)]
	return ok
}

// InDoubt returns the number of transactions on which this node voted yes and
// whose decision it does not know.
func (m *Manager) InDoubt() (n int) {
	for _, t := range m.open {
		if t.status == InDoubt {
			n++
		}
	}
	return n
}

// Open returns the number of doubts that last.
func (x *Doubts) Open() int { return len(x.open) }
