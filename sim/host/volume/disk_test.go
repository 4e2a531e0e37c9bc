package volume_test

import (
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"dessim/sim/host/volume"
)

// Most disks are small, and so is the heap that they are collected in: less often takes a quarter
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// disk keeps records as the simulator does.
type disk struct {
	records []rec
	first   uint64 // index of the first
	clock   int64
	life    uint32
}

type rec struct {
	bytes   []byte
	payload int
	safe    bool
}

func (d *disk) persist(b []byte, payload int) uint64 {
	d.records = append(d.records, rec{bytes: slices.Clone(b), payload: payload})
	return d.first + uint64(len(d.records)) - 1
}

func (d *disk) now() int64 {
	d.clock += 1000
	return d.clock
}

func (d *disk) all() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for i, r := range d.records {
			if !yield(d.first+uint64(i), r.bytes) {
				return
			}
		}
	}
}

// mount begins a life.
func (d *disk) mount(t failer, m volume.Model) (*volume.Volume, []string) {
	d.life++
	v, notes, err := volume.Mount(d.all(), volume.Config{Model: m, Persist: d.persist, Now: d.now, Epoch: d.life})
	if err != nil {
		t.Fatalf("mount of life %d: %v\n%s", d.life, err, d)
	}
	return v, notes
}

// flush makes records safe.
func (d *disk) flush(v *volume.Volume, records []uint64) {
	for _, i := range records {
		d.records[i-d.first].safe = true
	}
	v.Flushed(records)
}

// unsafe returns the positions of records that a crash may strike.
func (d *disk) unsafe() []int {
	var found []int
	for i, r := range d.records {
		if !r.safe {
			found = append(found, i)
		}
	}
	return found
}

// crash returns the disk as it is when of each unsafe record, by its position, keep bytes are
// left: none if negative.
func (d *disk) crash(keep func(position int) int) *disk {
	after := &disk{first: d.first, clock: d.clock, life: d.life}
	for i, r := range d.records {
		n := len(r.bytes)
		if !r.safe {
			n = min(keep(i), n)
		}
		if n >= 0 {
			after.records = append(after.records, rec{slices.Clone(r.bytes[:n]), r.payload, true})
		}
	}
	return after
}

// String lists the records.
func (d *disk) String() string {
	var b strings.Builder
	for i, r := range d.records {
		mark := " "
		if r.safe {
			mark = "s"
		}
		fmt.Fprintf(&b, "%3d %s %s\n", d.first+uint64(i), mark, volume.Describe(r.bytes))
	}
	return b.String()
}

type failer interface {
	Fatalf(format string, args ...any)
}

// dump returns all that can be seen of a volume as text.
func dump(t failer, v *volume.Volume) string {
	var b strings.Builder
	var walk func(path string, i volume.Ino)
	walk = func(path string, i volume.Ino) {
		info, err := v.Stat(i)
		if err != nil {
			t.Fatalf("stat of %s: %v", path, err)
		}
		fmt.Fprintf(&b, "%s: %#o, %d links, times %d %d", path, info.Mode, info.Nlink, info.Mtime, info.Ctime)
		switch info.Mode & volume.ModeType {
		case volume.ModeRegular:
			fmt.Fprintf(&b, ", inode %d, %d bytes: ", i, info.Size)
			if info.Size < 1<<20 { // a fuzzer makes larger ones
				b.WriteString(spell(contents(t, v, i)))
			}
			b.WriteByte('\n')
		case volume.ModeSymlink:
			target, err := v.Readlink(i)
			fmt.Fprintf(&b, ", to %q, %v\n", target, err)
		default:
			b.WriteByte('\n')
			entries, err := v.Entries(i)
			if err != nil {
				t.Fatalf("entries of %s: %v", path, err)
			}
			for _, e := range entries {
				walk(strings.TrimSuffix(path, "/")+"/"+e.Name, e.Ino)
			}
		}
	}
	walk("/", volume.Root)
	return b.String()
}

func contents(t failer, v *volume.Volume, i volume.Ino) []byte {
	info, err := v.Stat(i)
	if err != nil {
		t.Fatalf("stat of inode %d: %v", i, err)
	}
	b := make([]byte, info.Size)
	if n, err := v.Read(i, b, 0); n != len(b) || err != nil {
		t.Fatalf("read of inode %d: %d bytes of %d, %v", i, n, len(b), err)
	}
	return b
}

// spell writes bytes as runs: "100*a 3*." where . is 0.
func spell(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := 1
		for n < len(b) && b[n] == b[0] {
			n++
		}
		c := fmt.Sprintf("%c", b[0])
		if b[0] == 0 {
			c = "."
		}
		fmt.Fprintf(&s, "%d*%s ", n, c)
		b = b[n:]
	}
	return strings.TrimSpace(s.String())
}

// must is for calls that cannot fail where they stand.
func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}
