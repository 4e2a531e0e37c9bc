package volume_test

import (
	"slices"
	"syscall"
	"testing"

	"dessim/sim/host/volume"
)

func TestAWriteInPlaceIsInTheTransactionThatIsOpen(t *testing.T) {
	onEach(t, []volume.Model{volume.Ordered}, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 10, 0)
		b.fsync(f)
		b.create("g")
		g := uint64(len(b.d.records) - 1)
		b.write(f, "x", 10, 0)
		if got := b.v.Pending(f, true); !slices.Equal(got, []uint64{g + 1}) {
			b.Errorf("an fdatasync of f flushes %d, want its data alone, %d", got, g+1)
		}
		if got := b.v.Pending(f, false); !slices.Equal(got, []uint64{g, g + 1}) {
			b.Errorf("an fsync of f flushes %d, want the creation of g, too, since the time of f is beside it", got)
		}
	})
}

func TestAnAppendAfterATruncationNeedsNoSizeBeforeIt(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 10, 0)
		if err := b.v.Truncate(f, 0); err != nil {
			b.Fatal(err)
		}
		b.write(f, "y", 5, 0)
		b.crash("truncate", "write 5", "size 5 ")
		b.want("f: 5*y")
	})
}

func TestAFileThatIsGoneNeedsNoMoreSyncs(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.v.CompactAt(0)
		f := b.create("f")
		b.write(f, "x", 10, 0)
		b.v.Failed(b.v.Pending(f, false))
		if err := b.v.Unlink(volume.Root, "f"); err != nil {
			b.Fatal(err)
		}
		b.d.flush(b.v, b.v.PendingAll())
		if _, ok := b.v.Compact(); !ok {
			b.Error("no snapshot although the file with a page that is not on the disk is gone")
		}
	})
}

func TestAFileThatARenameReplacesGivesUpItsRoom(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10, 0)
		used := b.v.Used()
		g := b.create("g")
		b.write(g, "y", 10, 0)
		b.rename("g", "f")
		if got := b.v.Used(); got != used {
			b.Errorf("the volume holds %d bytes, want the %d from before there was g", got, used)
		}
		if _, err := b.v.Stat(f); err != syscall.ENOENT {
			b.Errorf("stat of the old file: %v", err)
		}
	})
}

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

func TestADirectoryDoesNotMoveBelowItself(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		d := must[volume.Ino](b)(b.v.Mkdir(volume.Root, "d", 0o755))
		e := must[volume.Ino](b)(b.v.Mkdir(d, "e", 0o755))
		for _, to := range []volume.Ino{d, e} {
			if err := b.v.Rename(volume.Root, "d", to, "x", 0); err != syscall.EINVAL {
				b.Errorf("rename of inode %d into inode %d: %v, want EINVAL", d, to, err)
			}
		}
	})
}

func TestAnExchangeThatIsSyncedSurvives(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f, g := b.create("f"), b.create("g")
		b.write(f, "x", 10, 0)
		b.write(g, "y", 10, 0)
		b.fsync(f)
		b.fsync(g)
		if err := b.v.Rename(volume.Root, "f", volume.Root, "g", volume.Exchange); err != nil {
			b.Fatal(err)
		}
		b.fsync(volume.Root)
		b.crash()
		b.want("f: 10*y", "g: 10*x")
	})
}
