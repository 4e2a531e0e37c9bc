package sim

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// slowSync returns how much longer a sync of now takes.
func (s *Sim) slowSync(id protocol.NodeID) time.Duration {
	late := time.Duration(0)
	slow := s.cold[id].slow
	for i := range slow {
		if slow[i].Open(s.now) {
			late += slow[i].By
			slow[i].n++
		}
	}
	if late > 0 {
		s.result.Faults.SlowedSyncs++
	}
	return late
}

// rotsFrom returns the first byte of a record that may rot unseen.
func (r *diskRecord) rotsFrom() int { return int(max(r.payload, 1) - 1) }

// rot flips a bit of a synced record, of its payload if it has one. The checksum stays that of
// what was written, unless it has: then the node gets it as it is.
func (s *Sim) rot(id protocol.NodeID, n *node, x *coldState, f *fault.Fault) {
	if x.disk == nil || len(x.disk.recs) == 0 {
		s.noImpact(f, "node %v's disk had no record", id)
		return
	}
	var some []int
	for i, rec := range x.disk.recs {
		if (i < x.disk.safe || rec.safe) && len(rec.bytes) > rec.rotsFrom() {
			some = append(some, i)
		}
	}
	if len(some) == 0 {
		s.noImpact(f, "node %v's disk had no synced record", id)
		return
	}
	key := protocol.Key{Kind: kindRot, A: id, N: protocol.Hash2(rootFault, f.ID)}
	which := 0
	if len(some) > 1 {
		which = int(s.choose(n, key, uint64(len(some))))
	}
	rec := &x.disk.recs[some[which]]
	b := rec.bytes[rec.rotsFrom():]
	key.Kind = kindRotBit
	bit := s.choose(n, key, 8*uint64(len(b)))
	b[bit/8] ^= 1 << (bit % 8)
	if rec.payload > 0 {
		rec.sum = protocol.HashBytes(rec.bytes)
	}
	s.shadows.rots(id)
	s.result.Faults.Rotted++
	s.did(f)
}

// rotten returns the index of the first record that fails its checksum.
func (d *disk) rotten() (uint64, bool) {
	for i, rec := range d.recs {
		if protocol.HashBytes(rec.bytes) != rec.sum {
			return d.first + uint64(i), true
		}
	}
	return 0, false
}

// sound checks a node's records before it restarts. If one rotted, the node stays
// down for good: starting without it, or with it, would make up a past.
func (s *Sim) sound(id protocol.NodeID, n *node, x *coldState) bool {
	if x.damaged || x.disk == nil {
		return !x.damaged
	}
	i, bad := x.disk.rotten()
	if !bad {
		return true
	}
	x.damaged = true
	n.foldEvent(foldDamaged, s.now, uint64(n.inc))
	s.result.Faults.Damaged++
	if s.want&Damaged != 0 {
		s.show(&Event{What: Damaged, Node: id, Incarnation: n.inc, Text: fmt.Sprintf("record %d fails its checksum", i)})
	}
	return false
}

// toldFull counts a step in which the node asked whether its disk is full, and it was.
func (s *Sim) toldFull(id protocol.NodeID) {
	if s.env.ToldFull() {
		s.result.Faults.Full++
	}
	x := s.cold[id]
	for i := range x.fulls {
		f := &x.fulls[i]
		if !f.Open(s.now) {
			continue
		}
		f.met++
		if s.env.ToldFull() {
			f.n++
		}
	}
}
