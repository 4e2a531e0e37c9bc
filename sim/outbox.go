package sim

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"dessim/protocol"
)

// outbox holds the messages from one part to another until the window is over.
type outbox struct {
	messages []crossing
	bodies   []byte          // of the long ones, one after the other
	kinds    []protocol.Kind // by message, if an observer watches arrivals
	last     span            // the body stored last, or none
}

// crossing is a message on its way to another part, to which its record goes over.
type crossing struct {
	entry
	body span // of a long one, which the record does not have
	flag uint8
}

// span is a piece of an outbox's bodies.
type span struct{ from, to uint32 }

func (b *outbox) empty() {
	b.messages, b.bodies, b.kinds, b.last = b.messages[:0], b.bodies[:0], b.kinds[:0], span{}
}

// crosses takes over a message to a node of another part, and reports whether it is one.
func (p *part) crosses(m *message, seq uint64, at protocol.Time) bool {
	if m.flag&background == 0 {
		p.farthest = max(p.farthest, at)
	}
	to := p.team.of(m.To)
	switch {
	case to == p.index:
		return false
	case !p.team.apart:
		copied := *m
		copied.stored = noSlot
		p.team.parts[to].arrive(&copied, seq, at)
		return true
	}
	b := &p.out[p.team.turn][to]
	p.least = min(p.least, at)
	slot, r := p.slab.alloc(opMessage, m.flag)
	r.wave, r.name, r.seq, r.src = m.wave, m.name, seq, fromNode+uint32(m.from)
	c := crossing{entry: entry{at, uint32(m.To), slot}, flag: m.flag}
	if len(m.Body) > inline {
		c.body = b.keep(m.Body)
	} else {
		r.hold(m.Body)
	}
	b.messages = append(b.messages, c)
	if p.want&(Received|Dropped) != 0 {
		b.kinds = append(b.kinds, m.Kind)
	}
	return true
}

// keep keeps a long body; equal ones in a row once, as those of a broadcast are.
func (b *outbox) keep(body []byte) span {
	if !bytes.Equal(b.bodies[b.last.from:b.last.to], body) {
		from := len(b.bodies)
		b.bodies = append(b.bodies, body...)
		if uint64(len(b.bodies)) > math.MaxUint32 {
			panic("sim: more than 4 GiB of messages in a window")
		}
		b.last = span{uint32(from), uint32(len(b.bodies))}
	}
	return b.last
}

// accept puts the messages that the others have for the part into its queue: those of the
// window before. They fill other boxes meanwhile. It looks at no record that it need not look
// at, since another processor has just written it.
func (p *part) accept() {
	for _, from := range p.team.parts {
		b := &from.out[p.team.turn^1][p.index]
		body, stored := span{}, uint32(noSlot)
		for i := range b.messages {
			c := &b.messages[i]
			switch r := c.body; {
			case r == span{}:
			case r == body:
				p.slab.share(p.slab.at(c.slot), stored)
			default:
				body = r
				stored = p.slab.store(p.slab.at(c.slot), b.bodies[body.from:body.to])
			}
			if len(b.kinds) > 0 {
				p.keepKind(c.slot, b.kinds[i])
			}
			p.live[c.flag&background]++
			p.q.push(c.entry)
		}
		b.empty()
	}
}

// mostGained is the number of records that a part may gain before it gives some to another.
const mostGained = 1 << 13

// share gives the parts each other's new pages, and evens out what records they have lost to
// each other: else a part that sends more than it receives would need ever more memory.
func (t *team) share() {
	for _, p := range t.parts {
		for k := range p.out[t.turn] {
			n := len(p.out[t.turn][k].messages)
			p.gained -= n
			t.parts[k].gained += n
		}
		for _, page := range p.slab.fresh {
			for _, q := range t.parts {
				if q != p {
					q.slab.put(page, p.slab.pages[page])
				}
			}
		}
		p.slab.fresh = p.slab.fresh[:0]
	}
	for _, p := range t.parts {
		if p.gained > mostGained {
			poorest := slices.MinFunc(t.parts, func(a, b *part) int { return cmp.Compare(a.gained, b.gained) })
			n := p.slab.give(&poorest.slab, min(p.gained, -poorest.gained))
			p.gained, poorest.gained = p.gained-n, poorest.gained+n
		}
	}
}

// give moves at most n free records to another slab, which has the same pages, and returns how
// many it moved.
func (s *slab) give(to *slab, n int) (moved int) {
	for ; moved < n && s.free != noSlot; moved++ {
		slot := s.free
		r := s.at(slot)
		s.free = uint32(r.name)
		r.name = uint64(to.free)
		to.free = slot
	}
	return moved
}
