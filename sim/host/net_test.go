//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
)

// kindSaid marks outputs of programs under test.
var kindSaid = protocol.KindOf("said")

// say makes text an output.
func say(h *host.Host, format string, args ...any) {
	h.Output(kindSaid, fmt.Appendf(nil, format, args...))
}

// outputs collects what nodes say, by node.
type outputs map[protocol.NodeID][]string

// Watch is for sim.Observer.
func (outputs) Watch() sim.What { return sim.Output }

// Observe is for sim.Observer.
func (o outputs) Observe(e *sim.Event) { o[e.Node] = append(o[e.Node], string(e.Body)) }

// play runs one program a node, twice: both runs must have one digest. It returns what nodes said.
func play(t *testing.T, seed uint64, faults string, link sim.Link, programs ...host.Program) (outputs, sim.Result) {
	t.Helper()
	parsed, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	once := func() (outputs, sim.Result) {
		said := make(outputs)
		s, err := sim.New(sim.Plan{
			Nodes:  len(programs),
			Node:   func(id protocol.NodeID) protocol.Node { return host.New(programs[id], host.Options{Salt: seed}) },
			Link:   link,
			Faults: parsed,
			Until:  protocol.Time(30 * time.Minute),
			Events: 1_000_000,
		}, source.Seed(seed), said)
		if err != nil {
			t.Fatal(err)
		}
		return said, s.Run()
	}
	said, r := once()
	if _, again := once(); again.Digest != r.Digest {
		t.Fatalf("seed %d with faults %q: the digest is %v, and once more %v", seed, faults, r.Digest, again.Digest)
	}
	return said, r
}

var plain = sim.Link{Delay: time.Millisecond, Jitter: time.Millisecond}

// rough is a link as bad as TCP still gets over soon.
var rough = sim.Link{
	Delay: time.Millisecond, Jitter: 20 * time.Millisecond,
	Loss: protocol.Ratio{Num: 10, Den: 100}, Copy: protocol.Ratio{Num: 10, Den: 100},
}

// wait lets a program live on.
func wait(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// echo returns what it is sent, and ends when its peers do.
func echo(ctx context.Context, h *host.Host) error {
	l, err := net.Listen("tcp", ":7")
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			n, err := io.Copy(c, c)
			say(h, "echoed %d %v", n, err)
			c.Close()
		}()
	}
}

// transfer sends bytes to node 0's port and reads them back.
func transfer(bytes int) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n0:7")
		if err != nil {
			say(h, "dial: %v", err)
			return wait(ctx)
		}
		go func() {
			for i := 0; i < bytes; i += 1000 {
				if _, err := fmt.Fprintf(c, "%-1000d", i); err != nil {
					say(h, "write: %v", err)
					return
				}
			}
			c.(*net.TCPConn).CloseWrite()
		}()
		all, err := io.ReadAll(c)
		for i := 0; i < len(all); i += 1000 {
			if want := fmt.Sprintf("%-1000d", i); string(all[i:min(i+1000, len(all))]) != want[:min(1000, len(all)-i)] {
				say(h, "wrong at %d", i)
			}
		}
		say(h, "read %d %v", len(all), err)
		c.Close()
		return wait(ctx)
	}
}

func expect(t *testing.T, said outputs, node protocol.NodeID, want ...string) {
	t.Helper()
	if got := said[node]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("node %d said %q, want %q", node, got, want)
	}
}

func TestTCPCarriesBytesOverBadLinks(t *testing.T) {
	for seed := range uint64(20) {
		for _, faults := range []string{
			"",
			"partition 0|1 at 10ms for 5s; partition 0|1 at 6s for 3s",
			"lose 0>* 100% only tcp.ack at 0s for 3s",
			"corrupt *>* 10% at 0s",
			"late *>* 20% at 0s",
		} {
			said, _ := play(t, seed, faults, rough, echo, transfer(300_000))
			if t.Failed() {
				return
			}
			expect(t, said, 0, "echoed 300000 <nil>")
			expect(t, said, 1, "read 300000 <nil>")
			if t.Failed() {
				t.Fatalf("seed %d, faults %q", seed, faults)
			}
		}
	}
}

func TestAPeerThatComesBackResetsItsOldConnections(t *testing.T) {
	for seed := range uint64(5) {
		said, _ := play(t, seed, "crash 0 at 20ms for 1s", plain, echo, transfer(1_000_000))
		if text := strings.Join(said[1], "\n"); !strings.Contains(text, "connection reset by peer") {
			t.Fatalf("seed %d: the client said %q, want a reset", seed, text)
		}
		said, _ = play(t, seed, "crash 1 at 20ms for 1s", plain, echo, transfer(1_000_000))
		if text := strings.Join(said[0], "\n"); !strings.Contains(text, "connection reset by peer") || !strings.Contains(text, "echoed 1000000 <nil>") {
			t.Fatalf("seed %d: the server said %q, want a reset, and then all", seed, text)
		}
	}
}

func TestAPeerThatStaysAwayTimesOut(t *testing.T) {
	said, _ := play(t, 1, "crash 0 at 20ms", plain, echo, transfer(3_000_000))
	if text := strings.Join(said[1], "\n"); !strings.Contains(text, "connection timed out") {
		t.Errorf("the client said %q, want a timeout", text)
	}
	said, _ = play(t, 1, "crash 0 at 0s", plain, echo, transfer(1))
	expect(t, said, 1, "dial: dial tcp 10.0.0.0:7: connect: connection timed out")
}

func TestASlowReaderHoldsTheWriterBack(t *testing.T) {
	slow := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		time.Sleep(10 * time.Minute)
		n, err := io.Copy(io.Discard, c)
		say(h, "read %d %v", n, err)
		return wait(ctx)
	}
	fast := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n0:7")
		if err != nil {
			return err
		}
		begin := time.Now()
		for i := range 10 {
			if _, err := c.Write(make([]byte, 30_000)); err != nil {
				say(h, "%v", err)
			}
			if time.Since(begin) > time.Minute {
				say(h, "held back after %d", i)
				begin = time.Now()
			}
		}
		c.Close()
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, slow, fast)
	expect(t, said, 0, "read 300000 <nil>")
	expect(t, said, 1, "held back after 4")
}

func TestAProgramThatEndsClosesItsConnections(t *testing.T) {
	server := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprint(c, "bye")
		return nil
	}
	client := func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n0:7")
		if err != nil {
			return err
		}
		all, err := io.ReadAll(c)
		say(h, "%s %v", all, err)
		return wait(ctx)
	}
	said, _ := play(t, 1, "", sim.Link{Delay: time.Millisecond}, server, client)
	expect(t, said, 1, "bye <nil>")
}
