//go:build dessim_overlay

package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
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

func TestASyncOfAllFilesThatFailsIsReportedByTheNextFsync(t *testing.T) {
	syncfs := map[string]uintptr{"amd64": 306, "arm64": 267}[runtime.GOARCH] // package syscall lacks it
	n := store(t, 1, "failsync 0 at 1s; failsync 0 at 3s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		f, _ := os.Create("/f")
		g, _ := os.Create("/g")
		say(h, "%v %v", f.Sync(), g.Sync())
		time.Sleep(2 * time.Second)
		f.WriteString("lost")
		syscall.Sync()
		again, _ := os.Open("/f")
		say(h, "%v %v %v %v", f.Sync(), f.Sync(), again.Sync(), g.Sync())
		again, _ = os.Open("/f")
		say(h, "%v", again.Sync())
		time.Sleep(2 * time.Second)
		g.WriteString("lost")
		_, _, err := syscall.Syscall(syncfs, f.Fd(), 0, 0)
		say(h, "%v %v %v", err, f.Sync(), g.Sync())
		return wait(ctx)
	})
	const failed = "input/output error"
	expect(t, n.outputs, 0, "<nil> <nil>", "sync /f: "+failed+" <nil> sync /f: "+failed+" <nil>", "<nil>", failed+" <nil> sync /g: "+failed)
}

func TestAFileOpenedAfterAFailedSyncDoesNotReportIt(t *testing.T) {
	n := store(t, 1, "failsync 0 at 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		time.Sleep(2 * time.Second)
		f, _ := os.Create("/f")
		say(h, "%v", f.Sync())
		f.Close()
		f, _ = os.Open("/f")
		say(h, "%v", f.Sync())
		return wait(ctx)
	})
	expect(t, n.outputs, 0, "sync /f: input/output error", "<nil>")
}

func TestAWriteToAFileOpenedWithOSyncTellsThatItsSyncFailed(t *testing.T) {
	for _, flag := range []int{syscall.O_DSYNC, os.O_SYNC} {
		n := store(t, 1, "failsync 0 at 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
			f, err := os.OpenFile("/f", os.O_CREATE|os.O_WRONLY|flag, 0o666)
			if err != nil {
				return err
			}
			time.Sleep(2 * time.Second)
			for range 2 {
				_, err := f.WriteString("text")
				say(h, "%v", err)
			}
			return wait(ctx)
		})
		expect(t, n.outputs, 0, "write /f: input/output error", "<nil>")
	}
}

// tags collects those of flushes.
type tags []uint64

// Watch is for sim.Observer.
func (*tags) Watch() sim.What { return sim.Flushing }

// Observe is for sim.Observer.
func (x *tags) Observe(e *sim.Event) {
	if e.Tag != 0 {
		*x = append(*x, e.Tag)
	}
}

func TestAFlushHasTheLowestTagThatIsFree(t *testing.T) {
	var got tags
	s, err := sim.New(sim.Plan{
		Nodes: 1,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(func(ctx context.Context, h *host.Host) error {
				put("/a", "text", true)
				var wg sync.WaitGroup
				wg.Go(func() { put("/b", "text", true) })
				wg.Go(func() { put("/c", "text", true) })
				wg.Wait()
				put("/a", "text", true)
				return wait(ctx)
			}, host.Options{})
		},
		Link:  plain,
		Disk:  onDisk,
		Until: protocol.Time(time.Minute),
	}, source.Seed(1), &got)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	if want := (tags{1, 1, 2, 1}); !slices.Equal(got, want) {
		t.Errorf("the tags of one flush, two at once and one are %d, want %d", got, want)
	}
}

// discards counts the discards of records.
type discards int

// Watch is for sim.Observer.
func (*discards) Watch() sim.What { return sim.Discarded }

// Observe is for sim.Observer.
func (n *discards) Observe(*sim.Event) { *n++ }

func TestFilesOutliveTheRecordsThatASnapshotReplaces(t *testing.T) {
	for _, model := range []volume.Model{volume.Ordered, volume.POSIX, volume.Synced} {
		said, gone := outputs{}, new(discards)
		s, err := sim.New(sim.Plan{
			Nodes: 1,
			Node: func(protocol.NodeID) protocol.Node {
				return host.New(func(ctx context.Context, h *host.Host) error {
					if b, err := os.ReadFile("/f"); err == nil {
						g, _ := os.ReadFile("/g")
						say(h, "%d*%s, %s", len(b), bytes.Trim(b, "x"), g)
						if err := errors.Join(put("/g", "later", true), syncDir("/")); err != nil {
							return err
						}
						return wait(ctx)
					}
					f, err := os.Create("/f")
					for i := range 200 { // 800 KiB of records for one page
						_, err2 := f.WriteAt(append(bytes.Repeat([]byte("x"), 4090), fmt.Sprint(i)...), 0)
						err = errors.Join(err, err2, f.Sync(), syncDir("/"))
					}
					if err != nil {
						return err
					}
					return wait(ctx)
				}, host.Options{Disk: host.DiskOptions{Model: model}})
			},
			Link: plain,
			Disk: onDisk,
			Faults: []fault.Fault{
				{ID: 1, Op: fault.Crash, At: protocol.Time(time.Minute), For: time.Second},
				{ID: 2, Op: fault.Crash, At: protocol.Time(2 * time.Minute), For: time.Second},
			},
			Until: protocol.Time(3 * time.Minute),
		}, source.Seed(1), said, gone)
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		expect(t, said, 0, "4093*199, ", "4093*199, later")
		if *gone < 2 {
			t.Errorf("model %v: the records before a snapshot are discarded %d times, want some", model, *gone)
		}
	}
}

