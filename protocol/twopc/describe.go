package twopc

import (
	"encoding/binary"
	"fmt"
	"strings"

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
			b = words.Line(b, keyName(key), m.reserved[key].String())
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
				b = words.Line(b, fmt.Sprint(i), id.String())
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
		var names []string
		for _, k := range t.keys {
			names = append(names, keyName(string(k)))
		}
		b = words.Line(b, "keys", strings.Join(names, ","))
		b = words.Line(b, "own endorsement", words.Content(t.endorsement))
	}
	if len(t.endorsements) > 0 {
		b = words.Part(b, "endorsements", func(b []byte) []byte {
			for _, e := range t.endorsements {
				b = words.Line(b, e.Node.String(), words.Content(e.Bytes))
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
		b = fmt.Appendf(b, "timer: %d, for %s after %s\n", n, words.Duration(t.wait), words.Count(uint64(t.tries), "pause"))
	}
	return b
}

func (w *window) describe(b []byte) []byte {
	if w.forgot {
		b = words.Line(b, "forgotten", "up to "+w.floor.String())
	}
	for i := range w.ended {
		o := &w.ended[i]
		how := textDecision(o.commit)
		if len(o.endorsements) > 0 {
			how += ", endorsed " + hashOf(o.endorsements)
		}
		b = words.Line(b, o.id.String(), how)
	}
	return b
}

// hashOf stands for signatures, which nobody reads.
func hashOf(all []Endorsement) string {
	var h uint64
	for _, e := range all {
		h = protocol.Hash3(h, uint64(e.Node), protocol.HashBytes(e.Bytes))
	}
	return fmt.Sprintf("%08x", uint32(h))
}

func keyName(key string) string {
	if len(key) > 8 {
		return fmt.Sprintf("%s.%d", words.Short([]byte(key)), binary.BigEndian.Uint32([]byte(key[len(key)-4:])))
	}
	for _, c := range []byte(key) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Sprintf("%x", key)
		}
	}
	return key
}
