package twopc

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer. A key of a
// reservation that is longer than 8 bytes, such as an outpoint, is named by its first four
// bytes and, as a number, its last four.
func (m *Manager) Describe(b []byte) []byte {
	b = words.Part(b, "open", func(b []byte) []byte {
		for _, t := range m.open {
			b = words.Part(b, t.id.String(), t.describe)
		}
		return b
	})
	b = words.Part(b, "reserved", func(b []byte) []byte {
		for _, key := range protocol.SortedKeys(m.reserved) {
			b = m.reserved[key].append(appendKey(b, key).Str(": ")).End()
		}
		return b
	})
	b = words.Part(b, "ended", func(b []byte) []byte {
		for i := range m.past.clients {
			w := &m.past.clients[i]
			b = words.Part(b, w.client.String(), w.describe)
		}
		return b
	})
	if len(m.settled) > 0 { // with the next forced write, and reported again after a crash before it
		b = words.Part(b, "to be recorded as ended", func(b []byte) []byte {
			for i, id := range m.settled {
				b = words.Line(b, strconv.Itoa(i), id.String())
			}
			return b
		})
	}
	b = words.Line(b, "restored", words.YesNo(m.restored))
	return words.Uint(b, "timers", m.lastTag)
}

func (t *tx) describe(b []byte) []byte {
	b = words.Line(b, "state", t.status.String())
	b = words.Line(b, "coordinator", t.coordinator.String())
	b = words.Line(b, "participants", words.Ranges(t.participants))
	switch t.status {
	case Collecting:
		b = words.Line(b, "votes missing", words.Ranges(t.waiting))
	case Committing:
		b = words.Line(b, "acks missing", words.Ranges(t.waiting))
	case InDoubt:
		b = words.Line(b, "waits for", "the decision of "+t.coordinator.String())
	case Refused:
		b = words.Line(b, "waits for", "the abort by "+t.coordinator.String())
	}
	if t.payload != nil {
		b = words.Line(b, "payload", words.Content(t.payload))
	}
	if len(t.keys) > 0 {
		sep := "keys: "
		for _, k := range t.keys {
			b = appendKey(words.Row(b).Str(sep), string(k))
			sep = ","
		}
		b = append(b, '\n')
		b = words.Line(b, "own endorsement", words.Content(t.endorsement))
	}
	if len(t.endorsements) > 0 {
		b = words.Part(b, "endorsements", func(b []byte) []byte {
			for _, e := range t.endorsements {
				b = words.Row(b).Node(e.Node).Str(": ").Content(e.Bytes).End()
			}
			return b
		})
	}
	if t.decided {
		b = words.Line(b, "decision", "commit, perhaps not reported")
	}
	if t.status == InDoubt {
		b = words.Line(b, "asked", words.YesNo(t.asks > 0))
	}
	if t.tag != 0 {
		_, n := protocol.SplitTag(t.tag)
		b = words.Row(b).Str("timer: ").Uint(n).Str(", for ").Str(words.Duration(t.wait)).Str(" after ").Count(uint64(t.tries), "pause").End()
	}
	return b
}

func (w *window) describe(b []byte) []byte {
	if w.forgot {
		b = words.Line(b, "forgotten", "up to "+w.floor.String())
	}
	for i := range w.ended {
		o := &w.ended[i]
		r := o.id.append(b).Str(": ").Str(textDecision(o.commit))
		if len(o.endorsements) > 0 {
			r = r.Str(", endorsed ").Short(hashOf(o.endorsements))
		}
		b = r.End()
	}
	return b
}

// hashOf stands for signatures, which nobody reads.
func hashOf(all []Endorsement) []byte {
	var h uint64
	for _, e := range all {
		h = protocol.Hash3(h, uint64(e.Node), protocol.HashBytes(e.Bytes))
	}
	return binary.BigEndian.AppendUint32(nil, uint32(h))
}

func appendKey(b []byte, key string) words.Row {
	if len(key) > 8 {
		return words.Row(b).Short([]byte(key)).Str(".").Uint(uint64(binary.BigEndian.Uint32([]byte(key[len(key)-4:]))))
	}
	for _, c := range []byte(key) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return hex.AppendEncode(b, []byte(key))
		}
	}
	return append(b, key...)
}
