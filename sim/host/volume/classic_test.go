package volume_test

import (
	"bytes"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dessim/sim/host/volume"
)

var weak = []volume.Model{volume.Ordered, volume.POSIX}

// bench is one volume for a case.
type bench struct {
	*testing.T
	model volume.Model
	d     *disk
	v     *volume.Volume
	notes []string
}

func onEach(t *testing.T, models []volume.Model, do func(b *bench)) {
	for _, m := range models {
		t.Run(m.String(), func(t *testing.T) {
			b := &bench{T: t, model: m, d: &disk{}}
			b.v, _ = b.d.mount(t, m)
			do(b)
		})
	}
}

func (b *bench) create(name string) volume.Ino {
	b.Helper()
	return must[volume.Ino](b)(b.v.Create(volume.Root, name, 0o644))
}

func (b *bench) write(i volume.Ino, text string, times int, off int64) {
	b.Helper()
	must[int](b)(b.v.Write(i, bytes.Repeat([]byte(text), times), off))
}

func (b *bench) rename(from, to string) {
	b.Helper()
	if err := b.v.Rename(volume.Root, from, volume.Root, to, 0); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) fsync(i volume.Ino) { b.d.flush(b.v, b.v.Pending(i, false)) }

func (b *bench) fdatasync(i volume.Ino) { b.d.flush(b.v, b.v.Pending(i, true)) }

// crash keeps, of the records that are not safe, those whose description has one of these words.
func (b *bench) crash(kept ...string) {
	b.Helper()
	records := b.d.records
	b.d = b.d.crash(func(position int) int {
		what := volume.Describe(records[position].bytes)
		if slices.ContainsFunc(kept, func(k string) bool { return strings.Contains(what, k) }) {
			return 1 << 30
		}
		return -1
	})
	b.v, b.notes = b.d.mount(b, b.model)
}

// want says what the files of the root directory are.
func (b *bench) want(files ...string) {
	b.Helper()
	var got []string
	entries, err := b.v.Entries(volume.Root)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		got = append(got, e.Name+": "+spell(contents(b, b.v, e.Ino)))
	}
	if !slices.Equal(got, files) {
		b.Fatalf("the files are\n%s\nwant\n%s\nrecords\n%s", strings.Join(got, "\n"), strings.Join(files, "\n"), b.d)
	}
}

func TestARenameIsLostWithoutAnFsyncOfItsDirectory(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("tmp")
		b.write(f, "x", 10, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.rename("tmp", "final")
		b.crash()
		b.want("tmp: 10*x")
		b.rename("tmp", "final")
		b.fsync(volume.Root)
		b.crash()
		b.want("final: 10*x")
	})
}

func TestAnFsyncOfAFileMakesItsNameSafeUnderOrderedOnly(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.fsync(b.create("f"))
		b.crash()
		if b.model == volume.Ordered {
			b.want("f: ")
		} else {
			b.want()
		}
	})
}

func TestDataMayBeMissingAfterARenameUnlessItWasSynced(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.write(b.create("tmp"), "x", 10, 0)
		b.rename("tmp", "final")
		b.crash("create", "rename")
		b.want("final: ")

		f := b.create("tmp")
		b.write(f, "x", 10, 0)
		b.fsync(f)
		b.rename("tmp", "final")
		b.crash("create", "rename")
		b.want("final: 10*x")
	})
}

func TestAnAppendWithoutItsDataReadsAsZerosUnderPOSIXOnly(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "y", 20, 10)
		b.crash("size")
		if b.model == volume.Ordered {
			b.want("f: 10*x")
		} else {
			b.want("f: 10*x 20*.")
		}
	})
}

func TestDataWithoutItsSizeIsNotThere(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "y", 20, 10)
		b.crash("write")
		b.want("f: 10*x")
		// And it does not come back when the file grows.
		f = must[volume.Ino](b)(b.v.Lookup(volume.Root, "f"))
		if err := b.v.Truncate(f, 15); err != nil {
			b.Fatal(err)
		}
		b.want("f: 10*x 5*.")
		b.fsync(f)
		b.crash()
		b.want("f: 10*x 5*.")
	})
}

