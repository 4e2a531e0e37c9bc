package host

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"dessim/protocol"
)

// udpSocket is a UDP socket. A datagram is one message, which the link may lose, copy or delay. If no
// socket takes it, it is dropped, and the sender does not learn of it.
type udpSocket struct {
	socket
	queue   []receivedDatagram
	queued  int    // the cost of queue, in bytes
	room    int    // what it may cost
	arrived uint64 // datagrams that were queued
	sent    uint64
}

// receivedDatagram is a datagram that has arrived.
type receivedDatagram struct {
	from netip.AddrPort
	data []byte
}

// openUDP makes a socket, which is connected if remote is valid.
func (w *network) openUDP(local, remote netip.AddrPort) (*udpSocket, error) {
	port, err := w.port(local.Port(), func(p uint16) bool {
		return !slices.ContainsFunc(w.udp[p], func(k *udpSocket) bool { return overlap(k.local.Addr(), local.Addr()) })
	})
	if err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	k := &udpSocket{room: maxQueued}
	k.init(w, k, bound(local, port), remote, func() { k.wake(0) })
	w.udp[port] = append(w.udp[port], k)
	return k, nil
}

// bound returns a socket's address once it has a port.
func bound(local netip.AddrPort, port uint16) netip.AddrPort {
	a := local.Addr()
	if !specified(a) {
		a = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(a, port)
}

// receiveUDP queues a datagram at the socket that it is for.
func (w *network) receiveUDP(from protocol.NodeID, s *segment) {
	source, target := w.ends(from, s)
	for _, k := range w.udp[target.Port()] {
		if !overlap(k.local.Addr(), target.Addr()) || k.remote.IsValid() && k.remote != source {
			continue
		}
		cost := len(s.data) + datagramCost
		if k.queued+cost > k.room {
			return
		}
		k.queue = append(k.queue, receivedDatagram{source, s.data})
		k.queued += cost
		k.arrived++
		k.reads.Signal()
		return
	}
}

// ReadFrom waits for a datagram. Bytes that do not fit into p are lost.
func (k *udpSocket) ReadFrom(p []byte) (n, size int, from netip.AddrPort, err error) {
	defer k.w.unlock(k.w.lock())
	for {
		if err := k.err(&k.reads); err != nil {
			return 0, 0, from, err
		}
		if len(k.queue) > 0 {
			d := k.take()
			return copy(p, d.data), len(d.data), d.from, nil
		}
		k.reads.Wait()
	}
}

// take takes the first datagram out of the queue.
func (k *udpSocket) take() receivedDatagram {
	d := k.queue[0]
	k.queue[0].data = nil
	k.queue = k.queue[1:]
	k.queued -= len(d.data) + datagramCost
	return d
}

// Read waits for a datagram.
func (k *udpSocket) Read(p []byte) (int, error) {
	n, _, _, err := k.ReadFrom(p)
	return n, err
}

// WriteTo sends a datagram. It never waits.
func (k *udpSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	defer k.w.unlock(k.w.lock())
	if err := k.err(&k.writes); err != nil {
		return 0, err
	}
	if err := k.sendTo(p, to, netip.Addr{}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendTo sends a datagram, from another address than the socket's if source is valid.
func (k *udpSocket) sendTo(p []byte, to netip.AddrPort, source netip.Addr) error {
	if len(p) > maxDatagram {
		return syscall.EMSGSIZE
	}
	to, node, err := k.w.route(to)
	if err != nil {
		return err
	}
	local := k.local
	if source.IsValid() {
		local = netip.AddrPortFrom(source, local.Port())
	}
	switch {
	case to.Port() == 0:
		return syscall.EINVAL
	case !specified(local.Addr()):
		local = netip.AddrPortFrom(k.w.source(to.Addr()), local.Port())
	case local.Addr() == loopback && node != k.w.id:
		return syscall.EINVAL
	}
	k.sent++
	k.w.transmit(node, &segment{what: segDatagram, loop: loops(local, to), fromPort: local.Port(), toPort: to.Port(), data: p})
	return nil
}

// Write sends a datagram to the peer.
func (k *udpSocket) Write(p []byte) (int, error) {
	if !k.remote.IsValid() {
		return 0, syscall.EDESTADDRREQ
	}
	return k.WriteTo(p, k.remote)
}

// SetDeadline sets deadlines.
func (k *udpSocket) SetDeadline(read, write bool, t time.Time) error {
	defer k.w.unlock(k.w.lock())
	err := k.deadlines(read, write, t)
	k.wake(0)
	return err
}

// Close frees the port. Goroutines that wait get an error.
func (k *udpSocket) Close() error {
	defer k.leave()
	defer k.w.unlock(k.w.lock())
	if k.closed {
		return net.ErrClosed
	}
	k.closed = true
	k.queue = nil
	k.reads.Broadcast()
	k.wake(0)
	port := k.local.Port()
	k.w.udp[port] = slices.DeleteFunc(k.w.udp[port], func(other *udpSocket) bool { return other == k })
	if len(k.w.udp[port]) == 0 {
		delete(k.w.udp, port)
	}
	return nil
}
