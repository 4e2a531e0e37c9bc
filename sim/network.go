package sim

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
)

// network holds a plan's links in the form that send needs.
type network struct {
	link  *Link
	pairs map[[2]protocol.NodeID]*Link         // rules for two nodes; nil if there are none
	from  []*Link                              // by node, rules for all that it sends; nil if there are none
	to    []*Link                              // likewise, for all that is sent to it
	last  map[[2]protocol.NodeID]protocol.Time // the latest arrival on a FIFO link, if it is to come
	most  int                                  // size of last at which it is looked through
	fifo  bool                                 // some link is FIFO, so last is kept

	faults *linkFaults // nil if there are none
}

func (w *network) init(p *Plan) {
	w.link = &p.Link
	w.fifo = p.Link.FIFO
	for i := range p.Links {
		r := &p.Links[i]
		w.rule(r, p.Nodes)
		w.fifo = w.fifo || r.Link.FIFO
	}
	if w.fifo {
		w.last = make(map[[2]protocol.NodeID]protocol.Time)
	}
}

// rule enters a rule, of which there is none yet for the same nodes.
func (w *network) rule(r *LinkRule, nodes int) {
	of, id := &w.from, r.From
	switch {
	case r.To == Any:
	case r.From == Any:
		of, id = &w.to, r.To
	default:
		if w.pairs == nil {
			w.pairs = make(map[[2]protocol.NodeID]*Link)
		}
		w.pairs[[2]protocol.NodeID{r.From, r.To}] = &r.Link
		return
	}
	if *of == nil {
		*of = make([]*Link, nodes)
	}
	(*of)[id] = &r.Link
}

// between returns the link between two nodes of the plan.
func (w *network) between(from, to protocol.NodeID) *Link {
	if w.pairs != nil {
		if l := w.pairs[[2]protocol.NodeID{from, to}]; l != nil {
			return l
		}
	}
	if w.from != nil && w.from[from] != nil {
		return w.from[from]
	}
	if w.to != nil && w.to[to] != nil {
		return w.to[to]
	}
	return w.link
}

// message is a message on its way through send. It points to the effect because a
// copy of what was just written would stall the processor.
type message struct {
	*protocol.Effect
	from       protocol.NodeID
	flag       uint8
	stored     uint32 // the long body, once a copy of it is stored, or noSlot
	wave, name uint64
	late       protocol.Time // a copy that comes that much later, and in no order
	again      bool          // a copy of what was sent in an earlier step
}

// send sends a node's message. stored is the long body of the effect before
// if that had the same bytes, or noSlot; it returns the long body of this one.
func (s *Sim) send(c *cause, n *node, f *protocol.Effect, stored uint32) uint32 {
	m := message{Effect: f, from: c.id, flag: c.flag, stored: stored}
	wave, name := s.hop.message(c.wave, c.id, f.To, f.Body)
	m.wave, m.name = wave, name
	s.result.Sent++
	s.result.Bytes += uint64(len(f.Body))
	n.seq++ // counts lost messages too, so that losing one renumbers no other
	if s.wants(n, Sent) {
		s.showMessage(n, &m, Sent)
	}
	if uint64(f.To) >= uint64(len(s.nodes)) {
		s.misaddressed(&m)
		s.lose(n, &m)
		return stored
	}
	if f.To == c.id { // it does not cross the network
		s.arrive(&m, n.seq, s.reachesItself(n, &m))
		return m.stored
	}
	l := s.net.between(c.id, f.To)
	faults := s.net.faultsOn(&m, s.now, len(s.nodes))
	if s.travel(n, l, &m, faults) && s.net.faults != nil {
		s.net.faults.remember(&m, s.now, len(s.nodes))
	}
	if !l.Copy.Never() && s.chance(n, protocol.Key{Kind: kindCopy, A: c.id, B: f.To, N: name}, l.Copy) {
		m.wave, m.name = protocol.Hash2(wave, waveCopy), protocol.Hash2(name, waveCopy)
		s.sendCopy(n, l, &m, faults)
	}
	for _, w := range faults {
		switch {
		case w.Op == fault.Copy && s.strikes(n, kindAlso, w, &m, name):
			s.result.Faults.Copied++
			m.late = 0
		case w.Op == fault.Late && s.strikes(n, kindStale, w, &m, name):
			s.result.Faults.Late++
			m.late = s.lateness(n, l, w, &m, name)
		default:
			continue
		}
		w.n++
		m.wave, m.name = protocol.Hash3(wave, waveCopy, w.ID), protocol.Hash3(name, waveCopy, w.ID)
		s.sendCopy(n, l, &m, faults)
	}
	return m.stored
}

func (s *Sim) sendCopy(n *node, l *Link, m *message, faults []acting) {
	s.result.Copied++
	n.seq++
	s.showSent(n, m, Copied)
	s.travel(n, l, m, faults)
}

