//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
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

func TestARawConnWaitsAsItsSocketDoes(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		begin := time.Now()
		tell := func(what string, args ...any) {
			say(h, "%s at %v: %v", what, time.Since(begin).Round(time.Second), fmt.Sprint(args...))
		}
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		calls := 0
		take := func(fd uintptr) bool {
			calls++
			var p [16]byte
			n, _, err := syscall.Recvfrom(int(fd), p[:], 0)
			if err == syscall.EAGAIN {
				return false
			}
			tell("read", string(p[:n]), " ", err)
			return true
		}
		err = raw.Read(take)
		tell("done", calls, " calls, ", err)
		c.SetReadDeadline(begin.Add(3500 * time.Millisecond))
		err = raw.Read(func(uintptr) bool { tell("refused"); return false })
		tell("late", errors.Is(err, os.ErrDeadlineExceeded))
		c.SetReadDeadline(begin.Add(5 * time.Second))
		raw.Read(take)
		raw.Read(take)
		err = raw.Read(take)
		tell("late", errors.Is(err, os.ErrDeadlineExceeded))
		c.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { c.Close() })
		err = raw.Read(take)
		tell("closed", errors.Is(err, net.ErrClosed))
		err = raw.Control(func(uintptr) { tell("called") })
		tell("closed", errors.Is(err, net.ErrClosed))
		return wait(ctx)
	}
	sender := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("udp", "n0:7")
		if err != nil {
			return err
		}
		for i := range 3 {
			time.Sleep(time.Second)
			fmt.Fprintf(c, "%d", i)
		}
		return wait(ctx)
	}
	closer := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n1:8")
		if err != nil {
			return err
		}
		raw, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			return err
		}
		begin, sent := time.Now(), 0
		c.SetWriteDeadline(begin.Add(3 * time.Second))
		err = raw.Write(func(fd uintptr) bool {
			for {
				n, err := syscall.Write(int(fd), make([]byte, 10_000))
				if err == syscall.EAGAIN {
					return false
				}
				sent += n
			}
		})
		say(h, "%v, %v at %v", sent >= 200_000, errors.Is(err, os.ErrDeadlineExceeded), time.Since(begin).Round(time.Second))
		return wait(ctx)
	}
	reader := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":8")
		if err != nil {
			return err
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		for n := 0; n < 100_000; { // and no more
			m, err := c.Read(make([]byte, 1000))
			if err != nil {
				return err
			}
			n += m
		}
		return sender(ctx, h)
	}
	for seed := range uint64(5) {
		said, _ := play(t, seed, "", plain, program, reader, closer)
		expect(t, said, 2, "true, true at 3s")
		expect(t, said, 0, "read at 2s: 0 <nil>", "done at 2s: 2 calls, <nil>",
			"refused at 2s: ", "refused at 3s: ", "late at 4s: true", "read at 4s: 1 <nil>", "read at 4s: 2 <nil>", "late at 5s: true",
			"closed at 6s: true", "closed at 6s: true")
	}
}

func TestTheNumberOfASocketGoesWithIt(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		f, err := os.Create("/file")
		if err != nil {
			return err
		}
		first, number := int(f.Fd()), 0
		for range 2 {
			raw.Control(func(fd uintptr) { number = int(fd) })
			say(h, "%d", number-first)
		}
		g, err := os.Create("/other")
		if err != nil {
			return err
		}
		say(h, "%d", int(g.Fd())-first)
		_, err = syscall.Dup(number)
		say(h, "dup: %v", err)
		raw.Control(func(fd uintptr) {
			c.Close()
			_, err := syscall.Read(int(fd), make([]byte, 1))
			say(h, "closed, but lent: %v", err)
		})
		_, err = syscall.Read(number, make([]byte, 1))
		say(h, "closed: %v", err)
		e, err := os.Create("/third")
		say(h, "%d %v", int(e.Fd())-first, err)
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0, "1", "1", "2", "dup: operation not supported",
		"closed, but lent: resource temporarily unavailable", "closed: bad file descriptor", "1 <nil>")
}

func TestThePeerSeesTheSourceOfPacketInfo(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		for _, ip := range []string{"10.0.0.0", "127.0.0.1", "10.0.0.1"} {
			var a [12]byte
			copy(a[4:], net.ParseIP(ip).To4())
			for _, to := range []string{"127.0.0.1", "10.0.0.0", "10.0.0.1"} {
				_, _, err := c.WriteMsgUDP([]byte("x"), controlMessage(syscall.IPPROTO_IP, syscall.IP_PKTINFO, a[:]...), &net.UDPAddr{IP: net.ParseIP(to), Port: 7})
				if err != nil {
					say(h, "%s to %s: %v", ip, to, reason(err))
					continue
				}
				if to == "10.0.0.1" {
					continue // to the other node
				}
				_, from, _ := c.ReadFrom(make([]byte, 1))
				say(h, "%s to %s: %v", ip, to, strings.TrimSuffix(from.String(), ":7"))
			}
		}
		return wait(ctx)
	}
	peer := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		for {
			_, from, err := c.ReadFrom(make([]byte, 1))
			if err != nil {
				return err
			}
			say(h, "%v", from)
		}
	}
	said, _ := play(t, 1, "", plain, program, peer)
	expect(t, said, 0, "10.0.0.0 to 127.0.0.1: 10.0.0.0", "10.0.0.0 to 10.0.0.0: 10.0.0.0",
		"127.0.0.1 to 127.0.0.1: 127.0.0.1", "127.0.0.1 to 10.0.0.0: 127.0.0.1", "127.0.0.1 to 10.0.0.1: invalid argument",
		"10.0.0.1 to 127.0.0.1: network is unreachable", "10.0.0.1 to 10.0.0.0: network is unreachable", "10.0.0.1 to 10.0.0.1: network is unreachable")
	expect(t, said, 1, "10.0.0.0:7")
}

// down calls f with less room on the stack.
func down(n int, f func()) {
	var p [64]byte
	if n > 0 {
		down(n-1, f)
		p[n%64]++
		return
	}
	f()
}

func TestMessagesArriveOnAStackThatGrows(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		const goroutines = 200
		done := make(chan string)
		control(c, func(fd int) {
			for i := range goroutines {
				c.WriteTo([]byte("hello"), c.LocalAddr())
				time.Sleep(time.Second)
				go down(i, func() {
					var p, oob [8]byte // on the stack, as Recvmsg's own are
					n, _, flags, from, err := syscall.Recvmsg(fd, p[:], oob[:], 0)
					done <- fmt.Sprint(string(p[:]), n, flags, from.(*syscall.SockaddrInet4).Port, err)
				})
				if got := <-done; got != "hello\x00\x00\x005 0 7 <nil>" {
					say(h, "%q", got)
				}
			}
		})
		say(h, "done")
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0, "done")
}
