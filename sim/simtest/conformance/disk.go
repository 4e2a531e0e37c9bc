package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// disk is what the disk of a node may be.
type disk struct {
	first  uint64   // index of recs[0]
	recs   []string //
	safe   int      // recs[:safe] are durable
	forget uint64   // a discard that waits for a sync
}

// String writes the disk for reports.
func (d disk) String() string {
	return fmt.Sprintf("{from %d: %q, then perhaps %q}", d.first, d.recs[:d.safe], d.recs[d.safe:])
}

// do carries out an effect.
func (d *disk) do(a *Act) {
	end := d.first + uint64(len(d.recs))
	switch a.Do {
	case persist:
		d.recs = append(d.recs[:len(d.recs):len(d.recs)], a.Text)
	case discard:
		d.forget = max(d.forget, min(a.Tag, end))
	case syncing:
		if d.forget > d.first {
			d.recs, d.first = d.recs[d.forget-d.first:], d.forget
		}
		d.safe = len(d.recs)
	}
}

// survive returns what the disk is if a Start finds those records, and whether it may.
func (d disk) survive(found []stored) (disk, bool) {
	var bodies []string
	for i, rec := range found {
		if rec.index != d.first+uint64(i) {
			return d, false
		}
		bodies = append(bodies, rec.body)
	}
	if len(bodies) < d.safe || !slices.Equal(bodies[:d.safe], d.recs[:d.safe]) {
		return d, false
	}
	if !left(bodies[d.safe:], d.recs[d.safe:], true) {
		return d, false
	}
	return disk{first: d.first, recs: bodies, safe: len(bodies)}, true
}

// left reports whether bodies may be left of recs that were not synced. One of them may be
// cut short, if mayCut.
func left(bodies, recs []string, mayCut bool) bool {
	if len(bodies) == 0 {
		return true
	}
	for i, rec := range recs {
		if rec == bodies[0] && left(bodies[1:], recs[i+1:], mayCut) {
			return true
		}
		if mayCut && strings.HasPrefix(rec, bodies[0]) && left(bodies[1:], recs[i+1:], false) {
			return true
		}
	}
	return false
}

// distinct returns the disks without repetitions.
func distinct(disks []disk) (out []disk) {
	if len(disks) == 1 {
		return disks
	}
	for _, d := range disks {
		if !slices.ContainsFunc(out, func(o disk) bool { return fmt.Sprintf("%v%d", o, o.forget) == fmt.Sprintf("%v%d", d, d.forget) }) {
			out = append(out, d)
		}
	}
	return out
}
