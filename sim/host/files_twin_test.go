//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dessim/sim/host"
)

// twin makes random operations on files below a directory, and says what came of them. It does the
// same on a node and on the machine.
type twin struct {
	*rand.Rand
	root string
	open []*os.File
	say  func(format string, args ...any)
}

// names are those of the files, as paths below the root.
var names = []string{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "d/l", "d/../a", "d/e/../../b", "l/a", "a/", "d/", "d/.", "d/..", "none/x", "l/", "./b"}

func (w *twin) name() string { return w.root + "/" + names[w.IntN(len(names))] }

func (w *twin) file() *os.File {
	if len(w.open) == 0 {
		return nil
	}
	return w.open[w.IntN(len(w.open))]
}

func (w *twin) openOne() {
	flags := []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR}[w.IntN(3)]
	for _, f := range []int{os.O_CREATE, os.O_CREATE, os.O_EXCL, os.O_TRUNC, os.O_APPEND, syscall.O_DIRECTORY, syscall.O_NOFOLLOW, os.O_SYNC} {
		if w.IntN(4) == 0 {
			flags |= f
		}
	}
	if flags&os.O_EXCL != 0 && flags&os.O_CREATE == 0 || flags&syscall.O_DIRECTORY != 0 && flags&os.O_CREATE != 0 {
		flags = os.O_RDONLY // what that does is left open
	}
	name := w.name()
	f, err := os.OpenFile(name, flags, 0o644)
	w.say("open %s %x: %s", name[len(w.root):], flags, reason(err))
	if err == nil {
		w.open = append(w.open, f)
	}
}

func (w *twin) onFile(f *os.File) {
	p := make([]byte, w.IntN(9000))
	for i := range p {
		p[i] = byte(w.Uint32())
	}
	off := w.Int64N(20_000) - 2
	switch w.IntN(9) {
	case 0:
		n, err := syscall.Write(int(f.Fd()), p)
		w.say("write: %d %v", n, err)
	case 1:
		n, err := syscall.Pwrite(int(f.Fd()), p, off)
		w.say("pwrite: %d %v", n, err)
	case 2:
		n, err := syscall.Read(int(f.Fd()), p)
		w.say("read: %d %v %x", n, err, hash(p))
	case 3:
		n, err := syscall.Pread(int(f.Fd()), p, off)
		w.say("pread: %d %v %x", n, err, hash(p))
	case 4:
		n, err := f.Seek(off, w.IntN(3))
		info, _ := f.Stat()
		if !info.IsDir() {
			w.say("seek: %d %s", n, reason(err))
		}
	case 5:
		w.say("truncate: %v", syscall.Ftruncate(int(f.Fd()), off))
	case 6:
		w.say("fallocate: %v", syscall.Fallocate(int(f.Fd()), 0, off, 3000))
	case 7:
		w.say("sync: %s", reason(f.Sync()))
	case 8:
		info, err := f.Stat()
		w.tell(info, err)
	}
}

func hash(p []byte) (h uint32) {
	for _, c := range p {
		h = h*31 + uint32(c)
	}
	return h
}

func (w *twin) tell(info os.FileInfo, err error) {
	if err != nil {
		w.say("stat: %s", reason(err))
		return
	}
	links, size := info.Sys().(*syscall.Stat_t).Nlink, info.Size()
	if info.IsDir() {
		links, size = 0, 0 // file systems differ
	}
	w.say("stat: %v %d %d", info.Mode(), size, links)
}

func (w *twin) onName() {
	a, b := w.name(), w.name()
	w.say("on %s, %s", a[len(w.root):], b[len(w.root):])
	switch w.IntN(11) {
	case 0:
		w.say("mkdir: %v", syscall.Mkdir(a, 0o755))
	case 1:
		w.say("unlink: %v", syscall.Unlink(a))
	case 2:
		w.say("rmdir: %v", syscall.Rmdir(a))
	case 3:
		w.say("rename: %v", syscall.Rename(a, b))
	case 4:
		w.say("link: %v", syscall.Link(a, b))
	case 5:
		w.say("symlink: %v", syscall.Symlink([]string{"a", "d", "none", "l", "../b", "d/e"}[w.IntN(6)], b))
	case 6:
		p := make([]byte, 10)
		n, err := syscall.Readlink(a, p)
		w.say("readlink: %q %v", p[:max(n, 0)], err)
	case 7:
		w.tell(os.Lstat(a))
	case 8:
		w.tell(os.Stat(a))
	case 9:
		entries, err := os.ReadDir(a)
		w.say("readdir: %v %s", entries, reason(err))
	case 10:
		w.say("truncate: %v", syscall.Truncate(a, w.Int64N(9000)-1))
	}
}

func (w *twin) run(steps int) {
	for range steps {
		switch f := w.file(); {
		case w.IntN(3) == 0:
			w.onName()
		case f == nil || w.IntN(5) == 0:
			w.openOne()
		case w.IntN(10) == 0:
			f.Close()
			w.open = nil
			w.say("closed")
		default:
			w.onFile(f)
		}
	}
	filepath.WalkDir(w.root, func(name string, d os.DirEntry, err error) error {
		b, _ := os.ReadFile(name)
		w.say("%s %v %x %v", strings.TrimPrefix(name, w.root), d.Type(), hash(b), err)
		return nil
	})
}

// A node's files do what those of the machine do, where they are on a file system that is like the
// node's.
func TestRandomOperationsAreAsOnTheMachine(t *testing.T) {
	var st syscall.Statfs_t
	const ext4, xfs, tmpfs = 0xef53, 0x58465342, 0x01021994
	if err := syscall.Statfs(t.TempDir(), &st); err != nil || st.Type != ext4 && st.Type != xfs && st.Type != tmpfs {
		t.Skipf("temporary files are on a file system of type %x: %v", st.Type, err)
	}
	for seed := range uint64(100) {
		var here []string
		dir := filepath.Join(t.TempDir(), "w")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w := &twin{Rand: rand.New(rand.NewPCG(seed, 1)), root: dir, say: func(format string, args ...any) {
			here = append(here, fmt.Sprintf(format, args...))
		}}
		w.run(300)
		for _, f := range w.open {
			f.Close()
		}
		n := store(t, seed, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
			if err := os.Mkdir("/w", 0o755); err != nil {
				return err
			}
			(&twin{Rand: rand.New(rand.NewPCG(seed, 1)), root: "/w", say: func(format string, args ...any) { say(h, format, args...) }}).run(300)
			return wait(ctx)
		})
		for i, there := range n.outputs[0] {
			if i >= len(here) || here[i] != there {
				t.Fatalf("seed %d, operation %d: the node says %q, the machine %q, after %q", seed, i, there, here[i], here[max(i-5, 0):i])
			}
		}
	}
}