func TestALockWaitedForByAFileThatIsClosedIsNotTaken(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/lock")
		g, _ := os.Open("/lock")
		syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		done := make(chan bool)
		go func() {
			syscall.Flock(int(g.Fd()), syscall.LOCK_EX)
			close(done)
		}()
		time.Sleep(time.Second)
		g.Close()
		f.Close()
		<-done
		f, _ = os.Open("/lock")
		say(h, "%v", syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	})
	if want := []string{"<nil>"}; !slices.Equal(got, want) {
		t.Errorf("a lock that nobody can have is taken: %q, want %q", got, want)
	}
}

func TestALockOfFlockThatCannotBecomeExclusiveIsLost(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/lock")
		g, _ := os.Open("/lock")
		for _, how := range []int{syscall.LOCK_SH, syscall.LOCK_EX | syscall.LOCK_NB} {
			say(h, "%v %v", syscall.Flock(int(f.Fd()), how), syscall.Flock(int(g.Fd()), how))
		}
	})
	if want := []string{"<nil> <nil>", "resource temporarily unavailable <nil>"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALockOfANegativeLengthIsOnTheBytesBefore(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/lock")
		g, _ := os.Open("/lock")
		const get, set = 36, 37 // of open files
		err := syscall.FcntlFlock(f.Fd(), set, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: 20, Len: -10})
		l := syscall.Flock_t{Type: syscall.F_RDLCK}
		say(h, "%v %v %d+%d", err, syscall.FcntlFlock(g.Fd(), get, &l), l.Start, l.Len)
	})
	if want := []string{"<nil> <nil> 10+10"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAHoleThatATruncationMakesHasNoRoomOfItsOwn(t *testing.T) {
	got := kernel(t, "", host.Options{Disk: host.DiskOptions{Capacity: 1 << 20}}, func(h *host.Host) {
		f, _ := os.Create("/f")
		say(h, "%v", f.Truncate(1<<30))
		n, err := syscall.Pwrite(int(f.Fd()), make([]byte, 2<<20), 1<<20)
		_, again := syscall.Pwrite(int(f.Fd()), []byte("x"), 1<<29)
		say(h, "%v %v %v, %v", n > 900_000, n < 1<<20, err, again)
	})
	if want := []string{"<nil>", "true true <nil>, no space left on device"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAFileThatIsGivenRoomMayKeepItsSize(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		f, _ := os.Create("/f")
		for _, mode := range []uint32{1, 0} { // FALLOC_FL_KEEP_SIZE, and none
			err := syscall.Fallocate(int(f.Fd()), mode, 0, 5000)
			info, _ := f.Stat()
			say(h, "%v %d", err, info.Size())
		}
	})
	if want := []string{"<nil> 0", "<nil> 5000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestADirectoryReadFromItsBeginningIsReadAnew(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		os.Mkdir("/d", 0o777)
		os.Create("/d/a")
		d, _ := os.Open("/d")
		names, err := d.Readdirnames(0)
		say(h, "%q %v", names, err)
		os.Create("/d/b")
		os.Remove("/d/a")
		d.Seek(0, io.SeekStart)
		names, err = d.Readdirnames(0)
		say(h, "%q %v", names, err)
	})
	if want := []string{`["a"] <nil>`, `["b"] <nil>`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestADescriptorIsTheLowestThatIsFree(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		a, _ := os.Create("/a")
		b, _ := os.Create("/b")
		c, _ := os.Create("/c")
		first := int(a.Fd())
		b.Close()
		d, _ := os.Open("/c")
		e, _ := syscall.Dup(int(d.Fd()))
		say(h, "%d %d %d", int(c.Fd())-first, int(d.Fd())-first, e-first)
	})
	if want := []string{"2 1 3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAWorkingDirectoryThatIsRemovedIsThereUntilItIsLeft(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		os.Mkdir("/d", 0o777)
		d, _ := os.Open("/d")
		say(h, "%v %v", os.Chdir("/d"), os.Remove("/d"))
		info, err := os.Stat(".")
		say(h, "%v %v", err == nil && info.IsDir(), reason(os.WriteFile("f", nil, 0o666)))
		say(h, "%v %v", os.Chdir("/"), reason(os.Chdir("d")))
		info, err = d.Stat()
		say(h, "%v %v", err == nil && info.IsDir(), err)
	})
	const none = "no such file or directory"
	if want := []string{"<nil> <nil>", "true " + none, "<nil> " + none, "true <nil>"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAFileWithoutANameKeepsItsRoomUntilItIsUnmapped(t *testing.T) {
	got := kernel(t, "", host.Options{}, func(h *host.Host) {
		free := func() uint64 {
			var st syscall.Statfs_t
			syscall.Statfs("/", &st)
			return st.Bfree
		}
		before := free()
		f, _ := os.Create("/f")
		f.Write(make([]byte, 10*4096))
		memory, err := syscall.Mmap(int(f.Fd()), 0, 10*4096, syscall.PROT_READ, syscall.MAP_SHARED)
		f.Close()
		os.Remove("/f")
		say(h, "%v, %d blocks", err, before-free())
		err = syscall.Munmap(memory)
		say(h, "%v, %d blocks", err, before-free())
	})
	if want := []string{"<nil>, 11 blocks", "<nil>, 0 blocks"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
