package disk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dessim/protocol/live/disk/disktest"
)

// body returns the i-th record: one of various lengths, some of which are zeros.
func body(i int) []byte {
	if i%5 == 4 {
		return make([]byte, 1200)
	}
	return bytes.Repeat([]byte{byte(i), 0, 1}, 7*i%50)
}

// past makes a folder with a past: segments, discards, incarnations, and in the last segment
// two syncs. It returns what the next incarnation finds, and which file is written to.
func past(t *testing.T, dir string) (want []disktest.Record, last string) {
	t.Helper()
	d := mustOpen(t, dir, Options{Segment: 1500})
	defer d.Close()
	var ops []disktest.Op
	for i := range 20 {
		ops = append(ops, disktest.Op{Do: 'a', Rec: body(i)})
		if i%3 == 0 {
			ops = append(ops, disktest.Op{Do: 'd', UpTo: uint64(max(0, i-8))}, disktest.Op{Do: 's'})
		}
		if i%8 == 5 {
			ops = append(ops, disktest.Op{Do: 'c'})
		}
	}
	twin, err := disktest.Play(d, append(ops, disktest.Op{Do: 's'}))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.older) == 0 || d.log.number < 3 {
		t.Fatalf("vacuous: %d older segments, the last is %d", len(d.older), d.log.number)
	}
	return twin.Records, filepath.Base(d.log.f.Name())
}

func equal(a, b []disktest.Record) bool {
	return slices.EqualFunc(a, b, func(a, b disktest.Record) bool { return a.Index == b.Index && bytes.Equal(a.Body, b.Body) })
}

// unsynced appends to the files of a folder a write that was not synced, and returns what it
// appended.
func unsynced(t *testing.T, dir string, records int) (write []byte) {
	t.Helper()
	d := mustOpen(t, dir, Options{})
	defer d.Close()
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := d.Append(body(i + 2)); err != nil {
			t.Fatal(err)
		}
	}
	write = bytes.Clone(d.buf)
	d.o.Tear = func(n int) int { return n }
	if err := d.Crash(); err != nil {
		t.Fatal(err)
	}
	return write
}

// A write that was not synced may be cut anywhere, and a power failure may leave any of its
// sectors unwritten.
func TestAnUnfinishedWriteLeavesItsFirstRecords(t *testing.T) {
	dir := temp(t, t)
	want, last := past(t, dir)
	write := unsynced(t, dir, 6)
	all := files(t, dir)
	from := len(all[last]) - len(write)
	kept := make(map[int]bool)
	check := func(what string, change func(b []byte) []byte) {
		t.Helper()
		replace(t, filepath.Join(dir, last), change(bytes.Clone(all[last])))
		got, err := read(dir)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		more := len(got) - len(want)
		if more < 0 || !equal(got[:len(want)], want) {
			t.Fatalf("%s: found %d records, want the %d synced first", what, len(got), len(want))
		}
		for i, r := range got[len(want):] {
			if !bytes.Equal(r.Body, body(i+2)) {
				t.Fatalf("%s: record %d is %x", what, r.Index, r.Body)
			}
		}
		if kept[more] {
			return
		}
		kept[more] = true
		defer folder(t, dir, all)
		for i := range uint32(2) { // and so do incarnations, of which past has three
			if n, begun, err := found(dir, Options{}); err != nil || n != 5+i || !equal(begun, got) {
				t.Fatalf("%s: incarnation %d finds %d records, %v; want incarnation %d and %d records", what, n, len(begun), err, 5+i, len(got))
			}
		}
	}
	for cut := range len(write) + 1 {
		check(fmt.Sprintf("%d of %d bytes", cut, len(write)), func(b []byte) []byte { return b[:from+cut] })
		if cut%7 == 0 {
			check(fmt.Sprintf("zeros after %d of %d bytes", cut, len(write)), func(b []byte) []byte {
				at := min((from+cut+sector-1)/sector*sector, len(b))
				clear(b[at:])
				return b
			})
		}
	}
	for at := from / sector * sector; at < len(all[last]); at += sector {
		check(fmt.Sprintf("zeros in the sector at %d", at), func(b []byte) []byte {
			clear(b[max(at, from):min(at+sector, len(b))])
			return b
		})
	}
	if len(kept) != 7 {
		t.Errorf("vacuous: %v of 6 records are kept, want every number once", kept)
	}
}

