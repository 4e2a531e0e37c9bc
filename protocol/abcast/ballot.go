package abcast

import (
	"cmp"
	"slices"

	"dessim/protocol"
)

// A ballot is its leader's attempt to begin a view. A node leads if those that it wants
// in the view follow it, so ballots seldom compete; if they do, the higher number wins,
// and no harm is done.
type ballot struct {
	view     uint64
	want     places // whom it asks
	since    uint64 // tick
	base     int    // the leader's commit: reports begin there
	promises []*promise
	count    int
}

// A promise is what a node reported when it promised to do nothing more in lower
// views.
type promise struct {
	inc     uint32
	adopted uint64
	commit  int
	length  int
	entries []logEntry // of its log, from the ballot's base on
	tail    []held
}

// consider decides at a tick whether to lead, and what.
func (m *membership) consider(env *protocol.Env) {
	if m.ticks < listenFirst && !m.heardAll() {
		return // a node that restarts should learn of a working view before it disturbs it
	}
	if m.follows != m.self {
		m.ballot, m.blocked = nil, 0
		return
	}
	if b := m.ballot; b != nil && !m.overtaken(b) {
		late := m.ticks-b.since >= graceAfter
		switch {
		case late && b.count >= m.majority():
			for q := range m.peers {
				if q != m.self && b.want.has(q) && !b.answered(q, &m.peers[q]) {
					m.drop(q) // it is fit and does not answer
				}
			}
			m.close(env)
			return
		case !late || slices.Equal(b.want, m.want):
			m.sendPrepare(env)
			return
		} // else it waits in vain for a node that was cut off since
	}
	m.ballot = nil
	want := m.want
	if !m.changeNeeded(want) {
		m.blocked = 0
		return
	}
	if !m.allFollow(want) {
		m.blocked++
		if m.blocked <= graceAfter {
			return // they may not have noticed yet
		}
		if want = m.followers(); want == nil || !m.changeNeeded(want) {
			return
		}
	}
	m.blocked = 0
	m.begin(env, want)
}

// overtaken reports whether a node that the ballot asks has promised a higher view, so
// that it will not answer.
func (m *membership) overtaken(b *ballot) bool {
	for q := range m.peers {
		if b.want.has(q) && m.peers[q].promised > b.view {
			return true
		}
	}
	return m.promised > b.view
}

func (m *membership) heardAll() bool {
	for q := range m.peers {
		if q != m.self && m.peers[q].inc == 0 {
			return false
		}
	}
	return true
}

// changeNeeded reports whether the view is not what it should be: of the nodes in want.
func (m *membership) changeNeeded(want places) bool {
	if !m.normal {
		return true
	}
	for q := range m.peers {
		if q == m.self {
			continue
		}
		p := &m.peers[q]
		in := want.has(q)
		if in != (m.members[q] != 0) || in && (p.inc != m.members[q] || p.promised > m.view) {
			return true
		}
	}
	return false
}

// begin begins a ballot above all views that this node heard of.
func (m *membership) begin(env *protocol.Env, want places) {
	n := uint64(len(m.peers))
	highest := m.promised
	for q := range m.peers {
		highest = max(highest, m.peers[q].promised)
	}
	v := (highest/n+1)*n + uint64(m.self)
	m.join(env, v)
	m.stats.Ballots++
	m.ballot = &ballot{view: v, want: want, since: m.ticks, base: m.log.commit, promises: make([]*promise, n), count: 1}
	m.ballot.promises[m.self] = &promise{
		inc:     m.inc,
		adopted: m.log.adopted,
		commit:  m.log.commit,
		length:  len(m.log.entries),
		entries: slices.Clone(m.log.entries[m.log.commit:]),
		tail:    m.tail(),
	}
	m.sendPrepare(env)
	m.maybeClose(env)
}

// join promises view v. It syncs, since a promise forgotten in a crash could lose
// stable messages: the node would report in a lower view what the higher one lacks.
func (m *membership) join(env *protocol.Env, v uint64) {
	m.promised, m.normal = v, false
	m.ahead = nil
	m.persist(env, appendPromised(m.out[:0], v))
	env.Sync()
	m.log.synced()
}

// tail returns what the rule holds and has not ordered.
func (m *membership) tail() []held {
	if m.rule == nil {
		return nil
	}
	return m.rule.held()
}

// answered reports whether the node has promised in its latest incarnation.
func (b *ballot) answered(q int, p *peer) bool {
	return b.promises[q] != nil && b.promises[q].inc >= p.inc
}

func (m *membership) sendPrepare(env *protocol.Env) {
	b := m.ballot
	for q := range m.peers {
		if b.want.has(q) && q != m.self && !b.answered(q, &m.peers[q]) {
			m.datagram(env, q, KindViewPrepare, appendPrepare(m.head(opPrepare), b.view, b.base))
		}
	}
}

func (m *membership) prepare(env *protocol.Env, q int, d *datagram) {
	if m.leader(d.view) != q {
		m.stats.Foreign++
		return
	}
	if d.view > m.promised {
		m.ballot = nil
		m.join(env, d.view)
	} else if d.view < m.promised || m.log.adopted >= d.view {
		// No answer: a heartbeat tells the leader of higher promises. And a node
		// in the view must not freeze in it again.
		m.stray(q)
		return
	}
	from := min(d.base, len(m.log.entries))
	b := appendPromise(m.head(opPromise), d.view, m.log.adopted, m.log.commit, len(m.log.entries))
	b = appendReport(b, m.log.entries[from:], m.tail())
	m.datagram(env, q, KindViewPromise, b)
}

