//go:build dessim_overlay

package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"dessim/sim/host"
)

// kernel runs a program on a disk and returns what it says.
func kernel(t *testing.T, faults string, o host.Options, p func(h *host.Host)) []string {
	t.Helper()
	n := store(t, 1, faults, o, func(ctx context.Context, h *host.Host) error {
		p(h)
		return wait(ctx)
	})
	return n.outputs[0]
}

// reason returns what is wrong without what was to be done.
func reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return fmt.Sprint(err)
}

func TestPackageOsServesTheFilesOfTheNode(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		say(h, "%v", os.MkdirAll("/a/b/c", 0o755))
		say(h, "%v", os.WriteFile("a/b/c/one", []byte("1"), 0o600))
		say(h, "%v", os.WriteFile("/a/two", []byte("22"), 0o666))
		say(h, "%v", os.Symlink("b/c", "/a/link"))
		b, err := os.ReadFile("/a/link/../c/one")
		say(h, "%s %v", b, err)
		filepath.WalkDir("/", func(name string, d fs.DirEntry, err error) error {
			info, _ := d.Info()
			say(h, "%s %v %d %v", name, info.Mode(), info.Size(), err)
			return nil
		})
		say(h, "%v", os.Rename("/a/two", "/a/b/two"))
		names, err := filepath.Glob("/a/*/*")
		say(h, "%q %v", names, err)
		say(h, "%v", os.RemoveAll("/a"))
		entries, err := os.ReadDir("/")
		say(h, "%v %v", entries, err)
		dir, err := os.Getwd()
		say(h, "%s %v %v", dir, err, os.Chdir("/tmp"))
		f, err := os.CreateTemp("", "x*")
		say(h, "%v %v", strings.HasPrefix(f.Name(), "/tmp/x"), err)
		temp, err := os.MkdirTemp("", "")
		_, gone := os.Stat(filepath.Base(temp))
		say(h, "%v %v", err, gone)
	})
	want := []string{
		"<nil>", "<nil>", "<nil>", "<nil>", "1 <nil>",
		"/ drwxr-xr-x 4096 <nil>", "/a drwxr-xr-x 4096 <nil>", "/a/b drwxr-xr-x 4096 <nil>", "/a/b/c drwxr-xr-x 4096 <nil>",
		"/a/b/c/one -rw------- 1 <nil>", "/a/link Lrwxrwxrwx 3 <nil>", "/a/two -rw-r--r-- 2 <nil>", "/tmp dtrwxrwxrwx 4096 <nil>",
		"<nil>", `["/a/b/c" "/a/b/two" "/a/link/one"] <nil>`, "<nil>", "[d tmp/] <nil>", "/ <nil> <nil>", "true <nil>", "<nil> <nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestAppendsAndOffsetsAreThoseOfLinux(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.OpenFile("/log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o666)
		w := bufio.NewWriter(f)
		for i := range 1000 {
			fmt.Fprintf(w, "%03d\n", i)
		}
		say(h, "%v", w.Flush())
		at, err := f.Seek(-4, io.SeekEnd)
		b := make([]byte, 10)
		n, _ := f.Read(b)
		say(h, "%d %v %q", at, err, b[:n])
		f.Seek(0, io.SeekStart)
		f.WriteString("end")
		at, _ = f.Seek(0, io.SeekCurrent)
		n, err = f.ReadAt(b, 3998)
		say(h, "%d %q %v", at, b[:n], err)
		_, err = f.WriteAt(b, 1)
		say(h, "%v", err)
		g, _ := os.OpenFile("/log", os.O_RDWR, 0)
		g.Write([]byte("abc"))
		n, err = g.WriteAt([]byte("xyz"), 10)
		g.Read(b)
		say(h, "%d %v %q", n, err, b)
		say(h, "%v", g.Truncate(2))
		n, err = g.Read(b)
		say(h, "%d %v", n, err)
		say(h, "%v", g.Truncate(5))
		n, _ = g.ReadAt(b, 0)
		say(h, "%q", b[:n])
		_, err = io.Copy(f, strings.NewReader("more"))
		io.Copy(g, f)
		info, _ := g.Stat()
		say(h, "%d %v", info.Size(), err)
	})
	want := []string{
		"<nil>", `3996 <nil> "999\n"`, `4003 "9\nend" EOF`, "os: invalid use of WriteAt on file opened with O_APPEND",
		`3 <nil> "\n001\n00xyz"`, "<nil>", "0 EOF", "<nil>", `"ab\x00\x00\x00"`, "9 <nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestErrorsOfFilesAreThoseOfLinux(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		tell := func(err error) { say(h, "%s", reason(err)) }
		os.Mkdir("/d", 0o777)
		os.WriteFile("/f", []byte("text"), 0o644)
		_, err := os.Open("/none")
		tell(err)
		_, err = os.Open("/f/x")
		tell(err)
		_, err = os.OpenFile("/d", os.O_RDWR, 0)
		tell(err)
		_, err = os.OpenFile("/f", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
		tell(err)
		tell(os.Mkdir("/d", 0o777))
		tell(os.Mkdir("/none/d", 0o777))
		tell(syscall.Rmdir("/f"))
		tell(syscall.Unlink("/d"))
		os.WriteFile("/d/x", nil, 0o666)
		tell(os.Remove("/d"))
		tell(os.Rename("/d", "/d/y"))
		tell(os.Rename("/f", "/d"))
		os.Symlink("loop2", "/loop1")
		os.Symlink("loop1", "/loop2")
		_, err = os.Stat("/loop1")
		tell(err)
		_, err = os.Open("/" + strings.Repeat("n", 256))
		tell(err)
		_, err = os.Open(strings.Repeat("/d/..", 1000))
		tell(err)
		f, _ := os.Open("/f")
		_, err = f.Write([]byte("x"))
		tell(err)
		tell(f.Truncate(0))
		f.Close()
		tell(syscall.Close(int(f.Fd())))
		_, err = syscall.Read(77, make([]byte, 1))
		tell(err)
		_, err = os.OpenFile("/f", os.O_RDWR|syscall.O_DIRECT, 0)
		tell(err)
		_, err = os.ReadFile("/d")
		tell(err)
		_, err = os.ReadDir("/f")
		tell(err)
		_, err = os.Readlink("/f")
		tell(err)
		g, _ := os.OpenFile("/f", os.O_RDWR, 0)
		_, err = g.Seek(-1, io.SeekStart)
		tell(err)
		tell(g.Truncate(-1))
		tell(g.Truncate(1 << 60))
		tell(os.Link("/d", "/e"))
		tell(os.Remove("/"))
		_, err = syscall.InotifyInit()
		tell(err)
		r, _, err := os.Pipe()
		tell(err)
		_ = r
	})
	want := []string{
		"no such file or directory", "not a directory", "is a directory", "file exists", "file exists", "no such file or directory",
		"not a directory", "is a directory", "directory not empty", "invalid argument", "file exists", "too many levels of symbolic links",
		"file name too long", "file name too long", "bad file descriptor", "invalid argument", "bad file descriptor", "bad file descriptor",
		"invalid argument", "is a directory", "not a directory", "invalid argument", "invalid argument", "invalid argument", "file too large",
		"operation not permitted", "device or resource busy", "function not implemented", "pipe pipe: a simulated node has no processes",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%d: %q, want %q", i, got[i:], want[i:])
		}
	}
}

