//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dessim/sim/host"
)

func TestErrorsOfSocketsAreThoseOfAMachine(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		_, err := net.Dial("tcp", "n1:9")
		say(h, "refused: %v, %v", err, errors.Is(err, syscall.ECONNREFUSED))
		_, err = net.Dial("tcp", "8.8.8.8:53")
		say(h, "no way: %v", err)
		_, err = net.Dial("tcp", "example.com:80")
		say(h, "no name: %v", err)
		l, err := net.Listen("tcp", "127.0.0.1:80")
		say(h, "listening: %v %v", l.Addr(), err)
		_, err = net.Listen("tcp", ":80")
		say(h, "taken: %v, %v", err, errors.Is(err, syscall.EADDRINUSE))
		_, err = net.Listen("tcp", "10.0.0.9:80")
		say(h, "not here: %v", err)
		_, err = net.Listen("unix", "/tmp/s")
		say(h, "unix: %v", err)
		_, err = net.Listen("tcp6", ":80")
		say(h, "IPv6: %v", err)
		l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Second))
		_, err = l.Accept()
		say(h, "accept: %v, %v", err, errors.Is(err, os.ErrDeadlineExceeded))
		go func() {
			time.Sleep(time.Second)
			l.Close()
		}()
		l.(*net.TCPListener).SetDeadline(time.Time{})
		_, err = l.Accept()
		say(h, "closed: %v, %v", err, errors.Is(err, net.ErrClosed))
		say(h, "again: %v", l.Close())
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program, echo)
	expect(t, said, 0,
		"refused: dial tcp 10.0.0.1:9: connect: connection refused, true",
		"no way: dial tcp 8.8.8.8:53: connect: network is unreachable",
		"no name: dial tcp: lookup example.com: no such host",
		"listening: 127.0.0.1:80 <nil>",
		"taken: listen tcp :80: bind: address already in use, true",
		"not here: listen tcp 10.0.0.9:80: bind: cannot assign requested address",
		"unix: listen unix /tmp/s: socket: address family not supported by protocol",
		"IPv6: listen tcp6 :80: socket: address family not supported by protocol",
		"accept: accept tcp 127.0.0.1:80: i/o timeout, true",
		"closed: accept tcp 127.0.0.1:80: use of closed network connection, true",
		"again: close tcp 127.0.0.1:80: use of closed network connection",
	)
}

func TestDeadlinesAndContextsEndWaiting(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		begin := time.Now()
		since := func() time.Duration { return time.Since(begin).Round(time.Millisecond) }
		c, err := net.Dial("tcp", "n0:7")
		if err != nil {
			return err
		}
		begin = time.Now()
		c.SetReadDeadline(begin.Add(time.Second))
		_, err = c.Read(make([]byte, 1))
		say(h, "read: %v at %v", err, since())
		go func() {
			time.Sleep(time.Second)
			c.SetReadDeadline(time.Now())
		}()
		c.SetReadDeadline(time.Time{})
		_, err = c.Read(make([]byte, 1))
		say(h, "read: %v at %v", err, since())
		c.SetWriteDeadline(begin.Add(3 * time.Second))
		n, err := c.Write(make([]byte, 10_000_000))
		say(h, "write: %v, %v at %v", n > 0, err, since())
		c.Close()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		var d net.Dialer
		_, err = d.DialContext(short, "tcp", "n2:7")
		say(h, "dial: %v at %v", err, since())
		short, cancel = context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		_, err = d.DialContext(short, "tcp", "n2:7")
		say(h, "dial: %v at %v", err, since())
		return wait(ctx)
	}
	mute := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		if _, err := l.Accept(); err != nil {
			return err
		}
		return wait(ctx)
	}
	said, _ := play(t, 1, "crash 2 at 0s", plain, mute, program, mute)
	for i, text := range said[1] {
		_, said[1][i], _ = strings.Cut(text, "->10.0.0.0:7: ")
		if said[1][i] == "" {
			said[1][i] = text
		}
	}
	expect(t, said, 1,
		"i/o timeout at 1s", "i/o timeout at 2s", "i/o timeout at 3s",
		"dial: dial tcp 10.0.0.2:7: i/o timeout at 4s", "dial: dial tcp 10.0.0.2:7: operation was canceled at 5s")
}

func TestTwoLivesAndTwoPortsAreKeptApart(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		a, err := net.Listen("tcp", ":0")
		if err != nil {
			return err
		}
		b, err := net.Listen("tcp", ":0")
		if err != nil {
			return err
		}
		say(h, "%v %v", a.Addr(), b.Addr())
		return wait(ctx)
	}
	said, _ := play(t, 1, "crash 0 at 1s for 1s", plain, program)
	expect(t, said, 0, "0.0.0.0:32768 0.0.0.0:32769", "0.0.0.0:33765 0.0.0.0:33766")
}

func TestANodeSpeaksToItself(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			return err
		}
		go func() {
			c, _ := l.Accept()
			say(h, "%v from %v", c.LocalAddr(), c.RemoteAddr())
			io.Copy(c, c)
			c.Close()
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		fmt.Fprint(c, "hello")
		c.(*net.TCPConn).CloseWrite()
		all, err := io.ReadAll(c)
		say(h, "%s %v", all, err)
		_, err = net.Dial("tcp", fmt.Sprintf("n0:%d", l.Addr().(*net.TCPAddr).Port))
		say(h, "%v", err)
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0, "127.0.0.1:32768 from 127.0.0.1:32769", "hello <nil>", "dial tcp 10.0.0.0:32768: connect: connection refused")
}

