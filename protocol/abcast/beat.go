package abcast

import (
	"slices"

	"dessim/protocol"
)

// The pace of heartbeats, in ticks.
const (
	beatEvery = 3 // from a heartbeat to the next one, if there is nothing new to say
	askAfter  = 4 // silence after which a node is asked to say something, at each tick: a heartbeat is late
)

// A statement is what heartbeats say, but for their numbers and questions.
type statement struct {
	promised uint64
	adopted  uint64
	normal   bool   // in view adopted
	next     uint64 // frame of the receiver's that is wanted; 0 in no view
	hears    places
	able     bool
	follows  int // place, or nobody
}

// A spoken is what was last said to a node.
type spoken struct {
	statement
	at   uint64 // tick
	owed bool   // a message came since then that one would not send who knew that
}

// statement returns what this node has to say to q. It shares hears.
func (m *membership) statement(q int) statement {
	s := statement{m.promised, m.log.adopted, m.normal, 0, m.hears, m.fit != nil, m.follows}
	if m.normal {
		s.next = m.chans[q].next
	}
	return s
}

// equal reports whether both say the same.
func (s *statement) equal(o *statement) bool {
	return s.promised == o.promised && s.adopted == o.adopted && s.normal == o.normal && s.next == o.next &&
		s.able == o.able && s.follows == o.follows && slices.Equal(s.hears, o.hears)
}

// due reports whether q gets a heartbeat at this tick.
func (m *membership) due(q int) bool {
	last, now := &m.spoken[q], m.statement(q)
	return m.ticks-last.at >= beatEvery || last.owed || m.alive(q) && m.asks(q) || !now.equal(&last.statement)
}

// asks reports whether q is to answer: nothing came from it for some ticks, or ever.
func (m *membership) asks(q int) bool {
	p := &m.peers[q]
	return p.inc == 0 || m.ticks-p.heard >= askAfter
}

// beat sends q a heartbeat.
func (m *membership) beat(env *protocol.Env, q int) {
	now, last := m.statement(q), &m.spoken[q]
	m.seen = now.hears.appendTo(m.seen[:0])
	m.datagram(env, q, KindHeartbeat, appendHeartbeat(m.head(opHeartbeat), now.promised, now.adopted, now.normal, now.next,
		sight{m.beats, m.seen, now.able, now.follows, m.asks(q)}))
	copy(last.hears, now.hears)
	now.hears = last.hears
	*last = spoken{statement: now, at: m.ticks}
}

// beatAll sends each other node a heartbeat.
func (m *membership) beatAll(env *protocol.Env) {
	for q := range m.peers {
		if q != m.self {
			m.beat(env, q)
		}
	}
}

// stray notes that q sent what it would not send if it knew what this node said: so that
// was lost, or is on its way.
func (m *membership) stray(q int) {
	m.stats.Stray++
	m.spoken[q].owed = true
}

func (m *membership) heartbeat(env *protocol.Env, q int, d *datagram) {
	p := &m.peers[q]
	if d.inc < p.inc {
		m.stats.Stray++
		return
	}
	if d.follows >= len(m.peers) || !within(len(m.peers), d.hears) {
		m.stats.Malformed++
		return
	}
	if d.beat >= p.beat { // else it was overtaken
		p.hears.read(d.hears)
		p.beat, p.able, p.follows, p.works = d.beat, d.able, d.follows, d.normal
	}
	p.promised = max(p.promised, d.promised)
	p.adopted = max(p.adopted, d.adopted)
	if d.normal && d.adopted == m.view && m.members[q] == d.inc {
		m.chans[q].acknowledged(d.next)
	}
	if m.normal && d.adopted > m.promised {
		// A majority goes on without this node. Nothing that it does in its
		// view can become stable any more.
		m.normal = false
		m.stats.Excluded++
	}
	if d.asks {
		m.beats++
		m.beat(env, q)
	}
}
