package disk

import (
	"fmt"
	"testing"
)

func begun(b *testing.B) *Disk {
	d := mustOpen(b, b.TempDir(), Options{})
	b.Cleanup(func() { d.Close() })
	if _, err := d.Begin(); err != nil {
		b.Fatal(err)
	}
	return d
}

// The time of a record that is synced by itself, as on the way to a message that depends on it.
func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{100, 10000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d, rec := begun(b), make([]byte, size)
			for b.Loop() {
				if err := d.Append(rec); err != nil {
					b.Fatal(err)
				}
				if err := d.Sync(); err != nil {
					b.Fatal(err)
				}
				d.Discard(d.next)
			}
		})
	}
}

// The time of a record without its sync.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 10000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d, rec := begun(b), make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := d.Append(rec); err != nil {
					b.Fatal(err)
				}
				if len(d.buf) > 1<<20 {
					d.buf = d.buf[:0]
				}
			}
		})
	}
}

// The time to begin with 1,000 records.
func BenchmarkBegin(b *testing.B) {
	d := begun(b)
	for range 1000 {
		if err := d.Append(make([]byte, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Sync(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := d.Crash(); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Begin(); err != nil {
			b.Fatal(err)
		}
	}
}
