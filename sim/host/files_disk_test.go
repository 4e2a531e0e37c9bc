//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/source"
)

// put writes a file, and syncs it if that is asked for.
func put(name, text string, synced bool) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if synced {
		return f.Sync()
	}
	return nil
}

// syncDir syncs a directory.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// A file is replaced by a rename. Whether the crash leaves the old or the new one is open until
// the directory is synced.
func TestARenameIsLostWithoutASyncOfItsDirectory(t *testing.T) {
	for _, c := range []struct {
		model  volume.Model
		synced bool
		found  []string
	}{
		{volume.POSIX, false, []string{"new", "old"}},
		{volume.POSIX, true, []string{"new"}},
		{volume.Ordered, false, []string{"new", "old"}},
		{volume.Ordered, true, []string{"new"}},
		{volume.Synced, false, []string{"new"}},
	} {
		found := make(map[string]bool)
		for seed := range uint64(20) {
			n := store(t, seed, "crash 0 at 1s for 1s scattered", host.Options{Disk: host.DiskOptions{Model: c.model}}, func(ctx context.Context, h *host.Host) error {
				if h.Incarnation() > 1 {
					b, err := os.ReadFile("/f")
					if err != nil {
						b = []byte(err.Error())
					}
					say(h, "%s", b)
					return wait(ctx)
				}
				err := errors.Join(put("/f", "old", true), syncDir("/"), put("/f.new", "new", true), os.Rename("/f.new", "/f"))
				if c.synced {
					err = errors.Join(err, syncDir("/"))
				}
				if err != nil {
					return err
				}
				return wait(ctx)
			})
			found[n.outputs[0][0]] = true
		}
		if got := protocol.SortedKeys(found); !slices.Equal(got, c.found) {
			t.Errorf("model %v, directory synced %v: a crash leaves %q, want %q", c.model, c.synced, got, c.found)
		}
	}
}

func TestAFailedSyncIsReportedOnceAndTheNodeGoesOn(t *testing.T) {
	n := store(t, 1, "failsync 0 at 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		f, err := os.Create("/f")
		if err != nil {
			return err
		}
		g, _ := os.Open("/f")
		say(h, "%v", f.Sync())
		time.Sleep(2 * time.Second)
		f.WriteString("lost")
		say(h, "%v %v", f.Sync(), f.Sync())
		say(h, "%v %v", g.Sync(), g.Sync())
		f.WriteString("kept")
		b, err := os.ReadFile("/f")
		say(h, "%v %s %v", f.Sync(), b, err)
		return wait(ctx)
	})
	expect(t, n.outputs, 0, "<nil>", "sync /f: input/output error <nil>", "sync /f: input/output error <nil>", "<nil> lostkept <nil>")
}

func TestOthersGoOnWhileOneSyncs(t *testing.T) {
	n := store(t, 1, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		var wg sync.WaitGroup
		wg.Go(func() { say(h, "%v", put("/a", "text", true)) })
		wg.Go(func() {
			say(h, "%v", put("/b", "text", false))
			time.Sleep(time.Millisecond)
			say(h, "has slept")
		})
		wg.Wait()
		return wait(ctx)
	})
	expect(t, n.outputs, 0, "<nil>", "has slept", "<nil>")
}

func TestAFullDiskRefusesWhatNeedsRoom(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		if err := put("/f", "0123456789", false); err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
		f, err := os.OpenFile("/f", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("abc"), 2)
		say(h, "in the file: %v", err)
		_, err = f.WriteAt(make([]byte, 5000), 4096)
		say(h, "after it: %v %v", err, errors.Is(err, syscall.ENOSPC))
		say(h, "%v", os.Mkdir("/d", 0o777))
		_, err = os.Create("/g")
		say(h, "%v", err)
		say(h, "%v %v", f.Sync(), os.Rename("/f", "/h"))
		b, err := os.ReadFile("/h")
		say(h, "%s %v", b, err)
		var st syscall.Statfs_t
		say(h, "%v %d", syscall.Statfs("/", &st), st.Bavail)
		return wait(ctx)
	}
	n := store(t, 1, "full 0 at 1s for 1h", host.Options{}, program)
	expect(t, n.outputs, 0, "in the file: <nil>", "after it: write /f: no space left on device true",
		"mkdir /d: no space left on device", "open /g: no space left on device", "<nil> <nil>", "01abc56789 <nil>", "<nil> 0")
}

