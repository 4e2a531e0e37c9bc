package twopc

import (
	"fmt"
	"math"

	"dessim/protocol"
)

// Discard says that a Manager may discard records: those on the node's disk are its own
// and its host's, and no other component's.
//
// Once most records are about what has ended, the Manager discards all of them and
// writes down again what still matters: the transactions in doubt, the commits that not
// all have acknowledged, and of the last Config.Remember transactions of each client how
// they ended. It forces that, twice if the host persisted anything for a commit since
// the last forced record. So the disk has at most about twice as many records of the
// Manager as matter, and Records.
type Discard struct {
	// Records is how many records beyond that are not worth the effort: at least 1.
	Records int
	// Checkpoint, if not nil, persists again what the host needs of its own records,
	// which are discarded too. It must not call the Manager. If the node crashes before
	// all is forced, the old records are there after the restart, and any of the new ones:
	// the host must bear to read its records twice.
	Checkpoint func(env *protocol.Env)

	eager bool // for tests: at the end of every step that has a record
}

func (d *Discard) check() {
	if d != nil && d.Records < 1 {
		panic(fmt.Sprintf("twopc: Config.Discard.Records is %d, want at least 1", d.Records))
	}
}

// tidy discards what has become too much. It is called at the end of a step, when
// nothing is under way.
func (m *Manager) tidy(env *protocol.Env) {
	d := m.cfg.Discard
	if d == nil || m.records == 0 {
		return
	}
	if !d.eager && (m.records <= d.Records || m.records <= d.Records+2*m.Live()) { // Live walks all clients
		return
	}
	if len(m.settled) > 0 {
		env.Sync() // so they end: see Checkpoint
	}
	env.Discard(math.MaxUint64)
	m.records = 0
	m.Checkpoint(env)
	if d.Checkpoint != nil {
		d.Checkpoint(env)
	}
	env.Sync()
}

// Live returns the number of records that Checkpoint would write.
func (m *Manager) Live() int { return len(m.open) + m.past.len() }

// Checkpoint writes down again what still matters of the Manager's records: for a host
// without Config.Discard whose disk is shared, and which discards the older records of
// all that share it. It calls Sync, Discard of all records, Checkpoint and Sync, in this
// order, at the end of a step: not from within a call of the Manager.
func (m *Manager) Checkpoint(env *protocol.Env) {
	m.settled = m.settled[:0] // they have ended, as after any forced record: see force
	for i := range m.past.clients {
		m.checkpointWindow(env, &m.past.clients[i])
	}
	for _, t := range m.open {
		switch {
		case t.status == InDoubt && !m.holds(t):
			m.persist(env, t.prepared(true)) // before the one that holds its keys: see release
		case t.status == Committing:
			m.persist(env, t.committed(true))
		}
	}
	for _, t := range m.open {
		if t.status == InDoubt && m.holds(t) {
			m.persist(env, t.prepared(true))
		}
	}
}

func (m *Manager) checkpointWindow(env *protocol.Env, w *window) {
	if w.forgot {
		m.persist(env, record{kind: recFloor, again: true, id: w.floor})
	}
	for i := range w.ended {
		r := record{kind: recAbort, again: true, id: w.ended[i].id}
		if w.ended[i].commit {
			r.kind, r.endorsements = recEnded, w.ended[i].endorsements
		}
		m.persist(env, r)
	}
}

// prepared returns the record of t's yes here.
func (t *tx) prepared(again bool) record {
	return record{kind: recPrepared, again: again, id: t.id, coordinator: t.coordinator, participants: t.participants,
		payload: t.payload, keys: t.keys, endorsement: t.endorsement}
}

// committed returns the coordinator's record of t's commit.
func (t *tx) committed(again bool) record {
	return record{kind: recCommit, again: again, id: t.id, participants: t.participants,
		payload: t.payload, keys: t.keys, endorsements: t.endorsements}
}
