package sim

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/fault"
)

// fate says what a crash leaves of a record.
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

// salvage does to the disk what a crash by f does. Records that survive count as synced from then on,
// and follow the records synced before without a gap, as in a log that is read back. The node gets a
// torn record back as it is, shorter, and has to recognise it. The fates are those of the unsynced
// records, if an observer asks for them.
func (s *Sim) salvage(id protocol.NodeID, n *node, d *disk, f *fault.Fault) (fates []fate) {
	kept, rest := d.recs[:d.safe:d.safe], d.recs[d.safe:]
	whole := 0 // under KeepTorn: unsynced records before the torn one
	if left := d.unsynced(); left > 0 && f.Disk == fault.KeepTorn {
		whole = int(s.choose(n, protocol.Key{Kind: kindKeep, A: id, N: protocol.Hash2(rootFault, f.ID)}, uint64(left)+1))
	}
	counts := &s.result.Faults
	done := uint64(0) // unsynced records so far
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
			s.survives(n, protocol.Key{A: id, N: protocol.Hash3(rootFault, f.ID, done)}, f.Disk, &is)
		}
		done++
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

// survives asks for the fate of a record that does not depend on other records.
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
