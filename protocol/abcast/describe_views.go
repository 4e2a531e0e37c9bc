package abcast

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

func (m *membership) Describe(b []byte) []byte {
	state := "waits"
	switch {
	case m.normal:
		state = "works"
	case m.ballot != nil:
		state = fmt.Sprintf("leads the ballot for view %d", m.ballot.view)
	}
	b = words.Line(b, "state", state)
	b = words.Uint(b, "life", uint64(m.inc))
	b = words.Uint(b, "life before", uint64(m.recorded))
	b = fmt.Appendf(b, "view: %d of %v from message %d\n", m.view, m.current(), m.placed)
	b = words.Uint(b, "promised", m.promised)
	b = words.Uint(b, "delivered", m.log.handed)
	b = words.Line(b, "last broadcast", m.last.String())
	b = words.Part(b, "log", m.log.describe)
	b = words.Part(b, "outbox", func(b []byte) []byte {
		for _, msg := range m.outbox {
			b = msg.ID.append(b).Str(": ").Content(msg.Payload).End()
		}
		return b
	})
	b = words.Part(b, "detector", m.describeDetector)
	b = words.Part(b, "nodes", func(b []byte) []byte {
		for q := range m.peers {
			b = words.Part(b, m.cfg.Members[q].String(), func(b []byte) []byte { return m.describeNode(b, q) })
		}
		return b
	})
	if len(m.ahead) > 0 { // frames of the view that is promised
		b = words.Part(b, "ahead", func(b []byte) []byte {
			for i := range m.ahead {
				f := &m.ahead[i]
				b = fmt.Appendf(b, "%d: from %v/%d in %d, number %d %s\n", i, m.cfg.Members[f.from], f.inc, f.view, f.seq, textFrame(f.body))
			}
			return b
		})
	}
	if m.ballot != nil {
		b = words.Part(b, "ballot", func(b []byte) []byte { return m.ballot.describe(b, m) })
	}
	if m.rule != nil {
		b = words.Part(b, m.cfg.Order.String(), m.rule.describe)
	}
	return b
}

// describe appends the entries by their places, with how far they are written, safe,
// stable and delivered.
func (j *journal) describe(b []byte) []byte {
	b = words.Uint(b, "of view", j.adopted)
	b = words.Uint(b, "written", uint64(j.written))
	b = words.Uint(b, "safe", uint64(j.safe))
	b = words.Uint(b, "stable", uint64(j.commit))
	b = words.Uint(b, "delivered", uint64(j.delivered))
	return words.Part(b, "entries", func(b []byte) []byte { return describeEntries(b, j.entries, 0) })
}

func describeEntries(b []byte, entries []logEntry, first int) []byte {
	for i := range entries {
		e := &entries[i]
		r := words.Row(b).Uint(uint64(first + i)).Str(": ")
		if e.view == 0 {
			b = e.m.ID.append(r).Str(" ").Content(e.m.Payload).End()
		} else {
			b = fmt.Appendf(r, "view %d of %v\n", e.view, e.members)
		}
	}
	return b
}

func (m *membership) describeDetector(b []byte) []byte {
	b = words.Uint(b, "ticks", m.ticks)
	b = words.Uint(b, "heartbeats", m.beats)
	b = words.Line(b, "hears", m.names(m.hears))
	able := "no"
	if m.fit != nil {
		able = "with " + m.names(m.fit)
	}
	b = words.Line(b, "able", able)
	b = words.Line(b, "wants", m.names(m.want))
	b = words.Line(b, "follows", m.name(m.follows))
	b = words.Line(b, "change blocked", words.Count(uint64(m.blocked), "tick"))
	b = words.Line(b, "merges reports", words.YesNo(m.merging))
	b = words.Line(b, "reports counted", words.YesNo(m.counted))
	return words.Uint(b, "length when the view began", uint64(m.opened))
}

// name names the node at a place.
func (m *membership) name(q int) string {
	if q == nobody {
		return "nobody"
	}
	return m.cfg.Members[q].String()
}

func (m *membership) names(s places) string {
	var nodes []protocol.NodeID
	for q := range m.cfg.Members {
		if s != nil && s.has(q) {
			nodes = append(nodes, m.cfg.Members[q])
		}
	}
	return words.Ranges(nodes)
}