func TestUDPIsAsTheLinksAre(t *testing.T) {
	server := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenPacket("udp", ":53")
		if err != nil {
			return err
		}
		b := make([]byte, 100)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return err
			}
			if _, err := c.WriteTo(b[:n], from); err != nil {
				return err
			}
		}
	}
	client := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("udp", "n0:53")
		if err != nil {
			return err
		}
		go func() {
			for i := range 1000 {
				fmt.Fprintf(c, "%03d", i)
				time.Sleep(time.Millisecond)
			}
		}()
		c.SetReadDeadline(time.Now().Add(time.Minute))
		n, disorder, last := 0, 0, ""
		b := make([]byte, 100)
		for {
			k, err := c.Read(b)
			if err != nil {
				say(h, "%v", err)
				break
			}
			n++
			if string(b[:k]) < last {
				disorder++
			}
			last = string(b[:k])
		}
		say(h, "%v %v %v", n > 800, n < 1200, disorder > 0)
		return wait(ctx)
	}
	for seed := range uint64(10) {
		said, r := play(t, seed, "", rough, server, client)
		if got := said[1][len(said[1])-1]; got != "true true true" {
			t.Errorf("seed %d: %q", seed, said[1])
		}
		if r.Lost == 0 || r.Copied == 0 {
			t.Errorf("seed %d: %d messages were lost and %d copied, want some", seed, r.Lost, r.Copied)
		}
	}
}

func TestADatagramSocketDropsWhatItCannotHold(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		a, err := net.ListenUDP("udp", &net.UDPAddr{Port: 1})
		if err != nil {
			return err
		}
		b, err := net.ListenUDP("udp", nil)
		if err != nil {
			return err
		}
		for range 300 {
			if _, err := b.WriteToUDP(make([]byte, 1000), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err != nil {
				return err
			}
		}
		_, err = b.WriteToUDP(make([]byte, 65_508), &net.UDPAddr{Port: 1})
		say(h, "%v", err)
		time.Sleep(time.Second)
		n := 0
		a.SetReadDeadline(time.Now().Add(time.Second))
		for {
			size, _, flags, from, err := a.ReadMsgUDPAddrPort(make([]byte, 10), nil)
			if err != nil {
				break
			}
			if size != 10 || flags != syscall.MSG_TRUNC || from.String() != "127.0.0.1:32768" {
				say(h, "%v %v %v", size, flags, from)
			}
			n++
		}
		say(h, "%d", n)
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0, "write udp 0.0.0.0:32768->:1: sendto: message too long", "169")
}

func TestNamesAndInterfacesAreTheNodes(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		for _, name := range []string{"n1", "N258.", "localhost", "10.1.2.3", "n01", "n99999999", "google.com"} {
			addrs, err := net.LookupHost(name)
			say(h, "%v %v", addrs, err)
		}
		names, err := net.LookupAddr("10.0.1.2")
		say(h, "%v %v", names, err)
		port, err := net.LookupPort("tcp", "https")
		say(h, "%v %v", port, err)
		addrs, err := net.InterfaceAddrs()
		say(h, "%v %v", addrs, err)
		all, err := net.Interfaces()
		for _, i := range all {
			addrs, _ := i.Addrs()
			say(h, "%v %v %v %v", i.Name, i.Flags, addrs, err)
		}
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0,
		"[10.0.0.1] <nil>", "[10.0.1.2] <nil>", "[127.0.0.1] <nil>", "[10.1.2.3] <nil>",
		"[] lookup n01: no such host", "[] lookup n99999999: no such host", "[] lookup google.com: no such host",
		"[n258] <nil>", "443 <nil>",
		"[127.0.0.1/8 10.0.0.0/8] <nil>",
		"lo up|loopback|running [127.0.0.1/8] <nil>", "eth0 up|broadcast|running [10.0.0.0/8] <nil>")
}

func TestClosingASocketWakesWhoeverWaits(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n0:7")
		if err != nil {
			return err
		}
		u, err := net.ListenPacket("udp", "127.0.0.1:1")
		if err != nil {
			return err
		}
		ended := make(chan string)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- fmt.Sprint("read ", errors.Is(err, net.ErrClosed))
		}()
		go func() {
			_, err := c.Write(make([]byte, 1_000_000))
			ended <- fmt.Sprint("write ", errors.Is(err, net.ErrClosed))
		}()
		go func() {
			_, _, err := u.ReadFrom(make([]byte, 1))
			ended <- fmt.Sprint("datagram ", errors.Is(err, net.ErrClosed))
		}()
		for _, c := range []io.Closer{u, c} {
			time.Sleep(time.Second)
			c.Close()
		}
		for range 3 {
			say(h, "%s", <-ended)
		}
		return wait(ctx)
	}
	silent := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		if _, err := l.Accept(); err != nil {
			return err
		}
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, silent, program)
	expect(t, said, 1, "datagram true", "read true", "write true")
}
