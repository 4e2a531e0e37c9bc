//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"dessim/sim/host"
)

// greet writes two texts, a second apart, and ends.
func greet(ctx context.Context, h *host.Host) error {
	l, err := net.Listen("tcp", ":7")
	if err != nil {
		return err
	}
	c, err := l.Accept()
	if err != nil {
		return err
	}
	for _, text := range []string{"hello", "again"} {
		time.Sleep(time.Second)
		if _, err := c.Write([]byte(text)); err != nil {
			return err
		}
	}
	c.Close()
	return wait(ctx)
}

// readRaw reads a connection by its descriptor, three bytes at a time, as a library does
// that wants no buffer before there is data; the third time, it reads as usual.
func readRaw(ctx context.Context, h *host.Host) error {
	conn, err := net.Dial("tcp", "n0:7")
	if err != nil {
		return err
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	p := make([]byte, 3)
	once := func(waits bool) {
		var n int
		var err error
		wrong := raw.Read(func(fd uintptr) bool {
			n, err = syscall.Read(int(fd), p)
			return !waits || err != syscall.EAGAIN
		})
		say(h, "%q %v %v", p[:max(n, 0)], err, wrong)
	}
	once(false) // there is nothing yet
	once(true)
	once(true)
	n, err := conn.Read(p)
	say(h, "%q %v", p[:n], err)
	once(true)
	once(true) // the end
	conn.SetReadDeadline(time.Now())
	wrong := raw.Read(func(uintptr) bool { return false })
	say(h, "late: %v", errors.Is(wrong, os.ErrDeadlineExceeded))
	conn.Close()
	say(h, "closed: %v", errors.Is(raw.Read(func(uintptr) bool { return true }), net.ErrClosed))
	return wait(ctx)
}

func TestARawReadTakesWhatHasComeAndLeavesTheRest(t *testing.T) {
	for seed := range uint64(10) {
		said, _ := play(t, seed, "", plain, greet, readRaw)
		want := []string{
			`"" resource temporarily unavailable <nil>`,
			`"hel" <nil> <nil>`, `"lo" <nil> <nil>`, `"aga" <nil>`, `"in" <nil> <nil>`, `"" <nil> <nil>`,
			"late: true", "closed: true",
		}
		if !slices.Equal(said[1], want) {
			t.Errorf("seed %d: %q, want %q", seed, said[1], want)
		}
	}
}
