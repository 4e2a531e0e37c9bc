package abcast

import (
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

func appendRecord(b []byte, kind uint64) []byte {
	b = append(b, byte(protocol.ABCAST), 'l')
	return bencode.AppendUint(b, kind)
}

func appendStart(b []byte, inc uint32) []byte {
	b = appendRecord(b, recStart)
	b = bencode.AppendUint(b, uint64(inc))
	return append(b, 'e')
}

func appendPromised(b []byte, view uint64) []byte {
	b = appendRecord(b, recPromised)
	b = bencode.AppendUint(b, view)
	return append(b, 'e')
}

func appendAdopt(b []byte, view uint64, base int, entries []logEntry) []byte {
	b = appendRecord(b, recAdopted)
	b = bencode.AppendUint(b, view)
	b = bencode.AppendUint(b, uint64(base))
	b = appendEntries(b, entries)
	return append(b, 'e')
}

func appendAppended(b []byte, index int, e *logEntry) []byte {
	b = appendRecord(b, recAppended)
	b = bencode.AppendUint(b, uint64(index))
	b = appendEntry(b, e)
	return append(b, 'e')
}

func appendCommit(b []byte, length int) []byte {
	b = appendRecord(b, recCommit)
	b = bencode.AppendUint(b, uint64(length))
	return append(b, 'e')
}

// Checkpoint writes down again what this node's records say: its host discards the older
// ones. It does so at the end of a step, and syncs. The log is one record, and what of it
// had none stays without.
func (m *membership) Checkpoint(env *protocol.Env) {
	mustRun(env, m.started())
	m.persist(env, appendStart(m.out[:0], m.inc))
	if m.promised > 0 {
		m.persist(env, appendPromised(m.out[:0], m.promised))
	}
	if m.log.adopted > 0 {
		m.persist(env, appendAdopt(m.out[:0], m.log.adopted, 0, m.log.entries[:m.log.written]))
	}
	if n := min(m.log.commit, m.log.written); n > 0 {
		m.persist(env, appendCommit(m.out[:0], n))
	}
}

// A record is one of any kind; fields that its kind lacks are 0.
type record struct {
	kind    uint64
	inc     uint32
	view    uint64
	base    int // of COMMIT the length, of APPENDED the index
	entries []logEntry
}

func decodeRecord(rec []byte) (d record, ok bool) {
	r := bencode.ListOf(protocol.ABCAST.Cut(rec))
	d.kind = r.Uint()
	switch d.kind {
	case recStart:
		d.inc = uint32(r.Positive(math.MaxUint32))
	case recPromised:
		d.view = r.Positive(maxNumber)
	case recAdopted:
		d.view = r.Positive(maxNumber)
		d.base = readLength(&r)
		d.entries = readEntries(&r)
	case recAppended:
		d.base = readLength(&r)
		d.entries = []logEntry{readEntry(&r)}
	case recCommit:
		d.base = readLength(&r)
	default:
		r.Fail()
	}
	if !r.Finish() {
		return record{}, false
	}
	return d, true
}

func (m *membership) Restore(rec []byte) {
	if m.started() {
		panic("abcast: a record is restored after Start")
	}
	d, ok := decodeRecord(rec)
	if !ok {
		m.stats.Torn++ // it was never synced, so no node counts on it
		return
	}
	switch d.kind {
	case recStart:
		m.recorded = max(m.recorded, d.inc)
	case recPromised:
		m.promised = max(m.promised, d.view)
	case recAdopted:
		if d.base > len(m.log.entries) {
			m.stats.Gaps++
			return
		}
		m.log.cut(d.base)
		m.log.extend(d.entries)
		m.log.adopted = d.view
		m.promised = max(m.promised, d.view)
	case recAppended:
		if d.base != len(m.log.entries) {
			m.stats.Gaps++ // one before it did not survive
			return
		}
		m.log.extend(d.entries)
	case recCommit:
		m.log.commit = max(m.log.commit, d.base)
	}
}
