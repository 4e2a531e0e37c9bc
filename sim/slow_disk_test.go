package sim

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
)

// slowRecords is the disk of a node of the slow twin: each record says of itself whether it is safe.
type slowRecords struct {
	records     map[uint64]*slowRecord
	first, next uint64 // indices of the first record that is not forgotten, and of the next one
	forget      uint64
}

type slowRecord struct {
	bytes   []byte
	written []byte // before it rotted
	payload uint64 // one more than where it begins, or 0
	safe    bool
}

// slowFlush is what a flush is about.
type slowFlush struct {
	records []uint64
	upTo    uint64
	failed  bool
}

func newSlowRecords() slowRecords { return slowRecords{records: make(map[uint64]*slowRecord)} }

func (d *slowRecords) append(rec slowRecord) {
	rec.bytes, rec.written = bytes.Clone(rec.bytes), bytes.Clone(rec.written)
	d.records[d.next] = &rec
	d.next++
}

func (d *slowRecords) drop(upTo uint64) {
	for ; d.first < upTo; d.first++ {
		delete(d.records, d.first)
	}
}

// flushes returns the events that end the flushes of a node, wherever they wait.
func (w *slow) flushes(n *slowNode) []*slowEvent {
	return slices.DeleteFunc(slices.Concat(w.events, n.held), func(e *slowEvent) bool { return e.dst != n.id || e.does != "flushed" })
}

func (w *slow) flush(n *slowNode, st *slowStep, f *protocol.Effect) {
	what := slowFlush{records: protocol.IndexList(f.Body), upTo: n.disk.forget}
	if f.Tag == 0 {
		w.tell(n, Event{What: Flushing, Body: f.Body})
		n.disk.flush(what)
		return
	}
	before := st.flushed[f.Tag]
	st.flushed[f.Tag]++
	n.seq++
	w.tell(n, Event{What: Flushing, Tag: f.Tag, Seq: n.seq, Body: f.Body})
	w.result.Flushes++
	took := protocol.Time(w.plan.Disk.Sync)
	if j := uint64(w.plan.Disk.Jitter); j > 0 {
		took += protocol.Time(w.choose(n, protocol.Key{Kind: kindFlush, A: n.id, N: protocol.Hash3(st.name, uint64(n.inc), protocol.Hash2(f.Tag, before))}, j+1))
	}
	took += w.slowSync(n)
	at := w.now + max(took, 1)
	for _, e := range w.flushes(n) {
		at = max(at, e.at)
	}
	if len(n.failing) > 0 {
		n.failing = n.failing[1:]
		what.failed = true
		w.result.Faults.FailedFlushes++
	}
	wave := protocol.Hash3(st.wave, f.Tag, before)
	w.push(&slowEvent{at: at, dst: n.id, rank: fromNode + int(n.id), seq: n.seq, does: "flushed", tag: f.Tag, flush: what,
		wave: wave, name: protocol.Hash3(wave, nameFlush, uint64(n.id)), background: st.background, body: bytes.Clone(f.Body)})
}

func (w *slow) flushed(n *slowNode, e *slowEvent) {
	text, fold := "", uint64(foldFlushed)
	if e.flush.failed {
		text, fold = "failed", foldUnflushed
	} else {
		n.disk.flush(e.flush)
	}
	n.digest.Network = protocol.Hash3(n.digest.Network^fold, uint64(w.now), e.name)
	w.tell(n, Event{What: Flushed, Tag: e.tag, Seq: e.seq, Body: e.body, Text: text})
	w.step(n, e, func(env *protocol.Env) { n.machine.(protocol.Flusher).Flushed(env, e.tag, e.flush.failed) })
}

func (d *slowRecords) flush(what slowFlush) {
	for _, i := range what.records {
		if rec := d.records[i]; rec != nil {
			rec.safe = true
		}
	}
	d.drop(what.upTo)
}

