package sim

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/fault"
)

// fate is what becomes of a record in a crash.
type fate struct {
	index uint64
	rec   []byte
	whole bool
	part  int // bytes that survive, if not all
}

func (f *fate) text() string {
	switch {
	case f.whole:
		return "kept"
	case f.part > 0:
		return fmt.Sprintf("torn: %d of %d bytes", f.part, len(f.rec))
	}
	return "lost"
}

// salvage does to the disk what a crash by f does. What survives counts as synced
// from then on, and follows the records synced before without a gap: a log that is
// read back has none. A torn record is returned to the node as it is, shorter; to
// recognise one is up to the node. The fates are those of unsynced records, if an observer wants
// to see them.
func (s *Sim) salvage(id protocol.NodeID, n *node, d *disk, f *fault.Fault) (fates []fate) {
	kept, rest := d.recs[:d.safe:d.safe], d.recs[d.safe:]
	whole := 0 // records of a torn log, before the torn one
	if left := d.unsynced(); left > 0 && f.Disk == fault.KeepTorn {
		whole = int(s.choose(n, protocol.Key{Kind: kindKeep, A: id, N: protocol.Hash2(rootFault, f.ID)}, uint64(left)+1))
	}
	counts, lost := &s.result.Faults, uint64(0) // of the unsynced ones, so many are done with
	for i, rec := range rest {
		if rec.safe {
			rec.safe = false
			kept = append(kept, rec)
			continue
		}
		is := fate{index: d.first + uint64(d.safe+i), rec: rec.bytes}
		if f.Disk == fault.KeepTorn {
			if is.whole = whole > 0; whole == 0 {
				is.part = s.tear(n, protocol.Key{A: id, N: protocol.Hash2(rootFault, f.ID)}, rec.bytes)
			}
			whole--
		} else {
			s.survives(n, protocol.Key{A: id, N: protocol.Hash3(rootFault, f.ID, lost)}, f.Disk, &is)
		}
		lost++
		switch {
		case is.whole:
			kept = append(kept, rec)
			counts.Kept++
		case is.part > 0:
			kept = append(kept, newDiskRecord(rec.bytes[:is.part], rec.payload))
			counts.Torn++
			fallthrough
		default:
			counts.Unsynced++
		}
		if s.want&Salvaged != 0 {
			fates = append(fates, is)
		}
	}
	d.recs, d.safe, d.apart, d.forget = kept, len(kept), 0, 0
	return fates
}

// survives asks what survives of a record whose fate does not depend on others.
func (s *Sim) survives(n *node, key protocol.Key, how fault.Survival, is *fate) {
	key.Kind = kindKeep
	switch how {
	case fault.KeepScattered:
		is.whole = s.chance(n, key, protocol.Ratio{Num: 1, Den: 2})
	case fault.KeepAny:
		switch s.choose(n, key, 3) {
		case 1:
			is.whole = true
		case 2:
			is.part = s.tear(n, key, is.rec)
		}
	}
}

// tear asks how many bytes survive of a record that is torn.
func (s *Sim) tear(n *node, key protocol.Key, rec []byte) int {
	if len(rec) < 2 {
		return 0
	}
	key.Kind = kindTear
	return int(s.choose(n, key, uint64(len(rec))))
}
