package sim

import (
	"iter"

	"dessim/protocol"
)

// disk is a node's append-only records. A crash loses the unsynced ones, or as many of
// them as its fault says. The records that are left have indices without
// gaps, like those of a log that is read back.
type disk struct {
	first   uint64 // index of recs[0]
	recs    []diskRecord
	safe    int    // recs[:safe] survive a crash
	apart   int    // how many others do: see flush.go
	forget  uint64 // discard below this index at the next sync or flush
	syncing int    // records that the sync under way makes safe
}

// diskRecord is a record and the checksum that shows whether it rotted.
type diskRecord struct {
	bytes   []byte
	sum     uint64
	payload uint32 // one more than where the payload begins; 0 if it has none: see protocol.Env.PersistFrom
	safe    bool   // it survives a crash, though a record before it does not
}

func newDiskRecord(b []byte, payload uint32) diskRecord {
	return diskRecord{bytes: b, sum: protocol.HashBytes(b), payload: payload}
}

func (d *disk) append(rec []byte, payload uint32) uint64 {
	d.recs = append(d.recs, newDiskRecord(append([]byte(nil), rec...), payload))
	return d.first + uint64(len(d.recs)) - 1
}

// discard notes what the next sync forgets, at most the records there are now: a
// greater number must not forget records to come.
func (d *disk) discard(upTo uint64) {
	d.forget = max(d.forget, min(upTo, d.first+uint64(len(d.recs))))
}

// done makes the first n records safe and forgets what was discarded of them.
func (d *disk) done(n int) {
	if d.apart > 0 {
		d.secure(n)
	}
	d.safe = max(d.safe, n)
	d.drop(d.forget)
}

// drop forgets the safe records below an index.
func (d *disk) drop(upTo uint64) {
	if upTo > d.first {
		k := min(upTo-d.first, uint64(d.safe))
		left := d.recs[k:]
		if k > uint64(len(left)) {
			left = append([]diskRecord(nil), left...) // cheap, and gives up the memory
		} else {
			clear(d.recs[:k])
		}
		d.recs = left
		d.first += k
		d.safe -= int(k)
	}
}

// unsynced returns the number of records that a crash may lose.
func (d *disk) unsynced() int { return len(d.recs) - d.safe - d.apart }

// least returns the records that survive any crash now.
func (d *disk) least() []diskRecord { return d.with(d.safe) }

// with returns the first n records, and those after them that survive any crash.
func (d *disk) with(n int) []diskRecord {
	kept := d.recs[:n:n]
	if d.apart > 0 {
		for _, rec := range d.recs[n:] {
			if rec.safe {
				kept = append(kept, rec)
			}
		}
	}
	return kept
}

func (d *disk) records() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for i, rec := range d.recs {
			if !yield(d.first+uint64(i), rec.bytes) {
				return
			}
		}
	}
}

// clone returns a disk with the same records in other memory, for Plan.Poison.
func (d *disk) clone() *disk {
	c := &disk{first: d.first}
	for _, rec := range d.recs {
		c.append(rec.bytes, 0)
	}
	return c
}

func (d *disk) spoil() {
	for _, rec := range d.recs {
		spoil(rec.bytes)
	}
}

func (s *Sim) disk(id protocol.NodeID) *disk {
	x := s.coldOf(id)
	if x.disk == nil {
		x.disk = new(disk)
	}
	return x.disk
}

func (s *Sim) persist(c *cause, n *node, f *protocol.Effect) {
	i := s.disk(c.id).append(f.Body, uint32(f.Tag))
	n.foldRecord(f)
	if s.want&Persisted != 0 {
		s.show(&Event{What: Persisted, Node: c.id, Incarnation: n.inc, Tag: i, Body: f.Body})
	}
}

func (s *Sim) discard(c *cause, n *node, f *protocol.Effect) {
	d := s.disk(c.id)
	d.discard(f.Tag)
	if s.want&Discarded != 0 {
		s.show(&Event{What: Discarded, Node: c.id, Incarnation: n.inc, Tag: d.forget})
	}
}

