package abcast

import (
	"time"

	"dessim/protocol"
)

// The bounds of failure detection, in ticks.
const (
	maxPause  = 32           // from a node's dropping out until it may come back, after many times; after the first, 1
	calmAfter = 4 * maxPause // from a node's dropping out until that is forgotten
)

// kindTick is the question how much longer than usual the next tick is.
var kindTick = protocol.KindOf("view.tick")

// NextTick returns the time until the next tick: tick, or up to a quarter more by an
// answer. Without it, what happens periodically, such as a link that fails for half of
// each tick, could hit each heartbeat of a node. Other Orderers use it too.
func NextTick(env *protocol.Env, tick time.Duration) time.Duration {
	return tick + time.Duration(env.Choose(kindTick, 8))*(tick/32)
}

// detect computes, once a tick, what this node makes of the heartbeats: whether it could
// lead a view, of whom, and whom it follows. See the package comment.
func (m *membership) detect() {
	clear(m.hears)
	candidates := newPlaces(len(m.peers))
	for q := range m.peers {
		if m.alive(q) {
			m.hears.add(q)
			if m.connected(q) {
				candidates.add(q)
			}
		}
	}
	fit := m.choose(candidates)
	m.watch(fit)
	m.fit, m.want = fit, fit
	damped := false
	for q := range m.peers {
		if candidates.has(q) && !m.admits(q) {
			candidates.remove(q)
			damped = true
		}
	}
	if damped {
		if want := m.choose(candidates); want != nil {
			m.want = want
		} else {
			damped = false // without those that pause there is no majority
		}
	}
	m.follows = nobody
	for q := range m.peers {
		if q == m.self && fit != nil || m.peers[q].able && m.connected(q) && (!damped || m.admits(q)) {
			m.follows = q
			break
		}
	}
}

// nobody is the place of no node.
const nobody = -1

func (m *membership) choose(candidates places) places {
	return choose(m.self, m.majority(), candidates, func(q int) places { return m.peers[q].hears })
}

// alive reports whether the node was heard lately.
func (m *membership) alive(q int) bool {
	p := &m.peers[q]
	return q == m.self || p.inc != 0 && m.ticks-p.heard < suspectAfter
}

// connected reports whether this node and q hear each other.
func (m *membership) connected(q int) bool {
	return q == m.self || m.alive(q) && m.peers[q].hears.has(m.self)
}

// watch notes who drops out of the view that this node would lead.
func (m *membership) watch(fit places) {
	if fit == nil {
		return // this node is cut off, which is no fault of the others
	}
	for q := range m.peers {
		p := &m.peers[q]
		switch {
		case !fit.has(q):
			in := m.members[q] != 0 || !m.normal && m.leader(m.promised) == q
			if in && m.fit != nil && m.fit.has(q) {
				m.drop(q)
			}
		case m.ticks-p.dropped >= calmAfter:
			p.pause = 0
		}
	}
}

// drop notes that a node of the view, or the leader of a ballot, dropped out. It may come
// back after a pause, which is longer each time: so a link that flaps changes the view
// ever less often, and still lets its nodes in now and then.
func (m *membership) drop(q int) {
	p := &m.peers[q]
	p.dropped = m.ticks
	p.pause = min(max(2*p.pause, 1), maxPause)
}

// admits reports whether the node is in the view of this node or may come in.
func (m *membership) admits(q int) bool {
	p := &m.peers[q]
	return q == m.self || m.members[q] != 0 || m.ticks-p.dropped > p.pause
}

// followed reports whether the node follows this one, or will as soon as it learns that
// this one could lead.
func (m *membership) followed(q int) bool {
	p := &m.peers[q]
	return q == m.self || p.follows == m.self || !p.works && p.follows > m.self
}

// allFollow reports whether all of a set do.
func (m *membership) allFollow(set places) bool {
	for q := range m.peers {
		if set.has(q) && !m.followed(q) {
			return false
		}
	}
	return true
}

// followers returns the members of a view without those that follow another node.
func (m *membership) followers() places {
	candidates := newPlaces(len(m.peers))
	for q := range m.peers {
		if m.connected(q) && m.followed(q) {
			candidates.add(q)
		}
	}
	return m.choose(candidates)
}
