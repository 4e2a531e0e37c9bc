package kvstore

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the server's state for reports, by the convention of
// protocol.Describer.
func (s *Server) Describe(b []byte) []byte {
	b = words.Part(b, "data", func(b []byte) []byte {
		for _, key := range protocol.SortedKeys(s.data) {
			b = words.Uint(b, strconv.FormatUint(key, 10), s.data[key])
		}
		return b
	})
	return words.Line(b, "a sync will follow", words.YesNo(s.syncing))
}

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
