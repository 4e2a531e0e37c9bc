package sim

import (
	"fmt"

	"dessim/protocol"
)

// network turns a plan's links into what send needs.
type network struct {
	link  *Link
	rules map[[2]protocol.NodeID]*Link // nil if there are none
	last  map[[2]protocol.NodeID]protocol.Time
	fifo  bool // some link is FIFO, so last is kept

	weather *weather // nil if no fault hits links
}

func (w *network) init(p *Plan) {
	w.link = &p.Link
	w.fifo = p.Link.FIFO
	if len(p.Links) > 0 {
		w.rules = make(map[[2]protocol.NodeID]*Link, len(p.Links))
	}
	for i := range p.Links {
		r := &p.Links[i]
		w.rules[[2]protocol.NodeID{r.From, r.To}] = &r.Link
		w.fifo = w.fifo || r.Link.FIFO
	}
	if w.fifo {
		w.last = make(map[[2]protocol.NodeID]protocol.Time)
	}
}

// between gives the link from one node to another.
func (w *network) between(from, to protocol.NodeID) *Link {
	if w.rules == nil {
		return w.link
	}
	for _, pair := range [...][2]protocol.NodeID{{from, to}, {from, Any}, {Any, to}} {
		if l := w.rules[pair]; l != nil {
			return l
		}
	}
	return w.link
}

// parcel is a message on its way through send. It points to the effect because a
// copy of what was just written would stall the processor.
type parcel struct {
	*protocol.Effect
	from       protocol.NodeID
	flag       uint8
	stored     uint32 // the long body, once a copy of it is stored, or noSlot
	wave, name uint64
}

// send lets a node's message leave. stored is the long body of the effect before
// if that had the same bytes, or noSlot; the long body of this one is returned.
func (s *Sim) send(c *cause, n *node, f *protocol.Effect, stored uint32) uint32 {
	p := parcel{Effect: f, from: c.id, flag: c.flag, stored: stored}
	p.wave, p.name = s.hop.message(c.wave, c.id, f.To, f.Body)
	s.result.Sent++
	s.result.Bytes += uint64(len(f.Body))
	n.seq++ // counts lost messages too, so that losing one renumbers no other
	if uint64(f.To) >= uint64(len(s.nodes)) {
		// Addresses come from messages, and anyone can send us anything.
		s.showSent(n, &p, Sent)
		s.showSent(n, &p, Lost)
		s.result.Lost++
		return stored
	}
	l := s.net.between(c.id, f.To)
	s.showSent(n, &p, Sent)
	if s.net.weather != nil {
		s.sendInWeather(n, l, &p)
		return p.stored
	}
	s.travel(n, l, &p)
	if !l.Copy.Never() && s.chance(n, protocol.Key{Kind: kindCopy, A: p.from, B: p.To, N: p.name}, l.Copy) {
		s.result.Copied++
		n.seq++
		p.wave, p.name = protocol.Hash2(p.wave, waveCopy), protocol.Hash2(p.name, waveCopy)
		s.showSent(n, &p, Copied)
		s.travel(n, l, &p)
	}
	return p.stored
}

// travel decides when the message arrives, or that it does not.
func (s *Sim) travel(n *node, l *Link, p *parcel) {
	key := protocol.Key{A: p.from, B: p.To, N: p.name}
	if !l.Loss.Never() {
		key.Kind = kindLoss
		if s.chance(n, key, l.Loss) {
			s.result.Lost++
			s.showSent(n, p, Lost)
			return
		}
	}
	at := s.now + protocol.Time(l.Delay)
	if l.Jitter > 0 {
		key.Kind = kindDelay
		at += protocol.Time(s.jitter(n, key, l))
	}
	if s.net.fifo && l.FIFO {
		pair := [2]protocol.NodeID{p.from, p.To}
		at = max(at, s.net.last[pair]+1)
		s.net.last[pair] = at
	}
	slot, r := s.slab.alloc(opMessage, p.flag)
	r.wave, r.name, r.seq, r.src = p.wave, p.name, n.seq, fromNode+uint32(p.from)
	if p.stored != noSlot && len(p.Body) > inline {
		s.slab.share(r, p.stored)
	} else {
		p.stored = s.slab.store(r, p.Body)
	}
	if s.want&(Received|Dropped) != 0 {
		s.keepKind(slot, p.Kind)
	}
	s.push(entry{at, uint32(p.To), slot}, r)
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
	n.decisions = protocol.Hash2(n.decisions, a)
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
	n.decisions = protocol.Hash2(n.decisions, bit)
	return a
}

func (s *Sim) keepKind(slot uint32, k protocol.Kind) {
	for int(slot) >= len(s.kinds) {
		s.kinds = append(s.kinds, 0)
	}
	s.kinds[slot] = k
}

// showSent shows what became of a message at its sender.
func (s *Sim) showSent(n *node, p *parcel, what What) {
	if s.want&what != 0 {
		s.showParcel(n, p, what)
	}
}

func (s *Sim) showParcel(n *node, p *parcel, what What) {
	s.show(Event{What: what, Node: p.from, Peer: p.To, Incarnation: n.inc, Kind: p.Kind, Seq: n.seq, Body: p.Body})
}
