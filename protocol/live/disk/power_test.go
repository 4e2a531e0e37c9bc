package disk

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"dessim/protocol"
	"dessim/protocol/live/disk/disktest"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// A shadow knows what of a folder would survive a power failure: of each file what was synced,
// and of the folder the names it had when it was synced. It is told of each change before it
// happens, so that the one before has happened then.
type shadow struct {
	dir            string
	last, path     string // the change that is about to happen
	names, durable map[string]int
	synced         map[int][]byte // by file
	made           int
}

func newShadow(dir string) *shadow {
	return &shadow{dir: dir, names: make(map[string]int), durable: make(map[string]int), synced: make(map[int][]byte)}
}

// before notes a change that is about to happen, and that the last one has happened.
func (s *shadow) before(op, path string) {
	name := filepath.Base(s.path)
	switch s.last {
	case "create":
		s.made++
		s.names[name] = s.made
	case "sync":
		s.synced[s.names[name]], _ = os.ReadFile(s.path)
	case "rename":
		s.names[name] = s.names[name+".new"]
		delete(s.names, name+".new")
	case "remove":
		delete(s.names, name)
	case "folder":
		s.durable = maps.Clone(s.names)
	}
	s.last, s.path = op, path
}

// fail returns what a power failure leaves: of changes that are not durable any may be.
func (s *shadow) fail(t *rapid.T) map[string][]byte {
	all := make(map[string][]byte)
	names := maps.Clone(s.names)
	maps.Copy(names, s.durable)
	for _, name := range protocol.SortedKeys(names) {
		now, isNow := s.names[name]
		then, wasThen := s.durable[name]
		is, file := isNow, now
		if (is != wasThen || now != then) && rapid.Bool().Draw(t, "name of old") {
			is, file = wasThen, then
		}
		if is {
			all[name] = s.content(t, file)
		}
	}
	return all
}

// content returns what is left of a file: what was synced, or what is there now, or some
// sectors of what was written since.
func (s *shadow) content(t *rapid.T, file int) []byte {
	synced := s.synced[file]
	for name, n := range s.names {
		if n != file {
			continue
		}
		now, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(now) < len(synced) { // it was cut
			return rapid.SampledFrom([][]byte{synced, now}).Draw(t, "cut")
		}
		if !bytes.HasPrefix(now, synced) {
			t.Fatalf("%s was synced as %x, and is %x", name, synced, now)
		}
		left := bytes.Clone(now[:rapid.IntRange(len(synced), len(now)).Draw(t, "length")])
		for at := len(synced); at < len(left); {
			next := min((at/sector+1)*sector, len(left))
			if rapid.IntRange(0, 3).Draw(t, "sector lost") == 0 {
				clear(left[at:next])
			}
			at = next
		}
		return left
	}
	return synced
}

// The power fails before any write, sync, rename or deletion, and the folder has what was synced
// and any of the rest. This stands in for a file system that loses what was not synced.
func TestAPowerFailureKeepsWhatWasSynced(t *testing.T) {
	failures := make(map[string]int)
	lost := 0
	property := func(rt *rapid.T) {
		dir, copied := temp(t, rt), temp(t, rt)
		d := mustOpen(rt, dir, Options{
			Segment: int64(rapid.IntRange(1, 3000).Draw(rt, "segment")),
			Tear:    func(n int) int { return rapid.IntRange(0, n).Draw(rt, "kept") },
		})
		defer d.Close()
		twin, s := new(disktest.Twin), newShadow(dir)
		d.probe = func(op, path string, _ []byte) error {
			s.before(op, path)
			if rapid.IntRange(0, 4).Draw(rt, "power fails") > 0 {
				return nil
			}
			failures[op]++
			folder(rt, copied, s.fail(rt))
			judged := *twin
			for range 2 { // what is found is durable: the second time it is found, too
				n, records, err := found(copied, Options{})
				if err == nil {
					err = judged.Begin(n, records)
				}
				if err != nil {
					rt.Fatalf("power fails before %s of %s: %v", op, path, err)
				}
			}
			lost += int(twin.Next - judged.Next)
			return nil
		}
		for i, o := range append([]disktest.Op{{Do: 'c'}}, disktest.Histories(12, 1500).Draw(rt, "operations")...) {
			if err := disktest.Step(d, twin, o, i > 0); err != nil {
				rt.Fatal(err)
			}
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	for _, op := range []string{"create", "write", "sync", "rename", "folder", "truncate", "remove"} {
		if failures[op] == 0 {
			t.Errorf("vacuous: the power never fails before %s", op)
		}
	}
	if lost == 0 {
		t.Error("vacuous: no record is lost")
	}
}

var errPlanted = errors.New("planted error")

// Each change to files fails once, in a run of its own: a write after half of it.
func TestAFailingCallKeepsWhatWasSynced(t *testing.T) {
	ops := []disktest.Op{{Do: 'c'}}
	for i := range 12 {
		ops = append(ops, disktest.Op{Do: 'a', Rec: body(i)}, disktest.Op{Do: 'a', Rec: body(i + 1)})
		ops = append(ops, disktest.Op{Do: 'd', UpTo: uint64(2*i - 4)}, disktest.Op{Do: 's'})
		if i == 5 {
			ops = append(ops, disktest.Op{Do: 'a', Rec: body(7)}, disktest.Op{Do: 'c'})
		}
	}
	failed := make(map[string]int)
	for bad, done := 0, false; !done; bad++ {
		dir := temp(t, t)
		o := Options{Segment: 1000, Tear: func(n int) int { return n / 2 }}
		d, twin, calls, was := mustOpen(t, dir, o), new(disktest.Twin), 0, ""
		d.probe = func(op, path string, b []byte) error {
			if calls++; calls-1 != bad {
				return nil
			}
			failed[op]++
			was = fmt.Sprintf("call %d, %s of %s", bad, op, path)
			if op == "write" {
				half(t, path, b)
			}
			return errPlanted
		}
		var err error
		for i := 0; i < len(ops) && err == nil; i++ {
			err = disktest.Step(d, twin, ops[i], i > 0)
		}
		done = was == ""
		if !done {
			mustBeUseless(t, d, was, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		n, records, err := found(dir, o)
		if err == nil {
			err = twin.Begin(n, records)
		}
		if err != nil {
			t.Fatalf("after %s failed: %v", was, err)
		}
	}
	for _, op := range []string{"create", "write", "sync", "rename", "folder", "truncate", "remove"} {
		if failed[op] == 0 {
			t.Errorf("vacuous: no %s failed", op)
		}
	}
}

func mustBeUseless(t *testing.T, d *Disk, was string, err error) {
	t.Helper()
	if !errors.Is(err, errPlanted) {
		t.Fatalf("%s failed: got %v", was, err)
	}
	_, beginning := d.Begin()
	for _, err := range []error{d.Append(nil), d.Sync(), d.Crash(), beginning} {
		if !errors.Is(err, errPlanted) {
			t.Fatalf("after %s failed: the disk can be used: %v", was, err)
		}
	}
}

// half appends the first half of b to a file, wherever the write was to go: only the last write
// of a segment is made again, and that is there already.
func half(t *testing.T, path string, b []byte) {
	t.Helper()
	now, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasSuffix(now, b) && len(b) > 0 {
		return
	}
	if err := os.WriteFile(path, append(now, b[:len(b)/2]...), 0o666); err != nil {
		t.Fatal(err)
	}
}