// deep needs a large stack.
func deep(n int) int {
	var pad [1000]byte
	if n == 0 {
		return len(pad)
	}
	return deep(n-1) + int(pad[n%len(pad)])
}

// onStack reads and writes with buffers on the stack, while the stack moves: a stack begins
// small, and the node's own code makes it grow; it shrinks at a collection.
func onStack(fd, i int) (string, error) {
	var in, out [64]byte
	copy(in[:], fmt.Sprintf("goroutine %02d has written this text, which has 64 bytes, by itself", i))
	if n, err := syscall.Pwrite(fd, in[:], int64(i*len(in))); n != len(in) || err != nil {
		return "", fmt.Errorf("wrote %d: %w", n, err)
	}
	if err := syscall.Fsync(fd); err != nil {
		return "", err
	}
	deep(20)
	runtime.GC() // shrinks the stack
	n, err := syscall.Pread(fd, out[:], int64(i*len(in)))
	var st syscall.Stat_t
	if err == nil {
		err = syscall.Fstat(fd, &st)
	}
	if st.Size != 64*50 || out != in {
		return "", fmt.Errorf("read %q of a file of %d bytes", out[:n], st.Size)
	}
	return string(out[:12]), err
}

func TestABufferOnAStackThatMovesIsServed(t *testing.T) {
	kernel(t, "", host.Options{}, func(h *host.Host) {
		fd, err := syscall.Open("/f", syscall.O_CREAT|syscall.O_RDWR, 0o666)
		if err != nil {
			t.Error(err)
			return
		}
		syscall.Ftruncate(fd, 64*50)
		done := make(chan error)
		for i := range 50 {
			go func() { // with a new stack
				text, err := onStack(fd, i)
				if err == nil && text != fmt.Sprintf("goroutine %02d", i) {
					err = fmt.Errorf("read %q", text)
				}
				done <- err
			}()
		}
		for range 50 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnImageIsThereAndSafe(t *testing.T) {
	image := fstest.MapFS{
		"etc/conf":   {Data: []byte("a = 1"), Mode: 0o644},
		"tmp/x":      {Data: []byte("x"), Mode: 0o600},
		"etc/link":   {Data: []byte("conf"), Mode: fs.ModeSymlink | 0o777},
		"empty/dir":  {Mode: fs.ModeDir | 0o755},
		"etc/script": {Data: []byte("#"), Mode: 0o755},
	}
	got := kernel(t, "crash 0 at 1s for 1s", host.Options{Disk: host.DiskOptions{Image: image}}, func(h *host.Host) {
		filepath.WalkDir("/", func(name string, d fs.DirEntry, err error) error {
			info, _ := d.Info()
			b, _ := os.ReadFile(name)
			say(h, "%s %v %q %v", name, info.Mode(), b, err)
			return nil
		})
		say(h, "%v", os.WriteFile("/etc/conf", []byte("a = 2"), 0))
	})
	life := []string{
		`/ drwxr-xr-x "" <nil>`, `/empty drwxr-xr-x "" <nil>`, `/empty/dir drwxr-xr-x "" <nil>`,
		`/etc drwxr-xr-x "" <nil>`, `/etc/conf -rw-r--r-- "a = 1" <nil>`, `/etc/link Lrwxrwxrwx "a = 1" <nil>`, `/etc/script -rwxr-xr-x "#" <nil>`,
		`/tmp dtrwxrwxrwx "" <nil>`, `/tmp/x -rw------- "x" <nil>`, "<nil>",
	}
	if want := slices.Concat(life, life); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestTimesOfFilesAreThoseOfTheNodesClock(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		time.Sleep(time.Second)
		os.WriteFile("/f", nil, 0o666)
		info, _ := os.Stat("/f")
		say(h, "%v", info.ModTime().Equal(time.Now()))
		time.Sleep(time.Second)
		say(h, "%v", os.Chtimes("/f", time.Time{}, time.Unix(1e9, 5)))
		info, _ = os.Stat("/f")
		say(h, "%v", info.ModTime().UTC())
	})
	if want := []string{"true", "<nil>", "2001-09-09 01:46:40.000000005 +0000 UTC"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What a call does not fill of a buffer stays as it was, on the stack too.
func TestAShortReadLeavesTheRestOfItsBuffer(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		fd, _ := syscall.Open("/f", syscall.O_CREAT|syscall.O_RDWR, 0o666)
		syscall.Write(fd, []byte("short"))
		buf := [10]byte{}
		copy(buf[:], "0123456789")
		n, err := syscall.Pread(fd, buf[:], 0)
		say(h, "%d %v %v", n, err, buf == [10]byte([]byte("short56789")))
	})
	if want := []string{"5 <nil> true"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestARootKeepsItsPathsInside(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		os.Mkdir("/d", 0o777)
		os.WriteFile("/secret", []byte("x"), 0o666)
		os.Symlink("../secret", "/d/out")
		os.Symlink("f", "/d/in")
		r, err := os.OpenRoot("/d")
		if err != nil {
			say(h, "%v", err)
			return
		}
		say(h, "%v", r.WriteFile("f", []byte("text"), 0o666))
		b, err := r.ReadFile("in")
		say(h, "%s %v", b, err)
		for _, name := range []string{"out", "../secret", "/secret"} {
			_, err = r.Open(name)
			say(h, "%v", err)
		}
		say(h, "%v %v %v", r.MkdirAll("a/b", 0o755), r.Rename("f", "a/b/g"), r.Chmod("a", 0o700))
		b, err = fs.ReadFile(r.FS(), "a/b/g")
		say(h, "%s %v %v", b, err, fstest.TestFS(os.DirFS("/d/a"), "b/g"))
		say(h, "%v %v", r.RemoveAll("a"), r.Close())
	})
	want := []string{
		"<nil>", "text <nil>", "openat out: path escapes from parent", "openat ../secret: path escapes from parent", "openat /secret: path escapes from parent",
		"<nil> <nil> <nil>", "text <nil> <nil>", "<nil> <nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
