package sim

import (
	"fmt"
	"slices"

	"dessim/protocol"
)

// Flushes make single records safe, while the node takes further steps. A node's disk does one thing
// after the other, so flushes end in the order in which they began, and a sync ends after the flushes
// before it. The end of a flush is a step of the node, and its records become safe with that step. A
// node that is paused, or waits for a sync, takes it later.

// flushing is a flush under way.
type flushing struct {
	slot    uint32        // of the event that ends it
	at      protocol.Time // of that event
	tag     uint64
	records []byte // indices
	upTo    uint64 // discarded records below it are forgotten at the end
	failed  bool
}

// lastFlush returns when the last flush under way ends, or 0.
func (x *coldState) lastFlush() protocol.Time {
	if n := len(x.flushes); n > 0 {
		return x.flushes[n-1].at
	}
	return 0
}

// flush begins a flush. Without a tag, it ends at once.
func (s *Sim) flush(c *cause, n *node, effects []protocol.Effect, i int) {
	f := &effects[i]
	x, d := s.coldOf(c.id), s.disk(c.id)
	d.knows(c.id, f.Body)
	seq := uint64(0)
	if f.Tag != 0 {
		seq = n.seq + 1
	}
	before := countFlushes(effects[:i], f.Tag)
	wave := protocol.Hash3(c.wave, f.Tag, before)
	name := protocol.Hash3(wave, nameFlush, uint64(c.id))
	if s.want&Flushing != 0 {
		s.show(&Event{What: Flushing, Node: c.id, Incarnation: n.inc, Seq: seq, Name: name, Tag: f.Tag, Body: f.Body})
	}
	if f.Tag == 0 {
		s.finishFlush(c, n, d, f.Body, d.forget)
		return
	}
	if _, ok := inside(n.machine).(protocol.Flusher); !ok {
		panic(fmt.Sprintf("sim: node %v flushes under tag %d, and a %T is no Flusher", c.id, f.Tag, inside(n.machine)))
	}
	s.result.Flushes++
	took := uint64(s.plan.Disk.Sync)
	if j := s.plan.Disk.Jitter; j > 0 {
		key := protocol.Key{Kind: kindFlush, A: c.id, N: protocol.Hash3(c.name, uint64(n.inc), protocol.Hash2(f.Tag, before))}
		took += s.choose(n, key, uint64(j)+1)
	}
	took += uint64(s.slowSync(c.id))
	w := flushing{at: max(s.later(0)+protocol.Time(max(took, 1)), x.lastFlush()), tag: f.Tag, records: slices.Clone(f.Body), upTo: d.forget}
	if len(x.failing) > 0 {
		s.did(x.failing[0])
		x.failing = x.failing[1:]
		n.settle(x)
		w.failed = true
		s.result.Faults.FailedFlushes++
	}
	n.seq = seq
	slot, r := s.slab.alloc(opFlushed, c.flag)
	r.src, r.seq = fromNode+uint32(c.id), n.seq
	r.wave, r.name = wave, name
	s.push(entry{w.at, uint32(c.id), slot}, r)
	w.slot = slot
	x.flushes = append(x.flushes, w)
}

// countFlushes returns the number of flushes under a tag.
func countFlushes(effects []protocol.Effect, tag uint64) (n uint64) {
	for i := range effects {
		if effects[i].Op == protocol.OpFlush && effects[i].Tag == tag {
			n++
		}
	}
	return n
}

// flushed has the node consume the end of its oldest flush.
func (s *Sim) flushed(e entry, r *record, n *node) {
	id := protocol.NodeID(e.dst)
	x := s.cold[id]
	w := x.flushes[0]
	x.flushes = slices.Delete(x.flushes, 0, 1)
	if x := s.shadows.of(id); x != nil {
		x.hears(protocol.Outside, nil)
	}
	text, fold := "", uint64(foldFlushed)
	if w.failed {
		text, fold = FlushFailed, foldUnflushed
	}
	n.foldEvent(fold, s.now, r.name)
	c := causeOf(e, r)
	if !w.failed {
		s.finishFlush(&c, n, x.disk, w.records, w.upTo)
	}
	if s.want&Flushed != 0 {
		s.show(&Event{What: Flushed, Node: id, Incarnation: n.inc, Seq: r.seq, Name: r.name, Tag: w.tag, Body: w.records, Text: text})
	}
	s.slab.release(e.slot, r)
	s.doing = doing{node: id, op: opFlushed, tag: w.tag}
	n.machine.(protocol.Flusher).Flushed(&s.env, w.tag, w.failed)
	s.doing.node = protocol.Outside
}

// FlushFailed is the Text of a Flushed event whose flush failed.
const FlushFailed = "failed"

func (s *Sim) finishFlush(c *cause, n *node, d *disk, records []byte, upTo uint64) {
	first := d.first
	d.flush(records, upTo)
	if x := s.shadows.of(c.id); x != nil && d.first != first {
		s.remember(c, n, x, d)
	}
}

// dropFlushes forgets the flushes under way of a node that crashes.
func (s *Sim) dropFlushes(x *coldState) {
	for _, w := range x.flushes {
		s.kill(w.slot)
	}
	x.flushes = nil
}

// knows panics if one of the indices is that of a record to come.
func (d *disk) knows(id protocol.NodeID, indices []byte) {
	next := d.first + uint64(len(d.recs))
	for i := range protocol.Indices(indices) {
		if i >= next {
			panic(fmt.Sprintf("sim: node %v flushes its record %d, and its next one is %d", id, i, next))
		}
	}
}

// flush makes records safe, except those forgotten meanwhile, and forgets those below upTo, safe or
// not.
func (d *disk) flush(indices []byte, upTo uint64) {
	for i := range protocol.Indices(indices) {
		if i < d.first+uint64(d.safe) {
			continue
		}
		if rec := &d.recs[i-d.first]; !rec.safe {
			rec.safe = true
			d.apart++
		}
	}
	d.secure(int(max(upTo, d.first) - d.first)) // they are forgotten at once, so they may count as safe
	d.drop(upTo)
}

// secure makes the first n records safe, and adds to them the safe records that follow.
func (d *disk) secure(n int) {
	for ; d.safe < len(d.recs) && (d.safe < n || d.recs[d.safe].safe); d.safe++ {
		if rec := &d.recs[d.safe]; rec.safe {
			rec.safe = false
			d.apart--
		}
	}
}
