package volume_test

import (
	"testing"

	"dessim/sim/host/volume"
)

// null is a disk that keeps nothing.
func null(b *testing.B) *volume.Volume {
	var index uint64
	v, _, err := volume.Mount((&disk{}).all(), volume.Config{
		Persist: func([]byte, int) uint64 { index++; return index },
		Now:     func() int64 { return int64(index) },
		Epoch:   1,
	})
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// BenchmarkWriteSync appends to a log and syncs it, as a write-ahead log does.
func BenchmarkWriteSync(b *testing.B) {
	for _, size := range []int{100, 4096, 1 << 20} {
		b.Run(sizeName(size), func(b *testing.B) {
			v := null(b)
			f := must[volume.Ino](b)(v.Create(volume.Root, "wal", 0o644))
			p := make([]byte, size)
			off := int64(0)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				must[int](b)(v.Write(f, p, off))
				v.Flushed(v.Pending(f, true))
				if off += int64(size); off >= 64<<20 {
					off = 0
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	v := null(b)
	f := must[volume.Ino](b)(v.Create(volume.Root, "f", 0o644))
	must[int](b)(v.Write(f, make([]byte, 16<<20), 0))
	p := make([]byte, 4096)
	off := int64(0)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		must[int](b)(v.Read(f, p, off))
		off = (off + 4096) % (16 << 20)
	}
}

// BenchmarkMount mounts 10,000 writes of 4096 bytes, from records and from a snapshot.
func BenchmarkMount(b *testing.B) {
	d := &disk{}
	v, _ := d.mount(b, volume.Ordered)
	f := must[volume.Ino](b)(v.Create(volume.Root, "f", 0o644))
	p := make([]byte, 4096)
	for n := range int64(10000) {
		must[int](b)(v.Write(f, p, n%5000*4096))
	}
	d.flush(v, v.PendingAll())
	mount := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := volume.Mount(d.all(), volume.Config{Epoch: 2, Now: d.now}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("records", mount)
	v.CompactAt(0)
	i, ok := v.Compact()
	if !ok {
		b.Fatal("no snapshot")
	}
	d.records = d.records[i:]
	b.Run("snapshot", mount)
}

func BenchmarkRename(b *testing.B) {
	v := null(b)
	must[volume.Ino](b)(v.Create(volume.Root, "a", 0o644))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range []error{v.Rename(volume.Root, "a", volume.Root, "b", 0), v.Rename(volume.Root, "b", volume.Root, "a", 0)} {
			if err != nil {
				b.Fatal(err)
			}
		}
		v.Flushed(v.Pending(volume.Root, false))
	}
}

func sizeName(n int) string {
	switch n {
	case 1 << 20:
		return "1MiB"
	case 4096:
		return "4KiB"
	}
	return "100B"
}
