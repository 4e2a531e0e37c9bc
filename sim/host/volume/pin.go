package volume

import (
	"syscall"

	"dessim/protocol"
)

// MaxPin is the largest mapping.
const MaxPin = 1 << 34

// mapping is memory that a program has mapped. The pages of a file lie in the last of its
// mappings, as far as that reaches; writes are copied to the others. The last mapping outlives its
// last Unpin, since pages lie in it.
type mapping struct {
	memory []byte
	pins   int
	copied bool // pages do not lie in it
}

// Pin returns the first size bytes of a file as one piece of memory, for a shared read-only
// mapping: it does not move, and writes to the file appear in it, also those that make the file
// grow into it. Bytes after the end of the file are zeros. The memory must not be written to. Pin
// returns ENOMEM if size is more than MaxPin. Each Pin needs one Unpin, with that slice. The inode is
// held meanwhile.
func (v *Volume) Pin(i Ino, size int64) ([]byte, error) {
	n, err := v.regular(i)
	switch {
	case err != nil:
		return nil, err
	case size <= 0:
		return nil, syscall.EINVAL
	case size > MaxPin:
		return nil, syscall.ENOMEM
	}
	n.holds++
	if len(n.mappings) > 0 {
		if m := n.mappings[len(n.mappings)-1]; int64(len(m.memory)) >= size {
			m.pins++
			return m.memory[:size:size], nil
		}
	}
	m := &mapping{memory: make([]byte, (size+PageSize-1)/PageSize*PageSize), pins: 1}
	for _, number := range protocol.SortedKeys(n.pages) {
		if page := m.page(number); page != nil {
			copy(page, n.pages[number])
			n.pages[number] = page
		}
	}
	for _, old := range n.mappings {
		old.copied = true
	}
	n.mappings = append(n.mappings, m)
	n.dropMappings()
	return m.memory[:size:size], nil
}

// Unpin ends a mapping that Pin began.
func (v *Volume) Unpin(i Ino, memory []byte) {
	n := v.nodes[i]
	if n == nil || len(memory) == 0 {
		return
	}
	for _, m := range n.mappings {
		if &m.memory[0] == &memory[0] && m.pins > 0 {
			m.pins--
			n.dropMappings()
			v.Release(i)
			return
		}
	}
}

// dropMappings forgets copies that are no longer mapped.
func (n *node) dropMappings() {
	kept := n.mappings[:0]
	for _, m := range n.mappings {
		if m.pins > 0 || !m.copied {
			kept = append(kept, m)
		}
	}
	clear(n.mappings[len(kept):])
	n.mappings = kept
}

// memory returns the memory in which a new page has to lie, or nil.
func (n *node) memory(number int64) []byte {
	if len(n.mappings) == 0 {
		return nil
	}
	return n.mappings[len(n.mappings)-1].page(number)
}

func (m *mapping) page(number int64) []byte {
	if number >= int64(len(m.memory)/PageSize) {
		return nil
	}
	return m.memory[number*PageSize : (number+1)*PageSize : (number+1)*PageSize]
}

// follow copies a write.
func (m *mapping) follow(p []byte, off int64) {
	if m.copied && off < int64(len(m.memory)) {
		copy(m.memory[off:], p)
	}
}

func (m *mapping) cut(size int64) {
	if m.copied && size < int64(len(m.memory)) {
		clear(m.memory[size:])
	}
}
