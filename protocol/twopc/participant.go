package twopc

import (
	"bytes"

	"dessim/protocol"
)

// receivePrepare votes, once. A copied PREPARE is ignored while its transaction is
// open: the vote has left or, after a crash between record and vote, never will.
func (m *Manager) receivePrepare(env *protocol.Env, from protocol.NodeID, v message) {
	if !has(v.participants, env.ID()) {
		m.stats.Stray++
		return
	}
	if m.find(v.id) != nil {
		m.stats.Late++
		return
	}
	o, known := m.past.find(v.id)
	switch {
	case known && o.commit:
		m.stats.Late++
		return
	case known, m.past.forgotten(v.id):
		// If it aborted on another node's question, the coordinator still waits for
		// this vote.
		m.stats.Late++
		m.send(env, from, message{kind: msgVote, id: v.id})
		return
	}
	m.vote(env, &tx{id: v.id, coordinator: from, participants: v.participants, payload: bytes.Clone(v.payload)})
}

func (m *Manager) vote(env *protocol.Env, t *tx) {
	if !m.judge(env, t) {
		t.status = Refused
		m.enter(t)
		m.send(env, t.coordinator, message{kind: msgVote, id: t.id})
		m.setTimer(env, t, m.cfg.AskAfter)
		return
	}
	t.status = InDoubt
	m.enter(t)
	m.force(env, t.prepared(false))
	m.outputVote(env, t, true)
	m.send(env, t.coordinator, message{kind: msgVote, id: t.id, yes: true, endorsement: t.endorsement})
	m.setTimer(env, t, m.cfg.AskAfter)
}

func (m *Manager) receiveDecision(env *protocol.Env, from protocol.NodeID, v message) {
	t := m.find(v.id)
	switch {
	case t == nil && v.yes:
		m.acknowledgeAgain(env, from, v.id)
	case t == nil:
		m.stats.Late++
		m.past.add(outcome{id: v.id}) // a later PREPARE is too late
	case t.coordinator != from:
		m.stats.Stray++
	default:
		m.learn(env, t, v.yes, v.endorsements)
	}
}

// acknowledgeAgain answers a commit that is not open here. A node that is sent a
// commit has voted yes and recorded it; so this one ended the transaction, and has
// perhaps forgotten it.
func (m *Manager) acknowledgeAgain(env *protocol.Env, from protocol.NodeID, id ID) {
	o, known := m.past.find(id)
	if known && o.commit || m.past.forgotten(id) {
		m.stats.Late++
		m.send(env, from, message{kind: msgAck, id: id})
		return
	}
	m.stats.Stray++ // it aborted, or this node never voted
}

// learn decides as others have.
func (m *Manager) learn(env *protocol.Env, t *tx, commit bool, e []Endorsement) {
	switch {
	case commit && t.status == InDoubt && t.endorsedByAll(e):
		m.decideCommit(env, t, e)
	case commit:
		m.stats.Stray++ // no commit without this node's yes and the others'
	case t.status == InDoubt || t.status == Refused:
		m.decideAbort(env, t)
	}
}

// decideCommit forces the decision, so that the acknowledgement may leave.
func (m *Manager) decideCommit(env *protocol.Env, t *tx, e []Endorsement) {
	t.endorsements = cloneEndorsements(e)
	m.force(env, record{kind: recDecided, id: t.id, endorsements: t.endorsements})
	m.finishCommit(env, t)
}

// finishCommit does what follows the forced decision, at once or after a restart.
func (m *Manager) finishCommit(env *protocol.Env, t *tx) {
	m.leave(env, t, true)
	m.outputDecision(env, t, true)
	m.report(env, t, true)
	m.settled = append(m.settled, t.id) // after report, which may force another
	m.send(env, t.coordinator, message{kind: msgAck, id: t.id})
}

// decideAbort ends a doubt, or the wait after a no. The record is not forced. Without
// it a node that was in doubt is in doubt again, and learns the same. A node that
// voted no may without it vote yes on a late copied PREPARE; but the coordinator has
// aborted for good, and will say so.
func (m *Manager) decideAbort(env *protocol.Env, t *tx) {
	refused := t.status == Refused
	m.leave(env, t, false)
	if refused {
		m.outputVote(env, t, false)
	}
	m.outputDecision(env, t, false)
	m.report(env, t, false)
	m.persist(env, record{kind: recAbort, id: t.id})
}