// sync makes the records safe. If that takes time it keeps the rest of the step
// for later and reports true.
func (s *Sim) sync(c *cause, n *node, effects []protocol.Effect, i int) bool {
	s.result.Syncs++
	d := s.disk(c.id)
	took := uint64(s.plan.Disk.Sync)
	if j := s.plan.Disk.Jitter; j > 0 {
		key := protocol.Key{Kind: kindSync, A: c.id, N: protocol.Hash3(c.name, uint64(n.inc), uint64(countSyncs(effects[:i])))}
		took += s.choose(n, key, uint64(j)+1)
	}
	took += uint64(s.slowSync(c.id))
	x := s.coldOf(c.id)
	if last := x.lastFlush(); last > s.now { // the disk does one thing after the other
		took = max(took, uint64(last-s.now))
	}
	if took == 0 {
		s.finishSync(c, n, d, len(d.recs))
		return false
	}
	d.syncing = len(d.recs)
	if s.want&Noted != 0 {
		for k := i + 1; k <= len(effects); k++ {
			s.showNotes(c, n, k)
		}
	}
	n.seq++
	slot, r := s.slab.alloc(opSynced, c.flag)
	r.src, r.seq = fromNode+uint32(c.id), n.seq
	s.push(entry{s.now + protocol.Time(took), uint32(c.id), slot}, r)
	x.wait = &waiting{cause: *c, effects: copyEffects(effects), next: i + 1, synced: slot}
	n.settle(x)
	return true
}

func countSyncs(effects []protocol.Effect) int {
	n := 0
	for i := range effects {
		if effects[i].Op == protocol.OpSync {
			n++
		}
	}
	return n
}

// copyEffects copies effects and bodies out of the Env, keeping shared bodies
// shared.
func copyEffects(effects []protocol.Effect) []protocol.Effect {
	out := append([]protocol.Effect(nil), effects...)
	size := 0
	var from, to []byte
	for i := range out {
		if b := out[i].Body; !same(b, from) {
			from = b
			size += len(b)
		}
	}
	all := make([]byte, 0, size)
	from = nil
	for i := range out {
		b := out[i].Body
		if len(b) == 0 {
			continue
		}
		if !same(b, from) {
			from = b
			all = append(all, b...)
			to = all[len(all)-len(b) : len(all) : len(all)]
		}
		out[i].Body = to
	}
	return out
}

func (s *Sim) finishSync(c *cause, n *node, d *disk, upTo int) {
	first := d.first
	d.done(upTo)
	if x := s.shadows.of(c.id); x != nil && d.first != first {
		s.remember(c, n, x, d)
	}
	if s.want&Synced != 0 {
		s.show(&Event{What: Synced, Node: c.id, Incarnation: n.inc, Tag: d.first + uint64(d.safe)})
	}
}

// synced goes on with a step when the disk is done, and then with the events
// that came meanwhile.
func (s *Sim) synced(n *node, x *coldState) {
	w := x.wait
	s.finishSync(&w.cause, n, x.disk, x.disk.syncing)
	s.env.Enter(w.cause.id, n.inc, s.now, s.src) // forgets the notes, which were shown
	s.hop.reset()
	for i := range w.effects[:w.next] {
		if f := &w.effects[i]; f.Op == protocol.OpSend {
			s.hop.message(w.cause.wave, w.cause.id, f.To, f.Body)
		}
	}
	x.wait = nil
	n.settle(x)
	s.perform(&w.cause, n, w.effects, w.next)
	switch {
	case n.down: // at one of the effects
		if w.crash != nil {
			s.noImpact(w.crash, "another crash came earlier in that step")
		}
	case x.wait != nil:
		x.wait.crash, x.wait.when = w.crash, w.when
	case w.crash != nil:
		s.crash(w.cause.id, n, w.crash, w.when)
	default:
		s.workOff(n, x)
	}
}