// Whatever bit is wrong, of whatever needed file: there is an error that says where, and never
// a record that is not what was synced.
func TestAWrongBitIsRefused(t *testing.T) {
	for _, tail := range []int{0, 2} { // a write that is not synced may follow
		dir := temp(t, t)
		want, last := past(t, dir)
		write := unsynced(t, dir, tail)
		all := files(t, dir)
		synced := len(all[last]) - len(write)
		flips := 0
		for name, b := range all {
			path := filepath.Join(dir, name)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for bit := range 8 * len(b) {
				if name == last && bit/8 >= synced || (tail > 0 || testing.Short()) && bit%11 != 0 {
					continue
				}
				flips++
				if _, err := f.WriteAt([]byte{b[bit/8] ^ 1<<(bit%8)}, int64(bit/8)); err != nil {
					t.Fatal(err)
				}
				got, err := read(dir)
				if !isDamage(err) && !strings.Contains(fmt.Sprint(err), "has version") {
					t.Fatalf("bit %d of byte %d of %s, with %d records not synced: found %d records of %d, %v; want a DamageError", bit%8, bit/8, name, tail, len(got), len(want), err)
				}
				if !strings.Contains(err.Error(), path) {
					t.Fatalf("%v does not name %s", err, path)
				}
				if _, err := f.WriteAt(b[bit/8:bit/8+1], int64(bit/8)); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("%d bits, in %d files", flips, len(all))
	}
}

// A sector of zeros is taken for one that was not written only in the last write.
func TestASectorLostAfterItsSyncIsRefused(t *testing.T) {
	dir := temp(t, t)
	_, last := past(t, dir)
	for range 3 { // the records count as synced when the next incarnation begins
		unsynced(t, dir, 6)
	}
	all := files(t, dir)
	parts := 0
	for name, b := range all {
		end := len(b)
		if name == last {
			if end -= 2000; end < sector { // the last write is in there
				t.Fatalf("vacuous: %s has %d bytes", name, len(b))
			}
		}
		for at := 0; at < end; at += sector {
			parts++
			folder(t, dir, with(all, name, func(b []byte) []byte {
				clear(b[at:min(at+sector, len(b))])
				return b
			}))
			if _, err := read(dir); !isDamage(err) || !strings.Contains(err.Error(), name) {
				t.Errorf("zeros at %d of %s: %v; want a DamageError that names it", at, name, err)
			}
		}
	}
	if parts < 4 {
		t.Errorf("vacuous: %d sectors", parts)
	}
}

// Two nodes have done the same, but one has other records, or more of them.
func TestASegmentOfAnotherPastIsRefused(t *testing.T) {
	write := func(records int) (string, map[string][]byte) {
		dir := temp(t, t)
		var ops []disktest.Op
		for i := range records {
			ops = append(ops, disktest.Op{Do: 'a', Rec: body(i)})
		}
		d := mustOpen(t, dir, Options{Segment: 1})
		defer d.Close()
		if _, err := disktest.Play(d, append(ops, disktest.Op{Do: 's'}, disktest.Op{Do: 'a'}, disktest.Op{Do: 's'}, disktest.Op{Do: 'a'}, disktest.Op{Do: 's'})); err != nil {
			t.Fatal(err)
		}
		return dir, files(t, dir)
	}
	dir, all := write(3)
	_, other := write(4)
	for name := range all {
		folder(t, dir, with(all, name, func([]byte) []byte { return other[name] }))
		if _, err := read(dir); !isDamage(err) {
			t.Errorf("%s of another node: %v; want a DamageError", name, err)
		}
	}
}

// After a sync that failed, the system may show bytes that the disk does not have and that no
// later sync writes. So Begin writes them again, before it syncs.
func TestTheLastWriteIsMadeAgain(t *testing.T) {
	dir := temp(t, t)
	d := mustOpen(t, dir, Options{})
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(d.Append([]byte("a record")), d.Append([]byte("another")))
	last := bytes.Clone(d.buf)
	d.probe = func(op, _ string, _ []byte) error {
		if op == "sync" {
			return errPlanted
		}
		return nil
	}
	if !errors.Is(d.Sync(), errPlanted) {
		t.Fatal("the sync does not fail")
	}
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	d = mustOpen(t, dir, Options{})
	defer d.Close()
	var calls []string
	d.probe = func(op, _ string, b []byte) error {
		if bytes.Equal(b, last) {
			op = "again"
		}
		calls = append(calls, op)
		return nil
	}
	if _, err := d.Begin(); err != nil || !slices.Equal(calls, []string{"again", "sync", "write", "sync"}) {
		t.Errorf("Begin makes the calls %q, %v", calls, err)
	}
}

// read returns what an incarnation would find, without the syncs that beginning one takes.
func read(dir string) (records []disktest.Record, err error) {
	d := Disk{dir: dir}
	numbers, err := d.numbers()
	if err != nil {
		return nil, err
	}
	parts, err := d.parts(numbers)
	if err != nil {
		return nil, err
	}
	d.keep(parts)
	return disktest.Read(d.Records()), nil
}

func TestAMissingSegmentIsRefused(t *testing.T) {
	dir := temp(t, t)
	past(t, dir)
	all := files(t, dir)
	if len(all) < 2 {
		t.Fatalf("vacuous: %d files", len(all))
	}
	for name := range all {
		folder(t, dir, all)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := found(dir, Options{}); !isDamage(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v; want a DamageError that names it", name, err)
		}
	}
}

func TestAnExchangedSegmentIsRefused(t *testing.T) {
	dir := temp(t, t)
	past(t, dir)
	all := files(t, dir)
	for name := range all {
		for other, b := range all {
			if other == name {
				continue
			}
			folder(t, dir, with(all, name, func([]byte) []byte { return b }))
			if _, _, err := found(dir, Options{}); !isDamage(err) {
				t.Errorf("%s in place of %s: %v; want a DamageError", other, name, err)
			}
		}
	}
}

// A segment that a power failure brought back has discarded records only.
func TestADeletedSegmentThatComesBackIsDeletedAgain(t *testing.T) {
	dir := temp(t, t)
	d := mustOpen(t, dir, Options{Segment: 200})
	defer d.Close()
	if _, err := disktest.Play(d, []disktest.Op{{Do: 'a', Rec: make([]byte, 300)}, {Do: 's'}, {Do: 'a', Rec: []byte("kept")}}); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	d.Discard(1)
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
	const first = "log-0000000001"
	if files(t, dir)[first] != nil || before[first] == nil {
		t.Fatal("the first segment is not deleted")
	}
	if err := os.WriteFile(filepath.Join(dir, first), before[first], 0o666); err != nil {
		t.Fatal(err)
	}
	_, got, err := found(dir, Options{})
	if err != nil || len(got) != 1 || got[0].Index != 1 || string(got[0].Body) != "kept" || files(t, dir)[first] != nil {
		t.Errorf("found %v, %v; want record 1 alone, and no %s", got, err, first)
	}
}

// The format is a promise to the folders that exist.
func TestTheFormatIsPinned(t *testing.T) {
	b := appendFrame(nil, kindSegment, 1, 0, (&header{7, state{2, 5, 3}, "node 1"}).append(nil))
	b = appendRecord(b, 7, 5, 68, []byte("eleven bytes"))
	const want = "64736d732300000001000000000000000000000000000000704209620107000000000000000500000000000000030000000000000002000000" +
		"6e6f64652031ece6c222a5" +
		"64736d720c000000050000000000000044000000000000008516355dc0acded6005d285382172b8eb3129a25a5"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
