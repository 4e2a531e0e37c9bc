// Package disktest judges disks of nodes by obligations 1, 13 to 15 and 25 of package
// protocol: a Twin says what the contract allows, and Histories draws what to do. A disk in
// files and the simulator's own are judged by the same.
package disktest

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"dessim/protocol/live"

	"pgregory.net/rapid"
)

// Disk is a disk that outlives a node.
type Disk interface {
	live.Disk
	Crash() error // gives up what was not synced
}

// Op is what is done to a disk.
type Op struct {
	Do   byte // 'a'ppend, 'd'iscard, 's'ync, or 'c'rash and begin
	Rec  []byte
	UpTo uint64
}

// String names the operation in failures.
func (o Op) String() string {
	switch o.Do {
	case 'a':
		return fmt.Sprintf("append %d bytes", len(o.Rec))
	case 'd':
		return fmt.Sprintf("discard %d", o.UpTo)
	case 's':
		return "sync"
	}
	return "crash"
}

// Histories draws what is done to a disk after the first Begin: at most most operations, with
// records of at most long bytes, most of which are not alike.
func Histories(most, long int) *rapid.Generator[[]Op] {
	op := rapid.Custom(func(t *rapid.T) Op {
		o := Op{Do: rapid.SampledFrom([]byte("aaaaaassdc")).Draw(t, "do")}
		switch o.Do {
		case 'a':
			n := rapid.IntRange(0, long).Draw(t, "length")
			for x := byte(rapid.IntRange(0, 255).Draw(t, "first byte")); len(o.Rec) < n; x++ {
				o.Rec = append(o.Rec, x)
			}
		case 'd':
			o.UpTo = uint64(rapid.IntRange(0, most).Draw(t, "up to"))
		}
		return o
	})
	return rapid.SliceOfN(op, 1, most)
}

// A Record is one that a disk has.
type Record struct {
	Index uint64
	Body  []byte
}

// Read returns copies of records.
func Read(records iter.Seq2[uint64, []byte]) (list []Record) {
	for i, b := range records {
		list = append(list, Record{i, bytes.Clone(b)})
	}
	return list
}

// Twin is a disk as the contract describes it: slow and obvious. The zero Twin is a disk
// before the first Begin.
type Twin struct {
	Incarnation uint32
	Records     []Record // that were not discarded, with those that are not synced
	Next        uint64   // index of the next record
	Safe        uint64   // records below it survive
	Floor       uint64   // records below it are gone
	forget      uint64   // Floor after the next sync
	trying      bool     // a sync is under way, or failed
}

// Do does what is not a crash.
func (t *Twin) Do(o Op) {
	switch o.Do {
	case 'a':
		t.Records = append(t.Records, Record{t.Next, o.Rec})
		t.Next++
	case 'd':
		t.forget = max(t.forget, min(o.UpTo, t.Next))
	case 's':
		t.Safe, t.trying = t.Next, false
		t.keep(t.forget)
	}
}

// Try says that a sync is under way: it may have had its effect or not, from here on.
func (t *Twin) Try() { t.trying = true }

func (t *Twin) keep(from uint64) {
	t.Floor = max(t.Floor, from)
	t.Records = slices.DeleteFunc(slices.Clone(t.Records), func(r Record) bool { return r.Index < t.Floor })
}

// Begin judges what an incarnation finds after a crash, and goes on with that.
func (t *Twin) Begin(incarnation uint32, found []Record) error {
	if incarnation <= t.Incarnation {
		return fmt.Errorf("incarnation %d begins after %d", incarnation, t.Incarnation)
	}
	if t.trying && t.forget > t.Floor && (len(found) == 0 || found[0].Index >= t.forget) {
		synced := *t
		synced.Do(Op{Do: 's'})
		if err := synced.begin(incarnation, found); err == nil {
			*t = synced
			return nil
		}
	}
	return t.begin(incarnation, found)
}

func (t *Twin) begin(incarnation uint32, found []Record) error {
	for i, r := range found {
		if want := t.Floor + uint64(i); r.Index != want {
			return fmt.Errorf("record %d is found where record %d is due: %v", r.Index, want, indices(found))
		}
	}
	safe := int(max(t.Safe, t.Floor) - t.Floor)
	if len(found) < safe {
		return fmt.Errorf("of records %d to %d, which were synced, %v are found", t.Floor, t.Safe-1, indices(found))
	}
	for i, r := range t.Records[:safe] {
		if !bytes.Equal(r.Body, found[i].Body) {
			return fmt.Errorf("record %d is %x, want %x", r.Index, found[i].Body, r.Body)
		}
	}
	if !survive(found[safe:], t.Records[safe:], true) {
		return fmt.Errorf("of %d records from %d on, which were not synced, %v are found, which are not some of them in order, at most one cut short",
			len(t.Records)-safe, t.Safe, indices(found[safe:]))
	}
	next := t.Floor + uint64(len(found))
	*t = Twin{Incarnation: incarnation, Records: found, Next: next, Safe: next, Floor: t.Floor}
	return nil
}

// survive reports whether found are some of lost, in order, at most one of them cut short.
func survive(found, lost []Record, mayCut bool) bool {
	if len(found) == 0 {
		return true
	}
	for i, r := range lost {
		whole := bytes.Equal(r.Body, found[0].Body)
		cut := mayCut && bytes.HasPrefix(r.Body, found[0].Body)
		if (whole || cut) && survive(found[1:], lost[i+1:], mayCut && whole) {
			return true
		}
	}
	return false
}

func indices(records []Record) (list []uint64) {
	for _, r := range records {
		list = append(list, r.Index)
	}
	return list
}

// Play does ops to a disk that is to begin, and judges it. It returns the twin, for more.
func Play(d Disk, ops []Op) (*Twin, error) {
	t := new(Twin)
	for i, o := range append([]Op{{Do: 'c'}}, ops...) {
		if err := Step(d, t, o, i > 0); err != nil {
			return t, fmt.Errorf("operation %d of %v: %w", i, ops, err)
		}
	}
	return t, nil
}

// Step does one operation and judges it. Unless begun, a crash is only a Begin.
func Step(d Disk, t *Twin, o Op, begun bool) error {
	switch o.Do {
	case 'a':
		if err := d.Append(o.Rec); err != nil {
			return err
		}
	case 'd':
		d.Discard(o.UpTo)
	case 's':
		t.Try()
		if err := d.Sync(); err != nil {
			return err
		}
	case 'c':
		if begun {
			if err := d.Crash(); err != nil {
				return err
			}
		}
		n, err := d.Begin()
		if err != nil {
			return err
		}
		found := Read(d.Records())
		if again := Read(d.Records()); !slices.EqualFunc(found, again, func(a, b Record) bool { return a.Index == b.Index && bytes.Equal(a.Body, b.Body) }) {
			return fmt.Errorf("the records read again are %v, want %v", again, found)
		}
		return t.Begin(n, found)
	}
	t.Do(o)
	return nil
}