func TestAnAppendOfSeveralPagesSurvivesInPart(t *testing.T) {
	onEach(t, []volume.Model{volume.Ordered}, func(b *bench) {
		f := b.create("f")
		b.fsync(f)
		b.write(f, "x", 10000, 0)
		b.write(f, "y", 100, 10000)
		b.crash("at 0", "size", "at 8192", "at 10000")
		b.want("f: 4096*x")
	})
}

func TestAWriteToAPageNeedsThoseBeforeItUnderOrderedOnly(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 100, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 10, 0)
		b.write(f, "y", 10, 10)
		b.crash("at 10")
		if b.model == volume.Ordered {
			b.want("f: 100*o")
		} else {
			b.want("f: 10*o 10*y 80*o")
		}
	})
}

func TestOperationsOnMetadataSurviveInOrderUnderOrderedOnly(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.create("a")
		b.create("b")
		b.create("c")
		b.crash("/a", "/c")
		if b.model == volume.Ordered {
			b.want("a: ")
			if len(b.notes) != 2 || !strings.Contains(b.notes[1], "create /c: dropped") {
				b.Errorf("the notes are %q", b.notes)
			}
		} else {
			b.want("a: ", "c: ")
		}
	})
}

func TestAnFsyncMakesSafeWhatWasBeforeTheInodeChanged(t *testing.T) {
	onEach(t, []volume.Model{volume.Ordered}, func(b *bench) {
		f := b.create("f")
		b.create("g")
		if got := b.v.Pending(f, false); !slices.Equal(got, []uint64{0}) {
			b.Errorf("an fsync of f flushes %d, want its creation alone", got)
		}
		b.fsync(f)
		if got := b.v.Pending(f, false); got != nil {
			b.Errorf("a second fsync flushes %d, want nothing", got)
		}
		b.write(f, "x", 1, 0) // its times are in the transaction that has g
		if got := b.v.Pending(f, false); !slices.Equal(got, []uint64{1, 2, 3}) {
			b.Errorf("after a write an fsync flushes %d, want all", got)
		}
	})
}

func TestAnFdatasyncLeavesPermissionsBehind(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		if err := b.v.Chmod(f, 0o600); err != nil {
			b.Fatal(err)
		}
		b.write(f, "y", 10, 0) // in place
		b.fdatasync(f)
		b.crash()
		b.want("f: 10*y")
		if info, err := b.v.Stat(f); err != nil || info.Mode != volume.ModeRegular|0o644 {
			b.Errorf("the mode is %#o, %v", info.Mode, err)
		}
	})
}

func TestATornWriteEndsAtASector(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 4096, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 2000, 100)
		torn := len(b.d.records) - 1
		header := b.d.records[torn].payload
		b.d = b.d.crash(func(int) int { return header + 1000 })
		b.v, b.notes = b.d.mount(b, b.model)
		b.want("f: 100*o 924*x 3072*o") // up to byte 1024
		if len(b.notes) != 1 || b.notes[0] != "write 2000 bytes at 100 of /f: torn after 924 bytes" {
			b.Errorf("the notes are %q", b.notes)
		}
	})
}

func TestAFailedFsyncLosesThePageAlthoughALaterOneSucceeds(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 100, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 100, 0)
		b.v.Failed(b.v.Pending(f, false))
		b.want("f: 100*x") // memory has it still
		if got := b.v.Pending(f, true); got != nil {
			b.Errorf("the next fdatasync flushes %d, want nothing", got)
		}
		b.fsync(f)
		b.crash()
		b.want("f: 100*o")
	})
}

