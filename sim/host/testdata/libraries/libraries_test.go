//go:build dessim_overlay

// Package libraries has programs that make system calls by golang.org/x/sys/unix, or exchange datagrams by
// golang.org/x/net, and one that keeps its data with go.etcd.io/bbolt.
package libraries

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
	"go.etcd.io/bbolt"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

var kindSaid = protocol.KindOf("said")

func say(h *host.Host, format string, args ...any) {
	h.Output(kindSaid, fmt.Appendf(nil, format, args...))
}

// said collects what a node says, and what is noted of its disk.
type said struct{ lines, notes []string }

// Watch is for sim.Observer.
func (s *said) Watch() sim.What { return sim.Output | sim.Noted }

// Observe is for sim.Observer.
func (s *said) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Output:
		s.lines = append(s.lines, string(e.Body))
	case e.Kind == protocol.KindOf("disk"):
		s.notes = append(s.notes, e.Text)
	}
}

// run runs a program on one node, twice: both runs must have one digest.
func run(t *testing.T, seed uint64, faults string, p host.Program) *said {
	t.Helper()
	parsed, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	once := func() (*said, sim.Digest) {
		got := new(said)
		s, err := sim.New(sim.Plan{
			Nodes:  1,
			Node:   func(protocol.NodeID) protocol.Node { return host.New(p, host.Options{Salt: seed}) },
			Link:   sim.Link{Delay: time.Millisecond},
			Disk:   sim.Disk{Sync: time.Millisecond, Jitter: time.Millisecond},
			Faults: parsed,
			Until:  protocol.Time(time.Minute),
		}, source.Seed(seed), got)
		if err != nil {
			t.Fatal(err)
		}
		return got, s.Run().Digest
	}
	got, digest := once()
	if _, again := once(); again != digest {
		t.Fatalf("seed %d with faults %q: the digest is %v, and once more %v", seed, faults, digest, again)
	}
	return got
}

