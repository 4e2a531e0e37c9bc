package host

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"dessim/protocol"
)

// listener is a socket that takes connections.
type listener struct {
	socket
	queue   []*stream // established
	pending int       // streams in the queue, and on their way to it
}

func (w *network) listenTCP(local netip.AddrPort) (*listener, error) {
	port, err := w.port(local.Port(), func(p uint16) bool {
		return w.dialed[p] == 0 && !slices.ContainsFunc(w.listeners[p], func(l *listener) bool { return overlap(l.local.Addr(), local.Addr()) })
	})
	if err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	l := new(listener)
	l.init(w, l, bound(local, port), netip.AddrPort{}, func() { l.wake(0) })
	w.listeners[port] = append(w.listeners[port], l)
	return l, nil
}

// Accept waits for a connection.
func (l *listener) Accept() (any, error) {
	defer l.w.unlock(l.w.lock())
	for {
		if err := l.err(&l.reads); err != nil {
			return nil, err
		}
		if len(l.queue) > 0 {
			s := l.queue[0]
			l.queue = l.queue[1:]
			l.pending--
			return s, nil
		}
		l.reads.Wait()
	}
}

// SetDeadline sets the deadline of Accept.
func (l *listener) SetDeadline(read, write bool, t time.Time) error {
	defer l.w.unlock(l.w.lock())
	err := l.deadlines(read, write, t)
	l.wake(0)
	return err
}

// Close frees the port, and resets the connections that were not accepted.
func (l *listener) Close() error {
	defer l.leave()
	w := l.w
	defer w.unlock(w.lock())
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	l.reads.Broadcast()
	l.wake(0)
	port := l.local.Port()
	w.listeners[port] = slices.DeleteFunc(w.listeners[port], func(other *listener) bool { return other == l })
	if len(w.listeners[port]) == 0 {
		delete(w.listeners, port)
	}
	for _, s := range l.queue {
		s.close(true)
	}
	l.queue = nil
	return nil
}

// receiveSyn answers a SYN.
func (w *network) receiveSyn(from protocol.NodeID, g *segment) {
	if s := w.peers[peerName{from, g.of}]; s != nil {
		if s.conn.state == synReceived { // the answer was lost, or the SYN was copied
			s.conn.again()
		}
		return
	}
	remote, local := w.ends(from, g)
	i := slices.IndexFunc(w.listeners[local.Port()], func(l *listener) bool { return overlap(l.local.Addr(), local.Addr()) })
	if i < 0 {
		w.transmit(from, &segment{what: segReset, to: g.of})
		return
	}
	l := w.listeners[local.Port()][i]
	if l.pending == backlog {
		return
	}
	l.pending++
	s, id := w.newStream(from, local, remote)
	s.listener = l
	w.peers[peerName{from, g.of}] = s
	s.conn = answerConn(w.now, id, g, s.emit)
	s.settle()
}
