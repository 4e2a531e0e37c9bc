package host

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"dessim/protocol"
)

// A bench is the network of node 0, whose peers are played by the test.
type bench struct {
	*network
	t    *testing.T
	sent []segment // since it was asked for last
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.network = makeNetwork(0, 1, func(to protocol.NodeID, _ protocol.Kind, msg []byte) {
		s, ok := parseSegment(append([]byte(nil), msg...), 0, to)
		if !ok {
			t.Fatalf("it sends %x, which is no segment", msg)
		}
		b.sent = append(b.sent, s)
	})
	b.advance(epoch)
	return b
}

// hear has a peer send a segment, and returns what is sent in that step.
func (b *bench) hear(from protocol.NodeID, s segment) []segment {
	b.receive(from, s.append(nil, from, b.id))
	b.finish()
	sent := b.sent
	b.sent = nil
	return sent
}

// listen makes a listener at port 80.
func (b *bench) listen() *listener {
	b.t.Helper()
	l, err := b.Socket(context.Background(), true, true, netip.AddrPortFrom(netip.Addr{}, 80), netip.AddrPort{})
	if err != nil {
		b.t.Fatal(err)
	}
	return l.(*listener)
}

// connect has node 1 connect to port 80, and accepts it. The peer's name for the connection is of.
func (b *bench) connect(l *listener, of connID) *stream {
	b.t.Helper()
	answer := b.hear(1, segment{what: segSyn, fromPort: 40000, toPort: 80, of: of, window: maxWindow})
	if len(answer) != 1 || answer[0].what != segSynAck {
		b.t.Fatalf("a SYN is answered by %+v", answer)
	}
	b.hear(1, segment{what: segAck, to: answer[0].of, window: maxWindow})
	s, err := l.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	return s.(*stream)
}

// want checks the kinds of what was sent.
func (b *bench) want(sent []segment, kinds ...segmentKind) {
	b.t.Helper()
	ok := len(sent) == len(kinds)
	for i := range sent {
		ok = ok && sent[i].what == kinds[i]
	}
	if !ok {
		b.t.Fatalf("%+v was sent, want the kinds %#x", sent, kinds)
	}
}

func TestAFullListenerDropsSYNs(t *testing.T) {
	b := newBench(t)
	l := b.listen()
	syn := func(i int) []segment {
		return b.hear(1, segment{what: segSyn, fromPort: 40000, toPort: 80, of: connID(i), window: maxWindow})
	}
	var first connID
	for i := range backlog {
		answer := syn(i + 1)
		b.want(answer, segSynAck)
		if i == 0 {
			first = answer[0].of
		}
	}
	b.want(syn(backlog + 1))
	b.hear(1, segment{what: segAck, to: first})
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
	b.want(syn(backlog+1), segSynAck)
}

func TestAClosedListenerResetsWhatNobodyAccepted(t *testing.T) {
	b := newBench(t)
	l := b.listen()
	var names [2]connID
	for i := range names {
		names[i] = b.hear(1, segment{what: segSyn, fromPort: 40000, toPort: 80, of: connID(i + 1)})[0].of
	}
	b.hear(1, segment{what: segAck, to: names[0]})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b.want(b.sent, segReset)
	b.sent = nil
	b.want(b.hear(1, segment{what: segAck, to: names[1]}), segReset) // its handshake ends too late
	b.want(b.hear(1, segment{what: segSyn, fromPort: 1, toPort: 80, of: 9}), segReset)
	b.listen() // the port is free again
}

func TestACopyOfASYNMakesNoConnection(t *testing.T) {
	b := newBench(t)
	l := b.listen()
	syn := segment{what: segSyn, fromPort: 40000, toPort: 80, of: 7}
	first := b.hear(1, syn)
	again := b.hear(1, syn)
	b.want(again, segSynAck)
	if first[0].of != again[0].of {
		t.Errorf("two copies of a SYN make the connections %x and %x, want one", first[0].of, again[0].of)
	}
	b.hear(1, segment{what: segAck, to: first[0].of})
	b.want(b.hear(1, syn))
	if n := len(l.queue); n != 1 {
		t.Errorf("%d connections wait to be accepted, want 1", n)
	}
}

