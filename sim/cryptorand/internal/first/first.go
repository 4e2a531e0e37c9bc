// Package first puts a reader in front of crypto/rand.Reader, before other packages copy
// that variable: packages are initialized by import path once their imports are, and this
// one imports little. So it covers the copies of packages whose paths sort after "dessim".
package first

import (
	"crypto/rand"
	"io"
	"sync/atomic"
)

// Reader stands in crypto/rand.Reader. It mirrors a variable of the process, which is why
// it is one.
var Reader = &Front{system: rand.Reader}

func init() { rand.Reader = Reader }

// Front reads from the system, unless something else answers.
type Front struct {
	system io.Reader
	answer atomic.Pointer[func(b []byte)]
}

// Answer has f fill what is read from now on; nil is the system again.
func (r *Front) Answer(f *func(b []byte)) { r.answer.Store(f) }

// Read never fails while something else answers.
func (r *Front) Read(b []byte) (int, error) {
	if f := r.answer.Load(); f != nil {
		(*f)(b)
		return len(b), nil
	}
	return r.system.Read(b)
}