// describeNode appends what is known of a node. Of this node itself that is what the
// others may know of it.
func (m *membership) describeNode(b []byte, q int) []byte {
	b = words.Uint(b, "reported", uint64(m.stable[q]))
	if m.bases != nil {
		b = words.Uint(b, "needs the log from", uint64(m.bases[q]))
	}
	if q == m.self {
		return b
	}
	p, c := &m.peers[q], &m.chans[q]
	b = words.Row(b).Str("life: ").Uint(uint64(p.inc)).Str(", heard at tick ").Uint(p.heard).Str(", alive ").Str(words.YesNo(m.alive(q))).End()
	b = words.Uint(b, "promised", p.promised)
	b = words.Uint(b, "adopted", p.adopted)
	b = words.Row(b).Str("heartbeat: ").Uint(p.beat).Str(", hears ").Str(m.names(p.hears)).Str(", able ").Str(words.YesNo(p.able)).
		Str(", follows ").Str(m.name(p.follows)).Str(", works ").Str(words.YesNo(p.works)).End()
	b = m.spoken[q].describe(b, m)
	if p.dropped != 0 || p.pause != 0 {
		b = fmt.Appendf(b, "dropped out: at tick %d, back after %d\n", p.dropped, p.pause)
	}
	b = words.Row(b).Str("frames: ").Uint(c.sent).Str(" sent, next ").Uint(c.next)
	if c.tries != 0 || c.pause != 0 {
		b = fmt.Appendf(b, ", %s, again after %d ticks", words.Count(uint64(c.tries), "repetition"), c.pause)
	}
	b = append(b, '\n')
	if len(c.out) > 0 {
		b = words.Part(b, "unacknowledged", func(b []byte) []byte {
			for i := range c.out {
				f := &c.out[i]
				b = words.Row(b).Uint(f.seq).Str(": ").Str(textFrame(f.body)).Str(", sent at tick ").Uint(f.at).End()
			}
			return b
		})
	}
	if len(c.early) > 0 {
		b = words.Part(b, "early", func(b []byte) []byte {
			for _, seq := range protocol.SortedKeys(c.early) {
				b = words.Line(b, strconv.FormatUint(seq, 10), textFrame(c.early[seq]))
			}
			return b
		})
	}
	return b
}

// describe appends what a node was told last.
func (s *spoken) describe(b []byte, m *membership) []byte {
	b = words.Row(b).Str("told: at tick ").Uint(s.at).Str(", promised ").Uint(s.promised).Str(", adopted ").Uint(s.adopted).Str(", works ").Str(words.YesNo(s.normal)).
		Str(", next ").Uint(s.next).Str(", hears ").Str(m.names(s.hears)).Str(", able ").Str(words.YesNo(s.able)).Str(", follows ").Str(m.name(s.follows)).End()
	return words.Line(b, "owed a heartbeat", words.YesNo(s.owed))
}

// textFrame returns the words of what a frame carries.
func textFrame(body []byte) string {
	var in datagramReader
	if length, ok := in.stable(body); ok {
		return fmt.Sprintf("%v %d", KindStable, length)
	}
	var r bencode.Reader
	if d, ok := decode(&r, body); ok {
		return textBody(&d)
	}
	return words.Content(body)
}

func (t *ballot) describe(b []byte, m *membership) []byte {
	b = words.Uint(b, "for view", t.view)
	b = words.Uint(b, "since tick", t.since)
	b = words.Line(b, "asks", m.names(t.want))
	var missing []protocol.NodeID
	for q, p := range t.promises {
		if p == nil && t.want.has(q) {
			missing = append(missing, m.cfg.Members[q])
		}
	}
	b = words.Line(b, "promises missing", words.Ranges(missing))
	return words.Part(b, "promises", func(b []byte) []byte {
		for q, p := range t.promises {
			if p != nil {
				b = words.Part(b, m.cfg.Members[q].String(), func(b []byte) []byte { return p.describe(b, t.base) })
			}
		}
		return b
	})
}

// describe appends a promise, whose entries begin where the ballot asks.
func (p *promise) describe(b []byte, base int) []byte {
	b = words.Uint(b, "life", uint64(p.inc))
	b = words.Uint(b, "log of view", p.adopted)
	b = words.Uint(b, "stable", uint64(p.commit))
	b = words.Uint(b, "length", uint64(p.length))
	b = words.Part(b, "entries", func(b []byte) []byte { return describeEntries(b, p.entries, min(base, p.length)) })
	return words.Part(b, "not ordered", func(b []byte) []byte {
		for i := range p.tail {
			b = words.Line(b, strconv.Itoa(i), p.tail[i].text())
		}
		return b
	})
}

func (h *held) text() string {
	where, what := "proposed "+h.stamp.String(), "no message"
	switch {
	case h.stamp.number == unplaced:
		where = "no place"
	case h.agreed:
		where = "agreed " + h.stamp.String()
	}
	if h.here {
		what = words.Content(h.payload)
	}
	return fmt.Sprintf("%v: %s, %s", h.id, where, what)
}
