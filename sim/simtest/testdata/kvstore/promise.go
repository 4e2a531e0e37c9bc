package kvstore

import "dessim/protocol"

// KindAcked is the promise that a write is kept.
var KindAcked = protocol.KindOf("acked")

// Promises says that a write is kept which is acknowledged.
func (s *Server) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	if m, ok := Decode(f.Body); ok && f.Op == protocol.OpSend && m.Type == acked {
		list = append(list, protocol.Promise{Kind: KindAcked, Key: [3]uint64{m.Key}, Value: m.Value})
	}
	return list
}

// Keeps returns the value of the key that p is about.
func (s *Server) Keeps(p *protocol.Promise) (value uint64, known bool) {
	value, known = s.data[p.Key[0]]
	return value, known
}