func (m *membership) promise(env *protocol.Env, q int, d *datagram) {
	m.peers[q].promised = max(m.peers[q].promised, d.view)
	b := m.ballot
	if b == nil || b.view != d.view || !b.want.has(q) {
		m.stats.Stray++
		return
	}
	if d.length != min(b.base, d.length)+len(d.entries) || d.commit > d.length {
		m.stats.Malformed++
		return
	}
	if b.promises[q] == nil {
		b.count++
	} else if d.inc < b.promises[q].inc {
		m.stats.Stray++
		return
	}
	b.promises[q] = &promise{d.inc, d.adopted, d.commit, d.length, d.entries, d.tail}
	m.maybeClose(env)
}

// maybeClose closes the ballot once every node that it asks has promised.
func (m *membership) maybeClose(env *protocol.Env) {
	b := m.ballot
	for q := range m.peers {
		if b.want.has(q) && q != m.self && !b.answered(q, &m.peers[q]) {
			return
		}
	}
	m.close(env)
}

// best returns the report whose log the view goes on with: adopted in the highest
// view, and of those the longest. What was stable in any lower view is in it.
func (b *ballot) best() *promise {
	var best *promise
	for _, p := range b.promises {
		if p != nil && (best == nil || cmp.Or(cmp.Compare(p.adopted, best.adopted), cmp.Compare(p.length, best.length)) > 0) {
			best = p
		}
	}
	return best
}

// close ends the ballot: the leader adopts the best log and sends it to the nodes
// that promised.
func (m *membership) close(env *protocol.Env) {
	b := m.ballot
	m.ballot = nil
	best := b.best()
	old := slices.Clone(m.log.entries[b.base:])
	m.log.cut(b.base)
	m.log.extend(best.entries)
	flushed := m.flush(b, best.adopted)
	m.log.extend(flushed)
	m.stats.Flushed += uint64(len(flushed))
	m.bases = make([]int, len(m.peers))
	var members []Member
	for q, p := range b.promises {
		if p != nil {
			members = append(members, Member{m.cfg.Members[q], p.inc})
			m.bases[q] = min(p.commit, len(m.log.entries))
		}
	}
	m.log.extend([]logEntry{{view: b.view, members: members}})
	m.opened = len(m.log.entries)
	m.adopt(env, b.view, b.base, old)
	for q := range b.promises {
		if b.promises[q] != nil && q != m.self {
			m.sendNewView(env, q)
		}
	}
	m.enter(env, members)
}

// flush returns the messages that the view begins with though no rule ordered them:
// those that reporters of the best log's view hold. What other reporters hold is of
// older views, and its origins, if alive, broadcast it again. Safety does not depend
// on flush: it is for messages whose origin crashed.
func (m *membership) flush(b *ballot, adopted uint64) []logEntry {
	var all []held
	at := map[MsgID]int{}
	for _, p := range b.promises {
		if p == nil || p.adopted != adopted {
			continue
		}
		for _, h := range p.tail {
			i, known := at[h.id]
			switch {
			case m.log.has(h.id):
			case !known:
				at[h.id] = len(all)
				all = append(all, h)
			default:
				all[i] = all[i].merge(h)
			}
		}
	}
	all = slices.DeleteFunc(all, func(h held) bool { return !h.here })
	slices.SortFunc(all, held.compare)
	return inOrderOfSeqs(all)
}

// inOrderOfSeqs puts the messages of each origin in the order of their seqs, in the
// places that they have among all: a later one's agreed stamp may be below an
// earlier one's proposals.
func inOrderOfSeqs(all []held) []logEntry {
	bySeq := slices.Clone(all)
	slices.SortFunc(bySeq, func(a, b held) int { return a.id.Compare(b.id) })
	next := map[Member]int{}
	for i := len(bySeq) - 1; i >= 0; i-- {
		next[bySeq[i].id.Origin()] = i
	}
	entries := make([]logEntry, len(all))
	for i, h := range all {
		k := next[h.id.Origin()]
		next[h.id.Origin()]++
		entries[i].m = Message{bySeq[k].id, bySeq[k].payload}
	}
	return entries
}

// held is a message that a rule holds and has not ordered, with what is known of
// its place.
type held struct {
	id      MsgID
	here    bool // the payload is known
	payload []byte
	agreed  bool // the stamp is final
	stamp   stamp
}

// merge combines what two members know of a message. An agreed stamp wins, else the
// greater proposal.
func (h held) merge(o held) held {
	payload, here := h.payload, h.here
	if !here {
		payload, here = o.payload, o.here
	}
	if o.agreed && !h.agreed || o.agreed == h.agreed && o.stamp.compare(h.stamp) > 0 {
		h = o
	}
	h.payload, h.here = payload, here
	return h
}

func (h held) compare(o held) int {
	return cmp.Or(h.stamp.compare(o.stamp), h.id.Compare(o.id))
}