func TestADiskHasTheCapacityThatItIsGiven(t *testing.T) {
	got := kernel(t, "", host.Options{Disk: host.DiskOptions{Capacity: 1 << 20}}, func(h *host.Host) {
		f, _ := os.Create("/f")
		n, err := f.Write(make([]byte, 2<<20))
		say(h, "%v %v %v", n > 900_000, n < 1<<20, err)
		say(h, "%v", f.Truncate(0))
		n, err = f.Write(make([]byte, 900_000))
		say(h, "%d %v", n, err)
		say(h, "%v", syscall.Fallocate(int(f.Fd()), 0, 0, 2<<20))
		say(h, "%v", f.Truncate(1<<40))
		_, err = f.WriteAt(make([]byte, 1<<20), 1<<39)
		say(h, "%v", reason(err))
		info, _ := f.Stat()
		say(h, "%d", info.Size())
	})
	want := []string{"true true write /f: no space left on device", "<nil>", "900000 <nil>", "no space left on device", "<nil>", "no space left on device", "1099511627776"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestAFileKeptOpenIsGoneAfterACrash(t *testing.T) {
	var kept *os.File // a variable of the process, which outlives the crash
	n := store(t, 1, "crash 0 at 1s for 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		if h.Incarnation() > 1 {
			os.Create("/g")
			_, err := kept.WriteString("x")
			say(h, "%v", err)
			say(h, "%v", kept.Sync())
			return wait(ctx)
		}
		var err error
		kept, err = os.Create("/f")
		say(h, "%v", err)
		return wait(ctx)
	})
	expect(t, n.outputs, 0, "<nil>", "write /f: bad file descriptor", "sync /f: bad file descriptor")
}

func TestAFileWithoutANameLivesUntilItIsClosed(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/f")
		f.WriteString("text")
		say(h, "%v", os.Remove("/f"))
		b := make([]byte, 10)
		n, _ := f.ReadAt(b, 0)
		info, err := f.Stat()
		say(h, "%s %v %v", b[:n], info.Sys().(*syscall.Stat_t).Nlink, err)
		say(h, "%v", f.Sync())
		f.Close()
		entries, _ := os.ReadDir("/")
		say(h, "%v", entries)
	})
	if want := []string{"<nil>", "text 0 <nil>", "<nil>", "[d tmp/]"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALockOfFlockIsWaitedFor(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/lock")
		g, _ := os.Open("/lock")
		say(h, "%v", syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
		say(h, "%v", syscall.Flock(int(g.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
		done := make(chan bool)
		go func() {
			begin := time.Now()
			say(h, "%v at %v", syscall.Flock(int(g.Fd()), syscall.LOCK_SH), time.Since(begin))
			close(done)
		}()
		time.Sleep(time.Second)
		f.Close() // gives it up
		<-done
		f, _ = os.Open("/lock")
		say(h, "%v", syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB))
		say(h, "%v", syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
		say(h, "%v", syscall.Flock(int(g.Fd()), syscall.LOCK_UN))
		say(h, "%v", syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	})
	const no = "resource temporarily unavailable"
	if want := []string{"<nil>", no, "<nil> at 1s", "<nil>", no, "<nil>", "<nil>"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLocksOfFcntlAreOfProcessesAndOpenFiles(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/lock")
		g, _ := os.OpenFile("/lock", os.O_RDWR, 0)
		lock := func(f *os.File, cmd int, kind int16, start, n int64) (syscall.Flock_t, error) {
			l := syscall.Flock_t{Type: kind, Start: start, Len: n}
			return l, syscall.FcntlFlock(f.Fd(), cmd, &l)
		}
		const get, set, wait = 36, 37, 38 // of open files
		_, err := lock(f, syscall.F_SETLK, syscall.F_WRLCK, 0, 0)
		_, again := lock(g, syscall.F_SETLK, syscall.F_WRLCK, 0, 0)
		say(h, "%v %v", err, again)
		l, err := lock(g, get, syscall.F_RDLCK, 10, 5)
		say(h, "%v %v %v", l.Type == syscall.F_WRLCK, l.Pid, err)
		g.Close() // and so the process has no lock
		g, _ = os.OpenFile("/lock", os.O_RDWR, 0)
		_, err = lock(f, set, syscall.F_WRLCK, 10, 10)
		_, again = lock(g, set, syscall.F_RDLCK, 0, 11)
		_, beside := lock(g, set, syscall.F_WRLCK, 0, 10)
		say(h, "%v %v %v", err, again, beside)
		done := make(chan error)
		go func() {
			_, err := lock(g, wait, syscall.F_WRLCK, 15, 1)
			done <- err
		}()
		time.Sleep(time.Second)
		lock(f, set, syscall.F_UNLCK, 14, 3)
		say(h, "%v", <-done)
		l, _ = lock(g, get, syscall.F_WRLCK, 0, 0)
		say(h, "%v %d+%d", l.Type == syscall.F_WRLCK, l.Start, l.Len)
	})
	if want := []string{"<nil> <nil>", "true 1 <nil>", "<nil> resource temporarily unavailable <nil>", "<nil>", "true 10+4"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestANodeKeepsFilesOrRecords(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		h.Persist([]byte("record"))
		_, err := os.Stat("/etc")
		tell(h, err)
		_, err = os.Create("/f")
		tell(h, err)
		return nil
	})
	compare(t, got, "0s n0 life 1", "0s n0 stat /etc: no such file or directory",
		"0s n0 disk: a node keeps files or records, and this one keeps records: its files cannot be changed",
		"0s n0 open /f: operation not permitted", "0s n0 go.exit: the program returned")
	defer func() {
		if why := fmt.Sprint(recover()); !strings.Contains(why, "this one keeps files") || strings.Contains(why, "\n") {
			t.Errorf("Persist beside files panics with %s", why)
		}
	}()
	watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		if err := os.WriteFile("/f", nil, 0o666); err != nil {
			return err
		}
		h.Persist([]byte("record"))
		return nil
	})
}

func TestWhatIsNotServedIsNamedOnce(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		for range 2 {
			_, err := syscall.InotifyInit1(0)
			tell(h, err)
		}
		_, err := syscall.EpollCreate1(0)
		tell(h, err)
		return nil
	})
	compare(t, got, "0s n0 life 1", "0s n0 disk: a simulated node does not serve inotify_init1", "0s n0 function not implemented", "0s n0 function not implemented",
		"0s n0 disk: a simulated node does not serve epoll_create1", "0s n0 function not implemented", "0s n0 go.exit: the program returned")
}

