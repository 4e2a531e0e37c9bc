package volume_test

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"dessim/sim/host/volume"
)

func TestNamesAreBytesOfAnyKindButSlashAndZero(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		for _, name := range []string{strings.Repeat("n", 255), "\xff\xfe", "a b\n", "…", " ", "-", "...", "\x01"} {
			i := b.create(name)
			if got := must[volume.Ino](b)(b.v.Lookup(volume.Root, name)); got != i {
				b.Errorf("%q is inode %d, want %d", name, got, i)
			}
		}
		for name, want := range map[string]error{
			strings.Repeat("n", 256): syscall.ENAMETOOLONG, "": syscall.ENOENT, "a/b": syscall.EINVAL, "a\x00": syscall.EINVAL,
			".": syscall.EEXIST, "..": syscall.EEXIST,
		} {
			if _, err := b.v.Create(volume.Root, name, 0o644); err != want {
				b.Errorf("create of %q: %v, want %v", name, err, want)
			}
		}
		before := dump(b, b.v)
		b.crash("")
		if after := dump(b, b.v); after != before {
			b.Errorf("mounted:\n%s\nwas:\n%s", after, before)
		}
	})
}

func TestErrorsAreThoseOfLinux(t *testing.T) {
	b := &bench{T: t, d: &disk{}}
	b.v, _ = b.d.mount(t, volume.Ordered)
	v := b.v
	f := b.create("f")
	d := must[volume.Ino](t)(v.Mkdir(volume.Root, "d", 0o755))
	s := must[volume.Ino](t)(v.Symlink(volume.Root, "s", "f"))
	gone := must[volume.Ino](t)(v.Mkdir(volume.Root, "gone", 0o755))
	v.Hold(gone)
	if err := v.Rmdir(volume.Root, "gone"); err != nil {
		t.Fatal(err)
	}
	one := []byte{1}
	second := func(_ any, err error) error { return err }
	for _, c := range []struct {
		what string
		got  error
		want error
	}{
		{"unlink of .", v.Unlink(d, "."), syscall.EISDIR},
		{"unlink of a directory", v.Unlink(volume.Root, "d"), syscall.EISDIR},
		{"unlink of nothing", v.Unlink(volume.Root, "n"), syscall.ENOENT},
		{"unlink in a file", v.Unlink(f, "n"), syscall.ENOTDIR},
		{"rmdir of .", v.Rmdir(d, "."), syscall.EINVAL},
		{"rmdir of ..", v.Rmdir(d, ".."), syscall.ENOTEMPTY},
		{"rmdir of a file", v.Rmdir(volume.Root, "f"), syscall.ENOTDIR},
		{"create in a removed directory", second(v.Create(gone, "x", 0)), syscall.ENOENT},
		{"rename into a removed directory", v.Rename(volume.Root, "f", gone, "x", 0), syscall.ENOENT},
		{"rename of .", v.Rename(d, ".", volume.Root, "x", 0), syscall.EBUSY},
		{"rename to ..", v.Rename(volume.Root, "f", d, "..", 0), syscall.EBUSY},
		{"rename to .. without replacing", v.Rename(volume.Root, "f", d, "..", volume.NoReplace), syscall.EEXIST},
		{"rename with both flags", v.Rename(volume.Root, "f", d, "x", volume.NoReplace|volume.Exchange), syscall.EINVAL},
		{"rename with another flag", v.Rename(volume.Root, "f", d, "x", 4), syscall.EINVAL},
		{"rename to an empty name", v.Rename(volume.Root, "f", d, "", 0), syscall.ENOENT},
		{"rename of a directory into itself", v.Rename(volume.Root, "d", d, "x", 0), syscall.EINVAL},
		{"link of a directory", v.Link(d, volume.Root, "x"), syscall.EPERM},
		{"link over a file", v.Link(f, volume.Root, "s"), syscall.EEXIST},
		{"symlink to nothing", second(v.Symlink(volume.Root, "x", "")), syscall.ENOENT},
		{"symlink to a long path", second(v.Symlink(volume.Root, "x", strings.Repeat("x", 4096))), syscall.ENAMETOOLONG},
		{"readlink of a file", second(v.Readlink(f)), syscall.EINVAL},
		{"read of a directory", second(v.Read(d, one, 0)), syscall.EISDIR},
		{"read of a symbolic link", second(v.Read(s, one, 0)), syscall.EINVAL},
		{"read before the beginning", second(v.Read(f, one, -1)), syscall.EINVAL},
		{"write to a directory", second(v.Write(d, one, 0)), syscall.EISDIR},
		{"write before the beginning", second(v.Write(f, one, -1)), syscall.EINVAL},
		{"write beyond the largest file", second(v.Write(f, one, volume.MaxSize)), syscall.EFBIG},
		{"truncate of a directory", v.Truncate(d, 0), syscall.EISDIR},
		{"truncate to less than nothing", v.Truncate(f, -1), syscall.EINVAL},
		{"truncate beyond the largest file", v.Truncate(f, volume.MaxSize+1), syscall.EFBIG},
		{"stat of no inode", second(v.Stat(99)), syscall.ENOENT},
		{"entries of a file", second(v.Entries(f)), syscall.ENOTDIR},
		{"a mapping of a file of 1 PiB", second(v.Pin(f, 1<<50)), syscall.ENOMEM},
		{"an empty mapping", second(v.Pin(f, 0)), syscall.EINVAL},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	if n, err := v.Write(f, []byte("abc"), volume.MaxSize-1); n != 1 || err != nil {
		t.Errorf("a write across the largest size: %d, %v, want 1 byte", n, err)
	}
}

func TestAFileHasAtMostMaxLinksNames(t *testing.T) {
	b := &bench{T: t, d: &disk{}}
	b.v, _ = b.d.mount(t, volume.Ordered)
	f := b.create("f")
	for n := 1; n < volume.MaxLinks; n++ {
		if err := b.v.Link(f, volume.Root, fmt.Sprint(n)); err != nil {
			t.Fatalf("link %d: %v", n, err)
		}
	}
	if err := b.v.Link(f, volume.Root, "one more"); err != syscall.EMLINK {
		t.Errorf("one link more: %v", err)
	}
}

func TestAFileOfATebibyteTakesThePagesThatAreWritten(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		used := b.v.Used()
		if err := b.v.Truncate(f, 1<<40); err != nil {
			b.Fatal(err)
		}
		b.write(f, "x", 4096, 1<<39)
		if got := b.v.Used() - used; got != volume.PageSize {
			b.Errorf("it takes %d bytes", got)
		}
		if info, err := b.v.Stat(f); err != nil || info.Size != 1<<40 || info.Blocks != 8 {
			b.Errorf("stat: %+v, %v", info, err)
		}
		p := bytes.Repeat([]byte{'!'}, 8192)
		if n, err := b.v.Read(f, p, 1<<39-100); n != len(p) || err != nil || spell(p) != "100*. 4096*x 3996*." {
			b.Errorf("read: %d, %v: %s", n, err, spell(p))
		}
		b.d.flush(b.v, b.v.PendingAll())
		b.v.CompactAt(0)
		i, ok := b.v.Compact()
		if !ok || len(b.d.records[i].bytes) > 5000 {
			b.Errorf("its snapshot has %d bytes", len(b.d.records[i].bytes))
		}
		if err := b.v.Truncate(f, 0); err != nil || b.v.Used() != used {
			b.Errorf("when cut, %d bytes are used, want %d, %v", b.v.Used(), used, err)
		}
	})
}

