package abcast

import (
	"cmp"
	"fmt"

	"dessim/protocol"
)

// AppendState appends all of the state: see protocol.Stateful. Describe is for people,
// and shorter.
func (p *plain) AppendState(b []byte) []byte {
	b = fmt.Appendf(b, "abcast last %v, %d delivered\n", p.last, p.delivered)
	if p.rule != nil {
		b = p.rule.appendState(b)
	}
	return b
}

func (r *isis) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  clock %d\n", r.clock)
	for _, e := range r.queue.sorted() {
		state := "proposed"
		if e.deliverable {
			state = "agreed"
		}
		b = fmt.Appendf(b, "  %s %d.%v %v %q", state, e.stamp.number, e.stamp.proposer, e.m.ID, e.m.Payload)
		if t := e.tally; t != nil {
			b = fmt.Appendf(b, ", greatest %d.%v, heard %v", t.greatest.number, t.greatest.proposer, t.heard)
		}
		b = append(b, '\n')
	}
	for _, id := range protocol.SortedKeysFunc(r.early, MsgID.Compare) {
		s := r.early[id]
		b = fmt.Appendf(b, "  early %d.%v %v\n", s.number, s.proposer, id)
	}
	return r.past.appendState(b)
}

func (r *lamport) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  clock %d, heard %d, %d caught up\n", r.clock, r.heard, r.caughtUp)
	for _, e := range r.queue.sorted() {
		b = fmt.Appendf(b, "  stamped %d.%v %v %q\n", e.stamp.number, e.stamp.proposer, e.m.ID, e.m.Payload)
	}
	return r.past.appendState(b)
}

// appendState leaves out of arrived what was ordered since.
func (r *sequencer) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  last place %d, placed %v\n", r.placed, r.places)
	for _, id := range r.arrived {
		if m, waits := r.waiting[id]; waits {
			b = fmt.Appendf(b, "  waits %v %q\n", id, m.Payload)
		}
	}
	return r.past.appendState(b)
}

func (s *idSet) appendState(b []byte) []byte {
	for _, l := range protocol.SortedKeysFunc(s.runs, Member.compare) {
		for _, r := range s.runs[l] {
			b = fmt.Appendf(b, "  ordered of %v %d to %d\n", l, r.first, r.last)
		}
	}
	return b
}

func (m Member) compare(o Member) int {
	return cmp.Or(cmp.Compare(m.Node, o.Node), cmp.Compare(m.Incarnation, o.Incarnation))
}

func (m *membership) AppendState(b []byte) []byte {
	b = fmt.Appendf(b, "abcast last %v, tick %d, heartbeat %d, view %d of %d from place %d, works %v, promised %d, recorded life %d\n",
		m.last, m.ticks, m.beats, m.view, m.members, m.placed, m.normal, m.promised, m.recorded)
	b = fmt.Appendf(b, "  reported %d, begins at %d, opened at %d, merging %v, counted %v\n",
		m.stable, m.bases, m.opened, m.merging, m.counted)
	b = fmt.Appendf(b, "  hears %v, fit %v, wants %v, follows %d, blocked for %d\n", m.hears, m.fit, m.want, m.follows, m.blocked)
	b = m.log.appendState(b)
	for _, msg := range m.outbox {
		b = fmt.Appendf(b, "  outbox %v %q\n", msg.ID, msg.Payload)
	}
	for q := range m.peers {
		p, c := &m.peers[q], &m.chans[q]
		b = fmt.Appendf(b, "  node %v life %d, heard at %d, promised %d, adopted %d, sent %d, next %d, repeats %d, again after %d\n",
			m.cfg.Members[q], p.inc, p.heard, p.promised, p.adopted, c.sent, c.next, c.tries, c.pause)
		b = fmt.Appendf(b, "    beat %d hears %v, able %v, follows %d, works %v, dropped at %d, pauses for %d\n", p.beat, p.hears, p.able, p.follows, p.works, p.dropped, p.pause)
		b = fmt.Appendf(b, "    told %+v\n", m.spoken[q])
		for i := range c.out {
			b = c.out[i].appendState(append(b, "    unacknowledged"...))
		}
		for _, seq := range protocol.SortedKeys(c.early) {
			b = fmt.Appendf(b, "    early %d %q\n", seq, c.early[seq])
		}
	}
	for i := range m.ahead {
		f := &m.ahead[i]
		b = f.appendState(fmt.Appendf(b, "  ahead from %d life %d view %d", f.from, f.inc, f.view))
	}
	if m.ballot != nil {
		b = m.ballot.appendState(b)
	}
	if m.rule != nil {
		b = m.rule.appendState(b)
	}
	return b
}

func (j *journal) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  log of view %d, %d written, %d safe, %d stable, %d delivered, %d messages handed over\n",
		j.adopted, j.written, j.safe, j.commit, j.delivered, j.handed)
	return appendEntriesState(b, j.entries)
}

func appendEntriesState(b []byte, entries []logEntry) []byte {
	for i := range entries {
		e := &entries[i]
		b = fmt.Appendf(b, "    %d %v %q of %v\n", e.view, e.m.ID, e.m.Payload, e.members)
	}
	return b
}

func (f *frame) appendState(b []byte) []byte {
	return fmt.Appendf(b, " %d since %d, %v %q\n", f.seq, f.at, f.kind, f.body)
}

func (t *ballot) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  ballot for view %d since %d from %d, asks %v\n", t.view, t.since, t.base, t.want)
	for q, p := range t.promises {
		if p == nil {
			continue
		}
		b = fmt.Appendf(b, "  promise of %d life %d, log of %d, %d stable, length %d\n", q, p.inc, p.adopted, p.commit, p.length)
		b = appendEntriesState(b, p.entries)
		for _, h := range p.tail {
			b = fmt.Appendf(b, "    held %v %v %q agreed %v %d.%v\n", h.id, h.here, h.payload, h.agreed, h.stamp.number, h.stamp.proposer)
		}
	}
	return b
}
