package twopc

import "dessim/protocol"

// What a node promises in two-phase commit: see protocol.Promise. The key is the
// transaction: client, transfer, attempt. The value is 1.
var (
	// KindYes is the promise of a yes vote: the node commits if it is told so, and
	// reserves its keys until it knows.
	KindYes = protocol.KindOf("twopc.yes")
	// KindCommit is the promise of a decision to commit, of an answer that says so and of
	// an acknowledgement: the node knows that the transaction has committed.
	KindCommit = protocol.KindOf("twopc.commit")
)

// Promises appends what a message of this component promises, which the effect carries: see
// Needs.
func (m *Manager) Promises(list []protocol.Promise, f *protocol.Effect, msg []byte) []protocol.Promise {
	switch f.Kind {
	case KindVote, KindDecision, KindAnswer, KindAck:
	default:
		return list
	}
	fact, ok := Needs(msg)
	if !ok {
		return list
	}
	kind := KindYes
	if fact.Commit {
		kind = KindCommit
	}
	id := fact.ID
	return append(list, protocol.Promise{Kind: kind, Key: [3]uint64{uint64(id.Client), id.Transfer, uint64(id.Attempt)}, Value: 1})
}

// Keeps reports whether the node knows of a promise of Promises. What it may have forgotten
// has ended everywhere.
func (m *Manager) Keeps(p *protocol.Promise) (value uint64, known bool) {
	id := ID{protocol.NodeID(p.Key[0]), p.Key[1], uint32(p.Key[2])}
	s := m.Status(id)
	switch {
	case s == Committed || s == Committing || m.past.forgotten(id):
		return 1, true
	case p.Kind == KindYes:
		return 1, s == InDoubt || s == Aborted // told of its end since
	}
	return 0, false
}