// salvage leaves of the disk what a crash by f does, and returns what it tells of each record that
// was not safe.
func (w *slow) salvage(n *slowNode, f *fault.Fault) (fates []Event) {
	d := &n.disk
	old := *d
	*d = slowRecords{records: make(map[uint64]*slowRecord), first: old.first, next: old.first}
	var unsafe []uint64
	for i := old.first; i < old.next; i++ {
		if !old.records[i].safe {
			unsafe = append(unsafe, i)
		}
	}
	whole, torn := w.torn(n, f, unsafe, old.records)
	for i := old.first; i < old.next; i++ {
		rec := *old.records[i]
		if rec.safe {
			d.append(rec)
			continue
		}
		size, part := len(rec.bytes), 0
		text := "lost"
		name := protocol.Hash3(rootFault, f.ID, uint64(slices.Index(unsafe, i)))
		key := protocol.Key{Kind: kindKeep, A: n.id, N: name}
		kept := false
		switch f.Disk {
		case fault.KeepTorn:
			kept = slices.Contains(unsafe[:whole], i)
			if whole < len(unsafe) && i == unsafe[whole] {
				part = torn
			}
		case fault.KeepScattered:
			kept = w.chance(n, key, protocol.Ratio{Num: 1, Den: 2})
		case fault.KeepAny:
			fate := w.choose(n, key, 3)
			if kept = fate == 1; fate == 2 && size > 1 {
				part = int(w.choose(n, protocol.Key{Kind: kindTear, A: n.id, N: name}, uint64(size)))
			}
		}
		rec.safe = true
		counts := &w.result.Faults
		switch {
		case kept:
			text = "kept"
			counts.Kept++
			counts.Unsynced--
			d.append(rec)
		case part > 0:
			text = fmt.Sprintf("torn: %d of %d bytes", part, size)
			counts.Torn++
			d.append(slowRecord{bytes: rec.bytes[:part], written: rec.bytes[:part], payload: rec.payload, safe: true})
		}
		counts.Unsynced++
		fates = append(fates, Event{What: Salvaged, Tag: i, Body: rec.bytes, Text: text})
	}
	return fates
}

// torn asks how many unsynced records survive whole in a torn log, and how much of the next.
func (w *slow) torn(n *slowNode, f *fault.Fault, unsafe []uint64, records map[uint64]*slowRecord) (whole, part int) {
	if f.Disk != fault.KeepTorn || len(unsafe) == 0 {
		return 0, 0
	}
	key := protocol.Key{Kind: kindKeep, A: n.id, N: protocol.Hash2(rootFault, f.ID)}
	whole = int(w.choose(n, key, uint64(len(unsafe))+1))
	if whole < len(unsafe) {
		if size := len(records[unsafe[whole]].bytes); size > 1 {
			key.Kind = kindTear
			part = int(w.choose(n, key, uint64(size)))
		}
	}
	return whole, part
}

func (w *slow) rot(n *slowNode, f *fault.Fault) {
	var some []*slowRecord
	for _, i := range protocol.SortedKeys(n.disk.records) {
		rec := n.disk.records[i]
		if rec.safe && len(rec.bytes) > 0 && (rec.payload == 0 || len(rec.bytes) > int(rec.payload-1)) {
			some = append(some, rec)
		}
	}
	if len(some) == 0 {
		return
	}
	key := protocol.Key{Kind: kindRot, A: n.id, N: protocol.Hash2(rootFault, f.ID)}
	rec := some[0]
	if len(some) > 1 {
		rec = some[w.choose(n, key, uint64(len(some)))]
	}
	key.Kind = kindRotBit
	from := 0
	if rec.payload > 0 {
		from = int(rec.payload - 1)
	}
	bit := w.choose(n, key, 8*uint64(len(rec.bytes)-from))
	rec.bytes[from+int(bit/8)] ^= 1 << (bit % 8)
	w.result.Faults.Rotted++
}
