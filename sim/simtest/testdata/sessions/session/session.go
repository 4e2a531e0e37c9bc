// Package session is a library that knows nothing of dessim: it opens sessions under tokens
// of random bytes.
package session

import (
	"crypto/rand"
	"encoding/hex"
	"io"
)

// random is a copy of the Reader, as many packages keep one.
var random = rand.Reader

// Table is a set of open sessions. Its secret makes the tokens of one table known to it.
type Table struct {
	secret string
	open   map[string]int // user by token
}

// New returns an empty table.
func New() *Table { return &Table{secret: rand.Text(), open: make(map[string]int)} }

// Open opens a session of a user and returns its token.
func (t *Table) Open(user int) (token string) {
	id := make([]byte, 8)
	if _, err := io.ReadFull(random, id); err != nil {
		panic(err)
	}
	token = t.secret[:4] + hex.EncodeToString(id)
	t.open[token] = user
	return token
}

// User returns whose session it is.
func (t *Table) User(token string) (user int, ok bool) {
	user, ok = t.open[token]
	return user, ok
}