func TestASegmentOfAStrangerIsNotTheConnections(t *testing.T) {
	b := newBench(t)
	s := b.connect(b.listen(), 7)
	b.want(b.hear(2, segment{what: segData, to: s.conn.id, data: []byte("forged")}), segReset)
	if s.conn.rcv != 0 {
		t.Error("data of node 2 was received on a connection with node 1")
	}
	b.want(b.hear(1, segment{what: segData, to: s.conn.id, data: []byte("honest")}), segAck)
	b.want(b.hear(1, segment{what: segReset, to: s.conn.id + 1}))
}

func TestAnEndedConnectionAnswersForAMinute(t *testing.T) {
	b := newBench(t)
	s := b.connect(b.listen(), 7)
	s.Close()
	b.want(b.sent, segFin)
	b.sent = nil
	fin := segment{what: segFin, to: s.conn.id, ack: 1}
	b.want(b.hear(1, fin), segAck)
	b.advance(b.now + int64(lingering) - 1)
	b.want(b.hear(1, fin), segAck)
	b.advance(b.now + 1)
	b.want(b.hear(1, fin), segReset)
	if len(b.streams) != 0 || len(b.peers) != 0 || b.due() != 0 {
		t.Errorf("%d streams, %d peers and something due at %d are kept, want nothing", len(b.streams), len(b.peers), b.due())
	}
}

func TestADialedPortIsFreeOnceTheConnectionIsForgotten(t *testing.T) {
	b := newBench(t)
	here, there := netip.AddrPortFrom(b.own, 5000), netip.AddrPortFrom(addressOf(1), 80)
	s, err := b.begin(1, here, there)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.begin(1, here, there); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("dialing from a port twice returns %v, want %v", err, syscall.EADDRINUSE)
	}
	if _, err := b.Socket(context.Background(), true, true, here, netip.AddrPort{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening at the port returns %v, want %v", err, syscall.EADDRINUSE)
	}
	b.hear(1, segment{what: segReset, to: s.conn.id})
	if s.conn.err != syscall.ECONNREFUSED {
		t.Errorf("the dial ended in %v, want %v", s.conn.err, syscall.ECONNREFUSED)
	}
	if _, err := b.begin(1, here, there); err != nil {
		t.Error(err)
	}
}

func TestLingerOfZeroResets(t *testing.T) {
	b := newBench(t)
	s := b.connect(b.listen(), 7)
	s.SetLinger(0)
	s.Close()
	b.want(b.sent, segReset)
}

func TestDataForAClosedSocketResets(t *testing.T) {
	b := newBench(t)
	s := b.connect(b.listen(), 7)
	s.Close()
	b.sent = nil
	b.want(b.hear(1, segment{what: segData, to: s.conn.id, data: []byte("late")}), segReset)
}

func TestHalfCloseLeavesTheOtherDirectionOpen(t *testing.T) {
	b := newBench(t)
	s := b.connect(b.listen(), 7)
	if err := s.Shutdown(false, true); err != nil {
		t.Fatal(err)
	}
	b.want(b.sent, segFin)
	b.sent = nil
	b.want(b.hear(1, segment{what: segData, to: s.conn.id, ack: 1, data: []byte("more")}), segAck)
	p := make([]byte, 10)
	if n, err := s.Read(p); n != 4 || err != nil {
		t.Errorf("reading returns %d, %v, want 4 bytes", n, err)
	}
	b.want(b.hear(1, segment{what: segFin, to: s.conn.id, seq: 4, ack: 1}), segAck)
	if _, err := s.Read(p); err != io.EOF {
		t.Errorf("reading returns %v, want %v", err, io.EOF)
	}
	if _, err := s.Write(p); err != syscall.EPIPE {
		t.Errorf("writing returns %v, want %v", err, syscall.EPIPE)
	}
}

func TestNobodyElseSpeaksFromLoopback(t *testing.T) {
	b := newBench(t)
	b.listen()
	b.want(b.hear(1, segment{what: segSyn, loop: fromLoopback, fromPort: 1, toPort: 80, of: 1}))
	b.hear(1, segment{what: segDatagram, loop: toLoopback, fromPort: 1, toPort: 80})
	b.receive(1, []byte("noise"))
	if b.malformed != 3 {
		t.Errorf("%d messages were dropped, want 3", b.malformed)
	}
}