func TestWritesAppearInAMapping(t *testing.T) {
	onEach(t, weak, func(b *bench) {
		f := b.create("f")
		b.write(f, "x", 10, 0)
		small, err := b.v.Pin(f, 6000)
		if err != nil {
			b.Fatal(err)
		}
		see := func(p []byte, want string) {
			b.Helper()
			if got := spell(p); got != want {
				b.Errorf("the mapping has %s, want %s", got, want)
			}
		}
		see(small, "10*x 5990*.")
		b.write(f, "y", 5000, 5)
		see(small, "5*x 5000*y 995*.")
		big, err := b.v.Pin(f, 20000)
		if err != nil {
			b.Fatal(err)
		}
		b.write(f, "z", 10000, 4000)
		see(small, "5*x 3995*y 2000*z")
		see(big, "5*x 3995*y 10000*z 6000*.")
		if err := b.v.Truncate(f, 4500); err != nil {
			b.Fatal(err)
		}
		see(small, "5*x 3995*y 500*z 1500*.")
		see(big, "5*x 3995*y 500*z 15500*.")
		b.v.Unpin(f, small)
		if err := b.v.Unlink(volume.Root, "f"); err != nil {
			b.Fatal(err)
		}
		b.write(f, "w", 1, 9000) // the mapping holds it
		see(big, "5*x 3995*y 500*z 4500*. 1*w 10999*.")
		b.v.Unpin(f, big)
		if _, err := b.v.Stat(f); err != syscall.ENOENT {
			b.Errorf("stat after the last Unpin: %v", err)
		}
	})
}