func TestAfterAFailedFsyncOfAnAppendTheSizeIsThereAndTheDataIsNot(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 5000, 0)
		underWay := b.v.Pending(f, false)
		b.create("g")
		b.v.Failed(underWay)
		b.fsync(f)
		b.crash()
		files := []string{"f: 5000*.", "g: "} // the same transaction has g
		if b.model == volume.POSIX {
			files = files[:1]
		}
		b.want(files...)
		f = must[volume.Ino](b)(b.v.Lookup(volume.Root, "f"))
		b.write(f, "x", 5000, 5000)
		b.v.Failed(b.v.Pending(f, false))
		b.write(f, "y", 5000, 12288)
		b.fsync(f)
		b.crash()
		files[0] = "f: 12288*. 5000*y"
		b.want(files...)
	})
}

func TestAPageWrittenToAfterAFailedFsyncIsWrittenWhole(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 100, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 50, 0)
		b.v.Failed(b.v.Pending(f, false))
		b.write(f, "y", 1, 99)
		b.fsync(f)
		b.crash()
		b.want("f: 50*x 49*o 1*y")
	})
}

func TestAPageWrittenToWhileItsFlushFailsStaysDirty(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "o", 100, 0)
		b.fsync(f)
		b.fsync(volume.Root)
		b.write(f, "x", 50, 0)
		underWay := b.v.Pending(f, false)
		b.write(f, "y", 1, 99)
		b.v.Failed(underWay)
		b.fsync(f)
		b.crash()
		b.want("f: 50*x 49*o 1*y")
	})
}

func TestAnFsyncThatSucceedsWhileAnEarlierOneFailsKeepsItsPromise(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.fsync(volume.Root)
		b.write(f, "x", 50, 0)
		first := b.v.Pending(f, false)
		b.write(f, "y", 50, 50)
		second := b.v.Pending(f, false)
		b.v.Failed(first)
		b.d.flush(b.v, second)
		b.crash()
		b.want("f: 50*x 50*y")
	})
}

func TestThereIsNoSnapshotOfWhatTheDiskLacks(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		b.v.CompactAt(0)
		f := b.create("f")
		if _, ok := b.v.Compact(); ok {
			b.Error("a snapshot with records pending")
		}
		b.fsync(volume.Root)
		b.write(f, "x", 10, 0)
		b.v.Failed(b.v.Pending(f, false))
		b.d.flush(b.v, b.v.PendingAll())
		if _, ok := b.v.Compact(); ok {
			b.Error("a snapshot with a page that counts as clean and is not on the disk")
		}
		b.write(f, "y", 1, 0)
		b.d.flush(b.v, b.v.PendingAll())
		if _, ok := b.v.Compact(); !ok {
			b.Error("no snapshot although all is on the disk")
		}
	})
}

func TestSyncedLosesNothing(t *testing.T) {
	onEach(t, []volume.Model{volume.Synced}, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10000, 0)
		b.rename("f", "g")
		if got := b.v.PendingAll(); got != nil {
			b.Errorf("%d pending", got)
		}
		b.crash("create", "write", "size", "rename")
		b.want("g: 10000*x")
	})
}

func TestAnInodeWithoutANameLivesWhileItIsHeld(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.v.Hold(f)
		if err := b.v.Unlink(volume.Root, "f"); err != nil {
			b.Fatal(err)
		}
		b.write(f, "x", 10, 0)
		if got := spell(contents(b, b.v, f)); got != "10*x" {
			b.Errorf("it has %s", got)
		}
		if err := b.v.Link(f, volume.Root, "again"); err != syscall.ENOENT {
			b.Errorf("link of it: %v", err)
		}
		used := b.v.Used()
		b.v.Release(f)
		if _, err := b.v.Stat(f); err != syscall.ENOENT {
			b.Errorf("stat of it when released: %v", err)
		}
		if b.v.Used() != used-2*volume.PageSize {
			b.Errorf("it took %d bytes, released it leaves %d", used, b.v.Used())
		}
		b.crash("create", "write", "unlink")
		b.want()
	})
}