// misaddressed counts a message to a node that does not exist.
func (s *Sim) misaddressed(m *message) {
	w := &s.result.Misaddressed
	if w.Sent == 0 {
		*w = Misaddressed{From: m.from, To: m.To, Kind: m.Kind, At: s.now, Step: s.result.Events}
	}
	w.Sent++
}

func (s *Sim) lose(n *node, m *message) {
	s.result.Lost++
	s.showSent(n, m, Lost)
}

// travel decides when the message arrives, or reports that it does not.
func (s *Sim) travel(n *node, l *Link, m *message, faults []acting) (arrives bool) {
	at := s.now + protocol.Time(l.Delay) + m.late
	if len(faults) > 0 {
		if s.lostToFaults(n, m, faults) {
			s.lose(n, m)
			return false
		}
		at += protocol.Time(s.slowed(faults))
		m = s.corrupt(n, m, faults)
	}
	key := protocol.Key{A: m.from, B: m.To, N: m.name}
	if !l.Loss.Never() {
		key.Kind = kindLoss
		if s.chance(n, key, l.Loss) {
			s.lose(n, m)
			return false
		}
	}
	if l.Jitter > 0 {
		key.Kind = kindDelay
		at += protocol.Time(s.jitter(n, key, l))
	}
	if s.net.fifo && l.FIFO && m.late == 0 {
		at = s.net.behind(m.from, m.To, at, s.now)
	}
	s.arrive(m, n.seq, at)
	return true
}

// arrive makes a message arrive at that time. seq is its number at its sender.
func (s *Sim) arrive(m *message, seq uint64, at protocol.Time) {
	if s.member != nil && s.member.crosses(m, seq, at) {
		return
	}
	slot, r := s.slab.alloc(opMessage, m.flag)
	r.wave, r.name, r.seq, r.src = m.wave, m.name, seq, fromNode+uint32(m.from)
	switch {
	case len(m.Body) <= inline:
		r.hold(m.Body)
	case m.stored == noSlot:
		m.stored = s.slab.store(r, m.Body)
	default:
		s.slab.share(r, m.stored)
	}
	if s.want&(Received|Dropped) != 0 {
		s.keepKind(slot, m.Kind)
	}
	s.push(entry{at, uint32(m.To), slot}, r)
}

// behind returns the first time from at on that is later than all earlier arrivals on a
// FIFO link. Links on which nothing is on its way are forgotten.
func (w *network) behind(from, to protocol.NodeID, at, now protocol.Time) protocol.Time {
	pair := [2]protocol.NodeID{from, to}
	at = max(at, w.last[pair]+1)
	w.last[pair] = at
	const few = 64
	if len(w.last) > max(w.most, few) {
		for _, p := range protocol.SortedKeysFunc(w.last, func(a, b [2]protocol.NodeID) int { return slices.Compare(a[:], b[:]) }) {
			if w.last[p] <= now {
				delete(w.last, p)
			}
		}
		w.most = 2 * len(w.last)
	}
	return at
}

func (s *Sim) jitter(n *node, key protocol.Key, l *Link) uint64 {
	var t []uint64
	switch l.Shape {
	case Exponential:
		t = expQuantiles
	case HeavyTail:
		t = heavyQuantiles
	default:
		return s.choose(n, key, uint64(l.Jitter)+1)
	}
	return quantile(t, s.choose(n, key, shapeRange), uint64(l.Jitter))
}

// choose asks on behalf of the network or the disk and folds the answer.
func (s *Sim) choose(n *node, key protocol.Key, among uint64) uint64 {
	a := s.src.Choose(key, among)
	if a >= among {
		panic(fmt.Sprintf("sim: source answered %d to a choice among %d (%v from %v to %v)", a, among, key.Kind, key.A, key.B))
	}
	n.foldAnswer(a)
	return a
}

func (s *Sim) chance(n *node, key protocol.Key, p protocol.Ratio) bool {
	if p.Sure() {
		return true
	}
	a := s.src.Chance(key, p)
	bit := uint64(0)
	if a {
		bit = 1
	}
	n.foldAnswer(bit)
	return a
}

func (s *Sim) keepKind(slot uint32, k protocol.Kind) {
	for int(slot) >= len(s.kinds) {
		s.kinds = append(s.kinds, 0)
	}
	s.kinds[slot] = k
}

// showSent shows what became of a message at its sender.
func (s *Sim) showSent(n *node, m *message, what What) {
	if s.wants(n, what) {
		s.showMessage(n, m, what)
	}
}

func (s *Sim) showMessage(n *node, m *message, what What) {
	e := Event{What: what, Node: m.from, Peer: m.To, Incarnation: n.inc, Kind: m.Kind, Seq: n.seq, Name: m.name, Body: m.Body}
	if m.again && what == Copied {
		e.Tag = Again
	}
	s.show(&e)
}
