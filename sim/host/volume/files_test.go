package volume_test

import (
	"testing"

	"dessim/sim/host/volume"
)

// Under POSIX a truncation is its file's to sync, and an entry its directory's: what has gone with
// them must not wait for ever.
func TestWhatIsRemovedIsSyncedWithTheDirectoryAbove(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.v.CompactAt(0)
		f := b.create("f")
		d := must[volume.Ino](b)(b.v.Mkdir(volume.Root, "d", 0o755))
		e := must[volume.Ino](b)(b.v.Mkdir(d, "e", 0o755))
		must[volume.Ino](b)(b.v.Create(e, "g", 0o644))
		for _, err := range []error{
			b.v.Truncate(f, 100), b.v.Unlink(volume.Root, "f"),
			b.v.Rename(e, "g", d, "h", 0), b.v.Unlink(d, "h"), b.v.Rmdir(d, "e"), b.v.Rmdir(volume.Root, "d"),
		} {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.fsync(volume.Root)
		if got := b.v.PendingAll(); got != nil {
			b.Errorf("%d wait for a sync that cannot come\n%s", got, b.d)
		}
		if _, ok := b.v.Compact(); !ok {
			b.Error("no snapshot although nothing is left to sync")
		}
	})
}
