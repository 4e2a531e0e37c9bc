package twopc

import (
	"bytes"
	"slices"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// Restore folds one record that survived, before Start, oldest first. rec is
// borrowed.
//
// Of the records that no sync had made safe any subset may have survived, and some
// torn. No promise rests on one of them, nor on an earlier one having survived
// because a later one did: what depends on a record is sent, reported or recorded
// after its sync. A record that is torn or damaged counts as lost, and is counted in
// Stats. If it had been safe, promises are broken: a host may prefer not to go on.
func (m *Manager) Restore(rec []byte) {
	m.records++
	rec, ok := seal.Open(rec)
	if !ok {
		m.stats.Corrupt++
		return
	}
	v, ok := decodeRecord(rec)
	if !ok {
		m.stats.Malformed++
		return
	}
	m.restored = true
	t := m.find(v.id)
	switch v.kind {
	case recPrepared, recCommit:
		if t == nil && m.Status(v.id) == Unknown {
			t = restored(v)
			m.enter(t)
			if t.status == InDoubt { // a coordinator releases when it commits
				m.reserve(t)
			}
		}
	case recDecided:
		if t != nil && t.status == InDoubt {
			t.endorsements = cloneEndorsements(v.endorsements)
			t.decided = true
		}
	case recAbort:
		m.restoreEnd(t, outcome{id: v.id})
	case recEnded:
		m.restoreEnd(t, outcome{v.id, true, cloneEndorsements(v.endorsements)})
	case recFloor:
		m.past.raise(v.id)
	case recEnd:
		if t != nil && (t.status == Committing || t.decided) { // else it is unknown which commit ended
			m.restoreEnd(t, outcome{v.id, true, t.endorsements})
		}
	}
}

// restored makes the open transaction that v describes.
func restored(v record) *tx {
	t := &tx{
		id: v.id, coordinator: v.coordinator, participants: v.participants, payload: bytes.Clone(v.payload),
		keys: cloneKeys(v.keys), status: InDoubt, endorsement: bytes.Clone(v.endorsement),
	}
	if v.kind == recCommit {
		t.status = Committing
		t.endorsements = cloneEndorsements(v.endorsements)
	}
	return t
}

func (m *Manager) restoreEnd(t *tx, o outcome) {
	if t != nil {
		m.close(t)
	}
	m.past.add(o)
}

// Start begins an incarnation, after every Restore: it reports and sends commits
// that had not ended, and asks about transactions in doubt. It does not vote again:
// a yes that was recorded but did not leave before the crash never leaves.
//
// First it forces what it restored. A record may have survived one crash by luck,
// without having been forced; what is now sent to others must survive the next. The
// yes of a transaction in doubt is output again: it binds this incarnation from now
// on, and the one before may have crashed between the record and the output.
func (m *Manager) Start(env *protocol.Env) {
	if m.restored {
		env.Sync()
	}
	for _, t := range slices.Clone(m.open) { // report may open and end others
		switch {
		case t.status == Committing:
			t.coordinator = env.ID() // which its own record does not say
			m.announce(env, t)
		case t.decided:
			m.finishCommit(env, t)
		case t.status == InDoubt:
			m.outputVote(env, t, true)
			m.ask(env, t)
		}
	}
}
