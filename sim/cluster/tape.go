package cluster

import (
	"io"
	"sync"

	"dessim/protocol/live/record"
)

// Tape keeps the recording of a node in memory, and can be read while the node writes it.
type Tape struct {
	// File gets all that is written, too, unless it is nil.
	File io.Writer

	mu   sync.Mutex
	text []byte
}

// Write appends b.
func (t *Tape) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if t.File == nil {
		return len(b), nil
	}
	return t.File.Write(b)
}

// Recording reads what has been written.
func (t *Tape) Recording() (*record.Recording, error) {
	t.mu.Lock()
	text := t.text[:len(t.text):len(t.text)]
	t.mu.Unlock()
	return record.Read(text)
}