func TestNamesAreBytes(t *testing.T) {
	names := []string{"a\xff\xfeb", "ünïcödé", " ", "a\nb", "日本語", strings.Repeat("x", 255), "-", "...", "a'\"\\"}
	n := store(t, 1, "crash 0 at 1s for 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		os.Mkdir("/d", 0o777)
		for _, name := range names {
			if h.Incarnation() == 1 {
				if err := put("/d/"+name, name, true); err != nil {
					return err
				}
			}
			if b, err := os.ReadFile("/d/" + name); err != nil || string(b) != name {
				say(h, "%q: %q %v", name, b, err)
			}
		}
		if h.Incarnation() == 1 {
			if err := syncDir("/d"); err != nil {
				return err
			}
			_, err := os.Create("/d/a\x00b")
			say(h, "%v", err)
			return wait(ctx)
		}
		entries, err := os.ReadDir("/d")
		say(h, "%d %v", len(entries), err)
		return wait(ctx)
	})
	expect(t, n.outputs, 0, "open /d/a\x00b: invalid argument", fmt.Sprint(len(names), " <nil>"))
}

func TestAHugeSparseFileTakesLittle(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/f")
		const end = 1 << 43
		n, err := f.WriteAt([]byte("end"), end)
		say(h, "%d %v", n, err)
		b := make([]byte, 5)
		n, err = f.ReadAt(b, end-1)
		say(h, "%q %v", b[:n], err)
		info, _ := f.Stat()
		say(h, "%d %d", info.Size(), info.Sys().(*syscall.Stat_t).Blocks)
		_, err = f.WriteAt([]byte("x"), 1<<50)
		say(h, "%v", reason(err))
	})
	if want := []string{"3 <nil>", `"\x00end" EOF`, "8796093022211 8", "file too large"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestADescriptionSaysWhichFilesAreOpenAndWhatIsWaitedFor(t *testing.T) {
	var first int
	s, err := sim.New(sim.Plan{
		Nodes: 1,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(func(ctx context.Context, h *host.Host) error {
				first = line()
				a, b := open(t, "/a"), open(t, "/b")
				syscall.Flock(int(a.Fd()), syscall.LOCK_EX)
				go func() { a.Write([]byte("text")); a.Sync() }()
				c := open(t, "/a")
				go func() { syscall.Flock(int(c.Fd()), syscall.LOCK_EX) }()
				time.Sleep(time.Second)
				b.Close()
				return wait(ctx)
			}, host.Options{})
		},
		Link:  plain,
		Disk:  sim.Disk{Sync: time.Hour},
		Until: protocol.Time(time.Minute),
	}, source.Seed(1))
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	got := string(s.Node(0).(protocol.Describer).Describe(nil))
	at := func(n int) string { return fmt.Sprintf("host/files_disk_test.go:%d", first+n) }
	for _, want := range []string{
		"  " + at(3) + " #1: waits for fsync of /a at " + at(3) + "\n",
		"  " + at(5) + " #1: waits for a lock of /a at " + at(5) + "\n",
		"files:\n  0 /a: to read and write, at 4\n  2 /a: to read and write, at 0\n  locked from 0 on, exclusive, by /a, inode 3\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the description lacks %q:\n%s", want, got)
		}
	}
}

