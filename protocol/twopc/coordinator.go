package twopc

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
)

// Begin starts the transaction id with this node as its coordinator. The
// participants, in any order, may include this node; it then votes at once and sends
// itself no message. Begin fails, and nothing happens, if there are no participants,
// one is repeated or Outside, or id is known here. payload and participants are
// copied. Decided may be called before Begin returns.
//
// An ID may be begun only once, at one node, restarts included: under presumed abort
// no node need remember what aborted, so begun again it could commit. Begin refuses
// IDs that this incarnation or the disk remembers; the rest is up to the clients,
// which number their attempts.
func (m *Manager) Begin(env *protocol.Env, id ID, payload []byte, participants []protocol.NodeID) error {
	sorted := slices.Sorted(slices.Values(participants))
	if len(sorted) == 0 {
		return fmt.Errorf("twopc: node %v begins %v without participants", env.ID(), id)
	}
	if len(slices.Compact(slices.Clone(sorted))) != len(sorted) {
		return fmt.Errorf("twopc: node %v begins %v with a participant twice: %v", env.ID(), id, sorted)
	}
	if sorted[len(sorted)-1] == protocol.Outside {
		return fmt.Errorf("twopc: node %v begins %v with participant outside", env.ID(), id)
	}
	if s := m.Status(id); s != Unknown {
		return fmt.Errorf("twopc: node %v begins %v, which is %v", env.ID(), id, s)
	}
	if m.past.forgotten(id) {
		return fmt.Errorf("twopc: node %v begins %v, which is older than what it remembers", env.ID(), id)
	}
	m.begin(env, &tx{
		id: id, coordinator: env.ID(), participants: sorted, payload: bytes.Clone(payload),
		status: Collecting, waiting: without(sorted, env.ID()),
	})
	return nil
}

func (m *Manager) begin(env *protocol.Env, t *tx) {
	m.output(env, KindBegun, Record{ID: t.id, Coordinator: t.coordinator, Participants: t.participants})
	m.enter(t)
	if has(t.participants, env.ID()) {
		if !m.judge(env, t) {
			// No other node has heard of t, so none needs to hear of its end.
			m.leave(env, t, false)
			m.outputVote(env, t, false)
			m.outputDecision(env, t, false)
			m.report(env, t, false)
			return
		}
		t.endorse(env.ID(), t.endorsement)
	}
	if len(t.waiting) == 0 {
		m.commit(env, t)
		return
	}
	m.buf = message{kind: msgPrepare, id: t.id, participants: t.participants, payload: t.payload}.append(m.buf[:0])
	for _, p := range t.waiting {
		m.cfg.Send(env, p, KindPrepare, m.buf)
	}
	m.setTimer(env, t, m.cfg.VoteTimeout)
}

// receiveVote counts a vote. A PREPARE is never repeated, so neither is a vote: if one
// is lost the transaction aborts, at the timeout.
func (m *Manager) receiveVote(env *protocol.Env, from protocol.NodeID, v message) {
	t := m.find(v.id)
	if t == nil {
		if _, known := m.past.find(v.id); known {
			m.stats.Late++ // the voter was sent the decision, and asks if that was lost
			return
		}
		m.stats.Presumed++
		m.send(env, from, message{kind: msgDecision, id: v.id})
		return
	}
	if t.coordinator != env.ID() || !has(t.participants, from) {
		m.stats.Stray++
		return
	}
	if t.status != Collecting {
		m.stats.Late++
		return
	}
	if !v.yes {
		m.abort(env, t)
		return
	}
	rest, ok := strike(t.waiting, from)
	if !ok {
		m.stats.Late++
		return
	}
	t.waiting = rest
	t.endorse(from, bytes.Clone(v.endorsement))
	if len(t.waiting) == 0 {
		m.commit(env, t)
	}
}

// commit decides. The forced record is the point of no return: before it any
// crash aborts, after it every recovery commits.
func (m *Manager) commit(env *protocol.Env, t *tx) {
	m.force(env, t.committed(false))
	t.status = Committing
	m.release(t)
	m.announce(env, t)
}

// announce makes a commit known, when it is decided and again after a restart.
func (m *Manager) announce(env *protocol.Env, t *tx) {
	if has(t.participants, env.ID()) {
		m.outputVote(env, t, true)
	}
	m.outputDecision(env, t, true)
	t.waiting = without(t.participants, env.ID())
	if len(t.waiting) == 0 {
		m.leave(env, t, true)
		m.report(env, t, true)
		m.settled = append(m.settled, t.id) // after report, which may force another
		return
	}
	m.sendDecision(env, t.waiting, t.id, true, t.endorsements)
	m.setTimer(env, t, m.cfg.AskAfter)
	m.report(env, t, true)
}

// abort decides abort while votes are missing. It writes nothing, since abort is
// presumed.
func (m *Manager) abort(env *protocol.Env, t *tx) {
	m.leave(env, t, false)
	m.outputDecision(env, t, false)
	m.sendDecision(env, without(t.participants, env.ID()), t.id, false, nil)
	m.report(env, t, false)
}

func (m *Manager) receiveAck(env *protocol.Env, from protocol.NodeID, v message) {
	t := m.find(v.id)
	if t == nil {
		m.stats.Late++
		return
	}
	if t.coordinator != env.ID() || t.status != Committing || !has(t.participants, from) {
		m.stats.Stray++
		return
	}
	rest, ok := strike(t.waiting, from)
	if !ok {
		m.stats.Late++
		return
	}
	t.waiting = rest
	if len(t.waiting) == 0 {
		m.leave(env, t, true)
		m.settled = append(m.settled, t.id)
	}
}
