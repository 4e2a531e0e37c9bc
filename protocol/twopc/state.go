package twopc

import (
	"fmt"

	"dessim/protocol"
)

// AppendState appends all of the manager's state: see protocol.Stateful. Describe is
// for people. How many records there are shows on the disk.
func (m *Manager) AppendState(b []byte) []byte {
	b = fmt.Appendf(b, "twopc last tag %d, restored %v, settled %v\n", m.lastTag, m.restored, m.settled)
	for _, t := range m.open {
		b = t.appendState(b)
	}
	for _, key := range protocol.SortedKeys(m.reserved) {
		b = fmt.Appendf(b, "  reserved %q by %v\n", key, m.reserved[key])
	}
	for i := range m.past.clients {
		b = m.past.clients[i].appendState(b)
	}
	return b
}

func (t *tx) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  %v %v, coordinator %v, participants %v, payload %q, keys %q, endorsement %q, all",
		t.id, t.status, t.coordinator, t.participants, t.payload, t.keys, t.endorsement)
	b = appendEndorsementsState(b, t.endorsements)
	asked := t.asks > 0 // how often does not matter, and grows for ever
	return fmt.Appendf(b, ", waits for %v, decided %v, asked %v, timer %#x of %v after %d\n", t.waiting, t.decided, asked, t.tag, t.wait, t.tries)
}

func (w *window) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "  client %v forgot %v up to %v\n", w.client, w.forgot, w.floor)
	for i := range w.ended {
		o := &w.ended[i]
		b = fmt.Appendf(b, "    %v commit %v", o.id, o.commit)
		b = append(appendEndorsementsState(b, o.endorsements), '\n')
	}
	return b
}

func appendEndorsementsState(b []byte, all []Endorsement) []byte {
	for _, e := range all {
		b = fmt.Appendf(b, " %v %q", e.Node, e.Bytes)
	}
	return b
}