// open opens a file that may have to be made.
func open(t *testing.T, name string) *os.File {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Error(err)
	}
	return f
}

// texts collects what is said of events.
type texts struct{ lines []string }

func (*texts) Watch() sim.What { return sim.Persisted | sim.Salvaged }

func (x *texts) Observe(e *sim.Event) { x.lines = append(x.lines, host.Text(e)) }

func TestTextDescribesWhatRecordsDoToFiles(t *testing.T) {
	x := new(texts)
	faults, err := fault.Parse("crash 0 at 1s")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.New(sim.Plan{
		Nodes: 1,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(func(ctx context.Context, h *host.Host) error {
				open(t, "/a").WriteString("text")
				os.Rename("/a", "/b")
				return wait(ctx)
			}, host.Options{})
		},
		Link:   plain,
		Faults: faults,
		Until:  protocol.Time(time.Minute),
	}, source.Seed(1), x)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	all := strings.Join(x.lines, "\n")
	for _, want := range []string{"write 4 bytes at 0", "rename /a to b"} {
		if strings.Count(all, want) != 2 {
			t.Errorf("%q is not said at its persist and at the crash:\n%s", want, all)
		}
	}
}

func TestAFileOperationMayLetOthersGoFirst(t *testing.T) {
	found := make(map[string]int)
	for seed := range uint64(30) {
		n := store(t, seed, "yield 0 20% at 0s for 1m", host.Options{}, func(ctx context.Context, h *host.Host) error {
			var wg sync.WaitGroup
			if err := put("/n", "0", false); err != nil {
				return err
			}
			for range 3 {
				wg.Go(func() {
					b, _ := os.ReadFile("/n")
					k := 0
					fmt.Sscan(string(b), &k)
					put("/n", fmt.Sprint(k+1), false)
				})
			}
			wg.Wait()
			b, err := os.ReadFile("/n")
			say(h, "%s %v", b, err)
			return wait(ctx)
		})
		found[n.outputs[0][0]]++
	}
	if found["3 <nil>"] == 0 || found["3 <nil>"] == 30 {
		t.Errorf("three goroutines add to the number in a file: %v, want lost updates in some runs", found)
	}
}

func TestWhatACrashToreIsNoted(t *testing.T) {
	notes := 0
	for seed := range uint64(20) {
		n := store(t, seed, "crash 0 at 1s for 1s scattered", host.Options{Disk: host.DiskOptions{Model: volume.POSIX}}, func(ctx context.Context, h *host.Host) error {
			for i := range 10 {
				if err := put(fmt.Sprint("/", i), strings.Repeat("x", 3000), false); err != nil {
					return err
				}
			}
			return wait(ctx)
		})
		for _, line := range n.disk {
			if line == "" || strings.Contains(line, "\n") {
				t.Errorf("seed %d: the note %q is not one line", seed, line)
			}
			notes++
		}
	}
	if notes == 0 {
		t.Error("no run notes what its crash tore or dropped")
	}
}
