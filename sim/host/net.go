package host

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"syscall"

	"dessim/protocol"
)

// network is a node's network stack, in the place of the operating system's. Package net of a hosted
// program gets its sockets here, by the overlay's file net/dessim.go, which lists the methods that it
// calls.
//
// A node has two addresses: 127.0.0.1, and that of protocol.SimBook, 10.x.y.z with the
// node's number in its 24 low bits. There is neither IPv6, nor multicast, nor broadcast.
// A message to an address of 10.0.0.0/8 that no node has is lost. So a dial to it ends in ETIMEDOUT,
// like one to a node that is down. Other addresses are ENETUNREACH. There is no ICMP. Messages of a
// node to itself are reliable, and arrive in a later step.
//
// Everything happens within the node's steps: in calls of the program, or of the driver when a message
// comes or a timer is due. A caller holds the mutex, and parks only to wait for a condition. There are no
// goroutines, and no timers of the bubble.
type network struct {
	id          protocol.NodeID
	incarnation uint32
	own         netip.Addr
	send        func(to protocol.NodeID, kind protocol.Kind, msg []byte)
	files       *files // has the sockets' descriptors; its mutex is locked before the network's

	quietMutex
	now     int64 // the bubble's time
	timers  timers
	sockets uint64 // how many were made
	next    uint32 // the port to try next, from firstPort on
	frame   []byte // for reuse

	udp       map[uint16][]*udpSocket
	listeners map[uint16][]*listener
	dialed    map[uint16]int // streams that this node began, by their port
	conns     uint32         // how many began
	streams   map[connID]*stream
	peers     map[peerName]*stream // by the peer's name for them
	owing     []*stream            // they owe acknowledgements by the end of the step
	finished  []*stream            // kept for a time, for late segments; the oldest first

	malformed uint64 // messages that were dropped
}