func TestSystemCallsOfUnixAreServed(t *testing.T) {
	got := run(t, 1, "", func(ctx context.Context, h *host.Host) error {
		tell := func(args ...any) { say(h, "%s", strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
		fd, err := unix.Openat(unix.AT_FDCWD, "/f", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
		tell(fd >= 1<<24, err)
		n, err := unix.Pwritev(fd, [][]byte{[]byte("one "), []byte("two "), nil, []byte("three")}, 2)
		tell(n, err)
		a, b := make([]byte, 5), make([]byte, 50)
		n, err = unix.Preadv(fd, [][]byte{a, b}, 0)
		tell(n, err, fmt.Sprintf("%q %q", a, b[:n-5]))
		tell(unix.Fdatasync(fd), unix.SyncFileRange(fd, 0, 10, 0), unix.Syncfs(fd), unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
		tell(unix.Fallocate(fd, 0, 0, 100), unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 1000), unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 10))
		var st unix.Stat_t
		err = unix.Fstatat(unix.AT_FDCWD, "f", &st, 0)
		tell(st.Size, st.Mode == unix.S_IFREG|0o644, st.Nlink, err)
		var x unix.Statx_t
		err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_ALL, &x)
		tell(x.Size, x.Mode == unix.S_IFREG|0o644, x.Nlink, x.Ino == st.Ino, x.Mtime.Sec == st.Mtim.Sec, err)
		tell(unix.Renameat2(unix.AT_FDCWD, "/f", unix.AT_FDCWD, "/tmp", unix.RENAME_NOREPLACE))
		tell(unix.Renameat2(unix.AT_FDCWD, "/f", unix.AT_FDCWD, "/tmp", unix.RENAME_EXCHANGE), unix.Renameat2(unix.AT_FDCWD, "/f", unix.AT_FDCWD, "/tmp", unix.RENAME_EXCHANGE))
		two, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		off, again := unix.Seek(two, 3, unix.SEEK_SET)
		tell(two != fd, err, off, again)
		off, err = unix.Seek(fd, 0, unix.SEEK_CUR)
		tell(off, err)
		off, err = unix.Seek(fd, 0, unix.SEEK_HOLE)
		tell(off, err)
		_, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		tell(err)
		_, err = unix.Open("/f", unix.O_RDWR|unix.O_TMPFILE, 0)
		tell(err)
		_, err = unix.Openat2(unix.AT_FDCWD, "/f", &unix.OpenHow{Flags: unix.O_RDONLY})
		tell(err)
		var ts unix.Timespec
		tell(unix.ClockGettime(unix.CLOCK_REALTIME, &ts), ts.Nano() == time.Now().UnixNano())
		var u unix.Utsname
		tell(unix.Uname(&u), unix.ByteSliceToString(u.Nodename[:]))
		c, d := make([]byte, 8), make([]byte, 8)
		unix.Getrandom(c, 0)
		unix.Getrandom(d, 0)
		tell(slices.Equal(c, d), unix.Access("/f", unix.X_OK), unix.Close(fd), unix.Close(fd))
		return nil
	})
	want := []string{
		"true <nil>", "13 <nil>", `15 <nil> "\x00\x00one" " two three"`, "<nil> <nil> <nil> <nil>", "<nil> <nil> operation not supported",
		"100 true 1 <nil>", "100 true 1 true true <nil>", "file exists", "<nil> <nil>", "true <nil> 3 <nil>", "3 <nil>", "100 <nil>",
		"inappropriate ioctl for device", "operation not supported", "<nil>", "<nil> true", "<nil> n0", "false permission denied <nil> bad file descriptor",
	}
	for i := range max(len(got.lines), len(want)) {
		if i >= len(got.lines) || i >= len(want) || got.lines[i] != want[i] {
			t.Fatalf("line %d: %q, want %q", i, got.lines[i:], want[i:])
		}
	}
}

func TestAMappingShowsWritesAndIsForReading(t *testing.T) {
	got := run(t, 1, "", func(ctx context.Context, h *host.Host) error {
		fd, err := unix.Open("/f", unix.O_CREAT|unix.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		unix.Pwrite(fd, []byte("before"), 0)
		m, err := unix.Mmap(fd, 0, 1<<16, unix.PROT_READ, unix.MAP_SHARED)
		say(h, "%q %v %d", m[:8], err, uintptr(unsafe.Pointer(&m[0]))%8)
		unix.Pwrite(fd, []byte("after "), 0)
		unix.Pwrite(fd, []byte("far away"), 40_000)
		say(h, "%q %q", m[:8], m[40_000:40_008])
		p, err := unix.Mmap(fd, 0, 8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
		copy(p, "private")
		say(h, "%q %q %v", p, m[:8], err)
		_, err = unix.Mmap(fd, 0, 8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		say(h, "%v", err)
		a, err := unix.Mmap(-1, 0, 100_000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		say(h, "%d %d %v", len(a), a[99_999], err)
		say(h, "%v %v %v %v", unix.Madvise(m, unix.MADV_RANDOM), unix.Munmap(m), unix.Munmap(p), unix.Munmap(a))
		unix.Pwrite(fd, []byte("end"), 0)
		return nil
	})
	want := []string{`"before\x00\x00" <nil> 0`, `"after \x00\x00" "far away"`, `"private\x00" "after \x00\x00" <nil>`, "no such device", "100000 0 <nil>", "<nil> <nil> <nil> <nil>"}
	if !slices.Equal(got.lines, want) {
		t.Errorf("%q\nwant %q", got.lines, want)
	}
	if len(got.notes) != 1 || !strings.Contains(got.notes[0], "shared memory that can be written") {
		t.Errorf("notes: %q", got.notes)
	}
}

// counts keeps a number in a database and adds to it. What was committed must be there after a
// crash, and one more at most.
func counts(ctx context.Context, h *host.Host) error {
	db, err := bbolt.Open("/data", 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	for {
		n := 0
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			fmt.Sscan(string(b.Get([]byte("n"))), &n)
			n++
			for i := range n % 50 { // so that pages come and go
				if err := b.Put(fmt.Append(nil, "key ", i), make([]byte, 300)); err != nil {
					return err
				}
			}
			return b.Put([]byte("n"), fmt.Append(nil, n))
		})
		if err != nil {
			say(h, "error %v", err)
			return nil
		}
		say(h, "%d", n)
	}
}

func TestBboltKeepsWhatItCommits(t *testing.T) {
	for seed := range uint64(30) {
		faults := ""
		for i := range 5 {
			faults += fmt.Sprintf("crash 0 at %dus for 1ms scattered; ", 20_000*(i+1)+int(seed)*1237)
		}
		got := run(t, seed, strings.TrimSuffix(faults, "; "), func(ctx context.Context, h *host.Host) error {
			ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			done := make(chan error)
			go func() { done <- counts(ctx, h) }()
			select {
			case err := <-done:
				return err
			case <-ctx.Done():
				return nil
			}
		})
		last := 0
		for _, line := range got.lines {
			n := 0
			if _, err := fmt.Sscan(line, &n); err != nil || n != last+1 && n != last+2 {
				t.Fatalf("seed %d: %s after %d", seed, line, last)
			}
			last = n
		}
		if last < 20 {
			t.Errorf("seed %d: only %d transactions", seed, last)
		}
	}
}

func TestBboltLocksItsFile(t *testing.T) {
	got := run(t, 1, "", func(ctx context.Context, h *host.Host) error {
		a, err := bbolt.Open("/data", 0o600, nil)
		if err != nil {
			return err
		}
		_, err = bbolt.Open("/data", 0o600, &bbolt.Options{Timeout: time.Second})
		say(h, "%v", errors.Is(err, bbolt.ErrTimeout))
		a.Close()
		_, err = bbolt.Open("/data", 0o600, &bbolt.Options{Timeout: time.Second})
		say(h, "%v", err)
		return nil
	})
	if want := []string{"true", "<nil>"}; !slices.Equal(got.lines, want) {
		t.Errorf("%q, want %q", got.lines, want)
	}
}

func TestBatchesOfDatagramsArrive(t *testing.T) {
	got := run(t, 1, "", func(ctx context.Context, h *host.Host) error {
		a, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		b, err := net.ListenUDP("udp", &net.UDPAddr{Port: 8})
		if err != nil {
			return err
		}
		in, out := ipv4.NewPacketConn(a), ipv4.NewPacketConn(b)
		say(h, "%v", in.SetControlMessage(ipv4.FlagDst|ipv4.FlagTTL, true))
		say(h, "%v", out.SetTOS(2))
		tos, err := out.TOS()
		say(h, "%d %v", tos, err)
		go func() {
			time.Sleep(time.Second)
			var batch []ipv4.Message
			for _, text := range []string{"one", "two", "three"} {
				batch = append(batch, ipv4.Message{Buffers: [][]byte{[]byte(text), []byte("!")}, Addr: a.LocalAddr()})
			}
			n, err := out.WriteBatch(batch, 0)
			say(h, "sent %d %v, %d", n, err, batch[2].N)
		}()
		left := 3
		for left > 0 {
			batch := make([]ipv4.Message, 5)
			for i := range batch {
				batch[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 2), make([]byte, 2)}, OOB: make([]byte, 64)}
			}
			n, err := in.ReadBatch(batch, 0)
			if err != nil {
				return err
			}
			for _, m := range batch[:n] {
				say(h, "%d of %q and %q, %d, %v from %v", m.N, m.Buffers[0], m.Buffers[1], m.NN, m.Flags == unix.MSG_TRUNC, m.Addr)
			}
			left -= n
		}
		n, err := in.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 2)}}}, unix.MSG_DONTWAIT)
		say(h, "%d %v", n, errors.Is(err, unix.EAGAIN))
		if _, err := out.WriteTo([]byte("x"), &ipv4.ControlMessage{Src: net.IPv4(127, 0, 0, 1)}, a.LocalAddr()); err != nil {
			return err
		}
		p := make([]byte, 10)
		n, cm, from, err := in.ReadFrom(p)
		say(h, "%q %v %v %v", p[:n], cm, from, err)
		time.AfterFunc(time.Second, func() { a.Close() })
		_, err = ipv6.NewPacketConn(a).ReadBatch([]ipv6.Message{{Buffers: [][]byte{p}}}, 0)
		say(h, "%v", errors.Is(err, net.ErrClosed))
		return nil
	})
	want := []string{
		"<nil>", "<nil>", "2 <nil>", "sent 3 <nil>, 6",
		`4 of "on" and "e!", 0, false from 127.0.0.1:8`, `4 of "tw" and "o!", 0, false from 127.0.0.1:8`,
		`4 of "th" and "re", 0, true from 127.0.0.1:8`, "-1 true", `"x" <nil> 127.0.0.1:8 <nil>`, "true",
	}
	if !slices.Equal(got.lines, want) {
		t.Errorf("%q\nwant %q", got.lines, want)
	}
}
