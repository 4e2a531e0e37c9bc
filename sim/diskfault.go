package sim

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// salvage does to the disk what a crash by f does. What survives counts as synced
// from then on, and follows the records synced before without a gap: a log that is
// read back has none. A torn record is given to the node as it is, shorter; how to
// tell that is the node's own affair.
func (s *Sim) salvage(id protocol.NodeID, n *node, d *disk, f *fault.Fault) {
	kept, lost := d.recs[:d.safe:d.safe], d.recs[d.safe:]
	key := protocol.Key{Kind: kindKeep, A: id, N: protocol.Hash2(rootFault, f.ID)}
	var torn []byte
	switch {
	case len(lost) == 0:
	case f.Disk == fault.KeepTorn:
		whole := int(s.choose(n, key, uint64(len(lost))+1))
		kept = append(kept, lost[:whole]...)
		if whole < len(lost) && len(lost[whole].bytes) > 1 {
			key.Kind = kindTear
			torn = lost[whole].bytes
			torn = torn[:s.choose(n, key, uint64(len(torn)))]
		}
	case f.Disk == fault.KeepScattered:
		for i := range lost {
			key.N = protocol.Hash3(rootFault, f.ID, uint64(i))
			if s.chance(n, key, protocol.Ratio{Num: 1, Den: 2}) {
				kept = append(kept, lost[i])
			}
		}
	}
	whole := len(kept) - d.safe
	s.result.Faults.Kept += uint64(whole)
	s.result.Faults.Unsynced += uint64(len(lost) - whole)
	if len(torn) > 0 {
		s.result.Faults.Torn++
		kept = append(kept, newDiskRecord(torn))
	}
	d.recs, d.safe, d.forget = kept, len(kept), 0
}

// slowSync gives how much longer a sync of now takes.
func (s *Sim) slowSync(id protocol.NodeID) time.Duration {
	late := time.Duration(0)
	slow := s.rare[id].slow
	for i := range slow {
		if slow[i].Open(s.now) {
			late += slow[i].By
		}
	}
	if late > 0 {
		s.result.Faults.SlowedSyncs++
	}
	return late
}

// rot flips a bit of a synced record. The checksum stays that of what was written.
func (s *Sim) rot(id protocol.NodeID, n *node, x *rare, f *fault.Fault) {
	if x.disk == nil {
		return
	}
	var some []int
	for i, rec := range x.disk.recs[:x.disk.safe] {
		if len(rec.bytes) > 0 {
			some = append(some, i)
		}
	}
	if len(some) == 0 {
		return
	}
	key := protocol.Key{Kind: kindRot, A: id, N: protocol.Hash2(rootFault, f.ID)}
	which := 0
	if len(some) > 1 {
		which = int(s.choose(n, key, uint64(len(some))))
	}
	b := x.disk.recs[some[which]].bytes
	key.Kind = kindRotBit
	bit := s.choose(n, key, 8*uint64(len(b)))
	b[bit/8] ^= 1 << (bit % 8)
	s.result.Faults.Rotted++
}

// rotten gives the index of the first record that fails its checksum.
func (d *disk) rotten() (uint64, bool) {
	for i, rec := range d.recs {
		if protocol.HashBytes(rec.bytes) != rec.sum {
			return d.first + uint64(i), true
		}
	}
	return 0, false
}

// sound checks a node's records before it restarts. If one rotted, the node stays
// down for good: to start without it, or with it, would be to make up a past.
func (s *Sim) sound(id protocol.NodeID, n *node, x *rare) bool {
	if x.damaged || x.disk == nil {
		return !x.damaged
	}
	i, bad := x.disk.rotten()
	if !bad {
		return true
	}
	x.damaged = true
	n.network = protocol.Hash3(n.network^foldDamaged, uint64(s.now), uint64(n.inc))
	s.result.Faults.Damaged++
	if s.want&Damaged != 0 {
		s.show(Event{What: Damaged, Node: id, Incarnation: n.inc, Text: fmt.Sprintf("record %d fails its checksum", i)})
	}
	return false
}
