package abcast

import (
	"bytes"
	"slices"

	"dessim/protocol"
)

// newView takes the outcome of a ballot.
func (m *membership) newView(env *protocol.Env, q int, d *datagram) {
	members := d.entries[len(d.entries)-1].members
	if m.leader(d.view) != q || len(members) < m.majority() || !m.knows(members) {
		m.stats.Foreign++
		return
	}
	i := slices.Index(members, Member{m.cfg.Members[m.self], m.inc})
	if d.view < m.promised || m.log.adopted >= d.view || i < 0 {
		m.stray(q)
		return
	}
	if d.base > len(m.log.entries) || d.base+len(d.entries) < m.log.commit {
		m.stats.Malformed++
		return
	}
	old := slices.Clone(m.log.entries[d.base:])
	m.log.cut(d.base) // what follows may be another history
	m.log.extend(d.entries)
	m.adopt(env, d.view, d.base, old)
	m.enter(env, members)
}

// knows reports whether all members are nodes of the universe.
func (m *membership) knows(members []Member) bool {
	for _, l := range members {
		if _, ok := m.place(l.Node); !ok {
			return false
		}
	}
	return true
}

// adopt makes the log durable as that of view v. From base on it replaces old. It
// is one record: half of it would be a log that no view had.
func (m *membership) adopt(env *protocol.Env, v uint64, base int, old []logEntry) {
	m.ballot = nil
	m.promised = max(m.promised, v)
	m.log.adopted = v
	m.persist(env, appendAdopt(m.out[:0], v, base, m.log.entries[base:]))
	env.Sync()
	m.log.written = len(m.log.entries)
	m.log.synced()

	same := 0
	for same < len(old) && base+same < len(m.log.entries) && old[same].same(&m.log.entries[base+same]) {
		same++
	}
	m.stats.Cut += uint64(len(old) - same)
	m.stats.Learned += uint64(len(m.log.entries) - base - same)
}

// enter begins to work in the view whose log was just adopted. What the last view
// left is void: its rule, its channels, and what its members reported.
func (m *membership) enter(env *protocol.Env, members []Member) {
	m.view, m.normal = m.log.adopted, true
	m.placed = m.log.handed + uint64(m.log.waiting()) // a view begins at the end of its log
	m.stats.Installed++
	clear(m.members)
	clear(m.chans)
	clear(m.stable)
	ids := make([]protocol.NodeID, len(members))
	for i, l := range members {
		q, _ := m.place(l.Node)
		m.members[q] = l.Incarnation
		ids[i] = l.Node
	}
	m.rule = newRule(m.cfg.Order, &view{
		self:    m.last.Node,
		members: ids,
		send:    m.send,
		order:   m.log.order,
		stats:   &m.stats,
	})
	m.sendStable(env)
	for _, msg := range m.outbox {
		if !m.log.has(msg.ID) {
			m.rule.broadcast(env, msg)
		}
	}
	m.catchUp(env)
}

// sendStable reports the safe length of the log to all members.
func (m *membership) sendStable(env *protocol.Env) {
	m.stable[m.self] = m.log.safe
	m.counted = false
	m.body = appendStable(m.body[:0], m.log.safe)
	for q, inc := range m.members {
		if inc != 0 && q != m.self {
			m.send(env, m.cfg.Members[q], KindStable, m.body)
		}
	}
}

// sendNewView sends a member of the view that this node led the log with which the
// view begins, from where the member's own may differ.
func (m *membership) sendNewView(env *protocol.Env, q int) {
	b := appendNewView(m.head(opNewView), m.log.adopted, m.bases[q], m.log.entries[m.bases[q]:m.opened])
	m.datagram(env, q, KindNewView, b)
}

// repeatNewView sends the log again if the member seems to lack it.
func (m *membership) repeatNewView(env *protocol.Env, q int) {
	p := &m.peers[q]
	if m.leader(m.view) == m.self && p.inc == m.members[q] && p.promised == m.view && p.adopted < m.view {
		m.sendNewView(env, q)
	}
}

// endStep does what follows from a step: writes, syncs and reports what was
// ordered, and delivers what is stable. Deliver may broadcast, and in a small view
// that orders more, so endStep goes on until nothing is left.
func (m *membership) endStep(env *protocol.Env) {
	if m.ending {
		return
	}
	m.ending = true
	for {
		m.write(env)
		m.advance(env)
		if !m.deliver(env) {
			break
		}
	}
	m.ending = false
}

// write writes what was ordered, and reports it now or after Views.Merge. Nothing
// is reported before it is synced.
func (m *membership) write(env *protocol.Env) {
	for m.log.written < len(m.log.entries) {
		i := m.log.written
		m.persist(env, appendAppended(m.out[:0], i, &m.log.entries[i]))
		m.log.written++
	}
	if m.log.safe == m.log.written {
		return
	}
	if m.cfg.Views.Merge == 0 {
		m.report(env)
	} else if !m.merging {
		m.merging = true
		env.SetTimer(m.cfg.Views.Merge, tagMerge)
	}
}

// report syncs what was written and reports it to the members.
func (m *membership) report(env *protocol.Env) {
	if m.log.safe == m.log.written {
		return // a promise or a view synced it meanwhile
	}
	env.Sync()
	m.log.synced()
	if m.normal {
		m.sendStable(env)
	}
}

// advance computes how much of the log a majority of the universe reported in this
// view.
func (m *membership) advance(env *protocol.Env) {
	if !m.normal || m.counted {
		return
	}
	m.counted = true
	m.lens = m.lens[:0]
	for q, inc := range m.members {
		if inc != 0 {
			m.lens = append(m.lens, m.stable[q])
		}
	}
	slices.Sort(m.lens)
	c := min(len(m.log.entries), m.lens[len(m.lens)-m.majority()])
	if c > m.log.commit {
		m.log.commit = c
		m.persist(env, appendCommit(m.out[:0], c)) // a hint: it stays true, and its loss does no harm
	}
}

// deliver hands over what is stable and was not handed over in this incarnation. It
// reports whether there was anything.
func (m *membership) deliver(env *protocol.Env) (any bool) {
	for m.log.delivered < m.log.commit {
		e := &m.log.entries[m.log.delivered]
		m.log.delivered++
		any = true
		if e.view != 0 {
			v := View{Number: e.view, Members: e.members, Place: m.log.handed}
			m.out = AppendView(m.out[:0], v)
			env.Output(KindViewed, m.out)
			if m.cfg.Views.Changed != nil {
				m.cfg.Views.Changed(env, v)
			}
			continue
		}
		if len(m.outbox) > 0 && m.outbox[0].ID == e.m.ID {
			m.outbox = m.outbox[1:]
		}
		index := m.log.handed
		m.log.handed++
		m.out = AppendDelivered(m.out[:0], index, e.m.ID)
		env.Output(KindDelivered, m.out)
		m.cfg.Deliver(env, index, Message{e.m.ID, bytes.Clone(e.m.Payload)})
	}
	return any
}