// peerName is what a peer calls a connection.
type peerName struct {
	node protocol.NodeID
	id   connID
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func newNetwork(l *life) *network {
	return makeNetwork(l.host.id, l.host.incarnation, func(to protocol.NodeID, kind protocol.Kind, msg []byte) {
		l.do(func(env *protocol.Env) { env.Send(to, kind, msg) })
	})
}

func makeNetwork(id protocol.NodeID, incarnation uint32, send func(protocol.NodeID, protocol.Kind, []byte)) *network {
	return &network{
		id: id, incarnation: incarnation, own: addressOf(id), send: send,
		next:      uint32(uint64(incarnation-1) * portsPerLife % ports),
		udp:       make(map[uint16][]*udpSocket),
		listeners: make(map[uint16][]*listener),
		dialed:    make(map[uint16]int),
		streams:   make(map[connID]*stream),
		peers:     make(map[peerName]*stream),
	}
}

// Net returns the network stack, for package net.
func (l *life) Net() any { return l.net }

// Addr returns the node's address, for package net.
func (w *network) Addr() netip.Addr { return w.own }

// What the driver calls.

// advance sets the time, and does what is due.
func (w *network) advance(now int64) {
	defer w.unlock(w.lock())
	w.now = max(w.now, now)
	for {
		a := w.timers.due(w.now)
		if a == nil {
			break
		}
		a.ring()
	}
	for len(w.finished) > 0 && w.finished[0].until <= w.now {
		w.forget(w.finished[0])
		w.finished = w.finished[1:]
	}
}

// receive consumes a message.
func (w *network) receive(from protocol.NodeID, msg []byte) {
	defer w.unlock(w.lock())
	s, ok := parseSegment(msg, from, w.id)
	if !ok || s.loop != 0 && from != w.id {
		w.malformed++
		return
	}
	switch s.what {
	case segDatagram:
		s.data = bytes.Clone(s.data)
		w.receiveUDP(from, &s)
	case segSyn:
		w.receiveSyn(from, &s)
	default:
		w.receiveTCP(from, &s)
	}
}

// finish ends a step: it sends the acknowledgements that did not leave with data, as if delayed.
func (w *network) finish() {
	defer w.unlock(w.lock())
	for _, s := range w.owing {
		s.owing = false
		s.conn.acknowledge()
	}
	w.owing = w.owing[:0]
}

// exit closes all connections, as an operating system does for a process that ends. Segments that are
// lost then are not sent again. A crash does not call it.
func (w *network) exit() {
	if !w.TryLock() {
		return // the program has panicked in here
	}
	defer w.Unlock()
	for _, id := range protocol.SortedKeys(w.streams) {
		s := w.streams[id]
		s.close(s.drop)
	}
}

// due returns when advance is to be called next, or 0.
func (w *network) due() int64 {
	defer w.unlock(w.lock())
	return w.timers.next()
}

// transmit sends a segment.
func (w *network) transmit(to protocol.NodeID, s *segment) {
	w.frame = s.append(w.frame[:0], w.id, to)
	w.send(to, s.kind(), w.frame)
}

// What package net calls.

// Socket makes a socket for a program, of the interface simSocket of package net. An invalid address
// stands for the wildcard. Dialing waits until the other end answers, or until ctx is done, and then
// returns its error.
func (w *network) Socket(ctx context.Context, stream, listen bool, local, remote netip.AddrPort) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !listen && stream {
		s, err := w.dial(local, remote)
		if err == nil {
			err = s.await(ctx)
		}
		if err == errCanceled {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	defer w.unlock(w.lock())
	if listen {
		if err := w.checkLocal(local.Addr()); err != nil {
			return nil, os.NewSyscallError("bind", err)
		}
		if stream {
			return w.listenTCP(local)
		}
		return w.openUDP(local, netip.AddrPort{})
	}
	local, remote, _, err := w.connect(local, remote)
	if err != nil {
		return nil, err
	}
	return w.openUDP(local, remote)
}

func (w *network) dial(local, remote netip.AddrPort) (*stream, error) {
	defer w.unlock(w.lock())
	local, remote, to, err := w.connect(local, remote)
	if err != nil {
		return nil, err
	}
	return w.begin(to, local, remote)
}

// connect completes the two addresses of a connection, and says which node the other is.
func (w *network) connect(local, remote netip.AddrPort) (netip.AddrPort, netip.AddrPort, protocol.NodeID, error) {
	if err := w.checkLocal(local.Addr()); err != nil {
		return local, remote, 0, os.NewSyscallError("bind", err)
	}
	remote, to, err := w.route(remote)
	switch {
	case err != nil:
		return local, remote, 0, os.NewSyscallError("connect", err)
	case local.Addr() == loopback && to != w.id:
		return local, remote, 0, os.NewSyscallError("connect", syscall.EINVAL)
	case !specified(local.Addr()):
		local = netip.AddrPortFrom(w.source(remote.Addr()), local.Port())
	}
	return local, remote, to, nil
}

// specified reports whether a is an address, and not a wildcard.
func specified(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }

// checkLocal returns an error if a is not of this node.
func (w *network) checkLocal(a netip.Addr) error {
	if !specified(a) || a == loopback || a == w.own {
		return nil
	}
	if a.Is6() {
		return syscall.EAFNOSUPPORT
	}
	return syscall.EADDRNOTAVAIL
}

// route returns where an address leads. The wildcard leads to the node itself.
func (w *network) route(to netip.AddrPort) (netip.AddrPort, protocol.NodeID, error) {
	a := to.Addr()
	switch id, ok := nodeAt(a); {
	case !specified(a):
		return netip.AddrPortFrom(loopback, to.Port()), w.id, nil
	case a == loopback:
		return to, w.id, nil
	case ok:
		return to, id, nil
	case a.Is6():
		return to, 0, syscall.EAFNOSUPPORT
	}
	return to, 0, syscall.ENETUNREACH
}

// source returns the address from which the node speaks to another.
func (w *network) source(to netip.Addr) netip.Addr {
	if to == loopback {
		return loopback
	}
	return w.own
}

// port returns the port that is asked for, or any that is free if it is 0.
func (w *network) port(asked uint16, free func(uint16) bool) (uint16, error) {
	if asked != 0 {
		if !free(asked) {
			return 0, syscall.EADDRINUSE
		}
		return asked, nil
	}
	for range ports {
		p := uint16(firstPort + w.next)
		w.next = (w.next + 1) % ports
		if free(p) {
			return p, nil
		}
	}
	return 0, syscall.EADDRINUSE
}

// overlap reports whether two sockets of one port would compete for what arrives.
func overlap(a, b netip.Addr) bool { return a == b || !specified(a) || !specified(b) }

// loops returns the flags of a segment between two addresses.
func loops(local, remote netip.AddrPort) (flags uint8) {
	if local.Addr() == loopback {
		flags |= fromLoopback
	}
	if remote.Addr() == loopback {
		flags |= toLoopback
	}
	return flags
}

// ends returns the addresses from which and to which a segment came.
func (w *network) ends(from protocol.NodeID, s *segment) (source, target netip.AddrPort) {
	a, b := addressOf(from), w.own
	if s.loop&fromLoopback != 0 {
		a = loopback
	}
	if s.loop&toLoopback != 0 {
		b = loopback
	}
	return netip.AddrPortFrom(a, s.fromPort), netip.AddrPortFrom(b, s.toPort)
}
