package kvstore

import (
	"fmt"

	"dessim/protocol"
)

// AppendState appends the server's whole state, so that a search of all runs recognises
// states that it has visited.
func (s *Server) AppendState(b []byte) []byte {
	for _, key := range protocol.SortedKeys(s.data) {
		b = fmt.Appendf(b, "key %d: %d\n", key, s.data[key])
	}
	return fmt.Appendf(b, "syncing %v\n", s.syncing)
}

// AppendState appends nothing: a client has no state.
func (Client) AppendState(b []byte) []byte { return b }