func TestLoopbackLeadsToNobodyElse(t *testing.T) {
	b := newBench(t)
	local, remote := netip.AddrPortFrom(loopback, 0), netip.AddrPortFrom(addressOf(1), 80)
	for _, stream := range []bool{true, false} {
		if _, err := b.Socket(context.Background(), stream, false, local, remote); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("dialing node 1 from loopback returns %v, want %v", err, syscall.EINVAL)
		}
	}
	k := b.datagrams(local, netip.AddrPort{})
	if _, err := k.WriteTo(nil, remote); err != syscall.EINVAL {
		t.Errorf("writing to node 1 from loopback returns %v, want %v", err, syscall.EINVAL)
	}
}

// datagrams makes a datagram socket, which is connected if remote is valid.
func (b *bench) datagrams(local, remote netip.AddrPort) *udpSocket {
	b.t.Helper()
	k, err := b.Socket(context.Background(), false, !remote.IsValid(), local, remote)
	if err != nil {
		b.t.Fatal(err)
	}
	return k.(*udpSocket)
}

func TestAConnectedDatagramSocketHearsItsPeerAlone(t *testing.T) {
	b := newBench(t)
	k := b.datagrams(netip.AddrPort{}, netip.AddrPortFrom(addressOf(1), 53))
	b.hear(2, segment{what: segDatagram, fromPort: 53, toPort: k.local.Port(), data: []byte("other node")})
	b.hear(1, segment{what: segDatagram, fromPort: 54, toPort: k.local.Port(), data: []byte("other port")})
	b.hear(1, segment{what: segDatagram, fromPort: 53, toPort: k.local.Port(), data: []byte("peer")})
	p := make([]byte, 100)
	if n, err := k.Read(p); string(p[:n]) != "peer" || err != nil || len(k.queue) != 0 {
		t.Errorf("%q was read, %v, and %d more wait; want the peer's alone", p[:n], err, len(k.queue))
	}
}

func TestAClosedDatagramSocketFreesItsPort(t *testing.T) {
	b := newBench(t)
	at := netip.AddrPortFrom(netip.Addr{}, 53)
	k := b.datagrams(at, netip.AddrPort{})
	if _, err := b.Socket(context.Background(), false, true, at, netip.AddrPort{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port is given twice: %v, want %v", err, syscall.EADDRINUSE)
	}
	k.Close()
	b.datagrams(at, netip.AddrPort{})
	if err := k.Close(); err != net.ErrClosed {
		t.Errorf("closing twice returns %v, want %v", err, net.ErrClosed)
	}
	if err := k.SetDeadline(true, true, time.Time{}); err != net.ErrClosed {
		t.Errorf("setting a deadline then returns %v, want %v", err, net.ErrClosed)
	}
}

func TestADeadlineMayBeVeryFarAway(t *testing.T) {
	b := newBench(t)
	k := b.datagrams(netip.AddrPort{}, netip.AddrPort{})
	k.SetDeadline(true, false, time.Now().AddDate(1000, 0, 0))
	b.hear(1, segment{what: segDatagram, fromPort: 1, toPort: k.local.Port()})
	if _, _, _, err := k.ReadFrom(nil); err != nil {
		t.Errorf("reading returns %v", err)
	}
	k.SetDeadline(true, false, time.Now().AddDate(-1000, 0, 0))
	if _, _, _, err := k.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading returns %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestTimersRingByTimeAndThenByOrder(t *testing.T) {
	var all timers
	var rang []uint64
	for _, order := range []uint64{3, 1, 4, 2, 5, 6} {
		x := &timer{order: order}
		x.ring = func() { rang = append(rang, order) }
		all.set(x, 10+int64(order)/5)
		if order == 6 {
			all.set(x, 0)
		}
	}
	for x := all.due(11); x != nil; x = all.due(11) {
		x.ring()
	}
	for i, order := range rang {
		if order != uint64(i+1) || len(rang) != 5 {
			t.Fatalf("the timers rang in the order %d, want 1 to 5", rang)
		}
	}
	if all.next() != 0 {
		t.Errorf("a timer is left, for %d", all.next())
	}
}