// forceAbort makes sure that this node, which has not voted yes on t, never
// will, and so decides abort on its own.
func (m *Manager) forceAbort(env *protocol.Env, t *tx) {
	m.force(env, record{kind: recAbort, id: t.id})
	m.leave(env, t, false)
	m.outputVote(env, t, false)
	m.outputDecision(env, t, false)
	m.report(env, t, false)
}

// ask asks about a decision: first the coordinator, from the second time on the other
// participants too (cooperative termination).
func (m *Manager) ask(env *protocol.Env, t *tx) {
	v := message{kind: msgAsk, id: t.id, coordinator: t.coordinator}
	m.stats.Asked++
	m.send(env, t.coordinator, v)
	if t.asks > 0 {
		for _, p := range t.participants {
			if p != env.ID() && p != t.coordinator {
				m.stats.Asked++
				m.send(env, p, v)
			}
		}
	}
	t.asks++
	if t.tag == 0 {
		m.setTimer(env, t, m.cfg.AskAfter) // recovered: asks at once
		return
	}
	m.pause(env, t, AskAgain)
}

// Returned reports that node is in a new incarnation, so that what was sent to the one
// before may be lost: a host passes this on from its links. If node coordinates a
// transaction in doubt here, it is asked at once: else the doubt would outlast the
// crash by the time to the next question. The pauses between questions begin anew.
func (m *Manager) Returned(env *protocol.Env, node protocol.NodeID) {
	for _, t := range m.open {
		if t.status == InDoubt && t.coordinator == node {
			m.stats.Asked++
			m.send(env, node, message{kind: msgAsk, id: t.id, coordinator: node})
			t.tries = 0
			m.setTimer(env, t, m.cfg.AskAfter)
		}
	}
}

// receiveAsk answers, as coordinator or participant. Every answer but "in doubt" stays
// true for ever, so that copies and delays of answers do no harm.
func (m *Manager) receiveAsk(env *protocol.Env, from protocol.NodeID, v message) {
	if t := m.find(v.id); t != nil {
		m.answerOpen(env, from, t, v)
		return
	}
	reply := message{kind: msgAnswer, id: v.id}
	o, known := m.past.find(v.id)
	switch {
	case known && o.commit:
		reply.outcome, reply.endorsements = saysCommit, o.endorsements
	case known:
		reply.outcome = saysAbort
	case v.coordinator == env.ID():
		m.stats.Presumed++
		reply.outcome = saysAbort
	case m.past.forgotten(v.id):
		reply.outcome = saysDoubt
	default:
		t := &tx{id: v.id, coordinator: v.coordinator, status: Refused}
		m.enter(t)
		m.forceAbort(env, t)
		reply.outcome = saysAbort
	}
	m.send(env, from, reply)
}

func (m *Manager) answerOpen(env *protocol.Env, from protocol.NodeID, t *tx, v message) {
	if t.coordinator != v.coordinator || !has(t.participants, from) {
		m.stats.Stray++
		return
	}
	reply := message{kind: msgAnswer, id: v.id, outcome: saysDoubt}
	switch t.status {
	case Committing:
		reply.outcome, reply.endorsements = saysCommit, t.endorsements
	case Refused:
		m.forceAbort(env, t)
		reply.outcome = saysAbort
	}
	m.send(env, from, reply)
}

func (m *Manager) receiveAnswer(env *protocol.Env, from protocol.NodeID, v message) {
	t := m.find(v.id)
	if t == nil {
		m.stats.Late++
		return
	}
	if from != t.coordinator && !has(t.participants, from) {
		m.stats.Stray++
		return
	}
	if t.status != InDoubt {
		m.stats.Late++
		return
	}
	switch v.outcome {
	case saysCommit:
		m.learn(env, t, true, v.endorsements)
	case saysAbort:
		m.learn(env, t, false, nil)
	}
}
