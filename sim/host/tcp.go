package host

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"dessim/protocol"
)

// stream is a socket with a connection.
type stream struct {
	socket
	conn     *conn
	node     protocol.NodeID
	dialed   bool
	listener *listener // in whose queue it will be; nil once it is there
	owing    bool      // it is in network.owing
	leaving  bool      // it is in network.finished
	until    int64     // when it leaves network.finished
	drop     bool      // Close drops what was not sent: SetLinger(0)
}

// newStream makes a socket for a connection, which the caller adds.
func (w *network) newStream(node protocol.NodeID, local, remote netip.AddrPort) (s *stream, id connID) {
	s = &stream{node: node}
	s.init(w, s, local, remote, s.ring)
	w.conns++
	id = newConnID(w.incarnation, w.conns)
	w.streams[id] = s
	return s, id
}

// emit sends a segment of the connection.
func (s *stream) emit(g *segment) {
	if g.what == segSyn {
		g.loop, g.fromPort, g.toPort = loops(s.local, s.remote), s.local.Port(), s.remote.Port()
	}
	s.w.transmit(s.node, g)
}

// begin sends a SYN.
func (w *network) begin(to protocol.NodeID, local, remote netip.AddrPort) (*stream, error) {
	if remote.Port() == 0 {
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	port, err := w.port(local.Port(), func(p uint16) bool { return w.dialed[p] == 0 && len(w.listeners[p]) == 0 })
	if err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	s, id := w.newStream(to, bound(local, port), remote)
	s.dialed = true
	w.dialed[port]++
	s.conn = dialConn(w.now, id, s.emit)
	s.settle()
	return s, nil
}

// await waits until the SYN is answered, or ctx is done. No method of ctx is called with the mutex held:
// it is code of the program, and may park.
func (s *stream) await(ctx context.Context) error {
	w, canceled := s.w, false
	stop := context.AfterFunc(ctx, func() {
		defer w.unlock(w.lock())
		canceled = true
		s.writes.Broadcast()
	})
	defer stop()
	defer w.unlock(w.lock())
	for s.conn.state == synSent && !canceled {
		s.writes.Wait()
	}
	switch {
	case s.conn.state == synSent:
		s.close(false)
		return errCanceled
	case s.conn.err != nil:
		err := s.conn.takeErr()
		s.close(false)
		return os.NewSyscallError("connect", err)
	}
	return nil
}

// errCanceled stands for the error of a context.
var errCanceled = errors.New("the context is done")

// receiveTCP hands a segment to its connection. If there is none (it never existed, has ended, or
// belonged to an earlier life), the peer gets a reset.
func (w *network) receiveTCP(from protocol.NodeID, g *segment) {
	s := w.streams[g.to]
	if g.to == 0 {
		s = w.peers[peerName{from, g.of}]
	}
	switch {
	case s != nil && s.node == from:
		s.conn.now = w.now
		s.conn.receive(g)
		s.settle()
	case g.what != segReset:
		w.transmit(from, &segment{what: segReset, of: g.to})
	}
}

// ring does what is due on the connection.
func (s *stream) ring() {
	s.conn.now = s.w.now
	for at := s.conn.due(); at != 0 && at <= s.w.now; at = s.conn.due() {
		s.conn.tick()
	}
	s.settle()
}

// settle updates queues, waiting goroutines and timers after a change of the connection.
func (s *stream) settle() {
	w, c := s.w, s.conn
	if c.owes && !s.owing {
		s.owing = true
		w.owing = append(w.owing, s)
	}
	if l := s.listener; l != nil && c.state != synReceived {
		s.listener = nil
		switch {
		case l.closed:
			c.close(true)
		case c.state == dead:
			l.pending--
		default:
			l.queue = append(l.queue, s)
			l.reads.Signal()
		}
	}
	if c.state == established && s.dialed {
		w.peers[peerName{s.node, c.peer}] = s
	}
	if c.readable() {
		s.reads.Broadcast()
	}
	if c.state != synSent && len(c.out) < maxWindow || c.state == dead {
		s.writes.Broadcast()
	}
	switch {
	case c.state == dead:
		w.forget(s)
	case !s.leaving && (c.finished() || c.orphan && c.finAcked()):
		s.leaving, s.until = true, w.now+int64(lingering)
		w.finished = append(w.finished, s)
	}
	s.wake(c.due())
}

// forget removes a stream from the network. The program may still have it.
func (w *network) forget(s *stream) {
	if w.streams[s.conn.id] != s {
		return
	}
	delete(w.streams, s.conn.id)
	delete(w.peers, peerName{s.node, s.conn.peer})
	if s.dialed {
		port := s.local.Port()
		w.dialed[port]--
		if w.dialed[port] == 0 {
			delete(w.dialed, port)
		}
	}
}

// Read waits for data. After the peer's last byte it returns io.EOF.
func (s *stream) Read(p []byte) (int, error) {
	defer s.w.unlock(s.w.lock())
	for {
		if err := s.err(&s.reads); err != nil || len(p) == 0 {
			return 0, err
		}
		n, err := s.conn.read(p)
		if n > 0 {
			s.settle()
		}
		if n > 0 || err != nil {
			return n, err
		}
		s.reads.Wait()
	}
}

// Write waits until all of p is sent, or held to be sent.
func (s *stream) Write(p []byte) (n int, err error) {
	defer s.w.unlock(s.w.lock())
	for {
		if err := s.err(&s.writes); err != nil {
			return n, err
		}
		s.conn.now = s.w.now
		m, err := s.conn.write(p[n:])
		n += m
		s.settle()
		if n == len(p) || err != nil {
			return n, err
		}
		s.writes.Wait()
	}
}

// Shutdown ends reading, writing, or both. The peer learns of the end of writing.
func (s *stream) Shutdown(read, write bool) error {
	defer s.w.unlock(s.w.lock())
	switch {
	case s.closed:
		return net.ErrClosed
	case s.conn.state == dead:
		return syscall.ENOTCONN
	}
	s.conn.now = s.w.now
	if read {
		s.conn.silence()
	}
	if write {
		s.conn.shutdown()
	}
	s.settle()
	return nil
}

// Close ends both directions. What was written is still sent.
func (s *stream) Close() error {
	defer s.leave()
	defer s.w.unlock(s.w.lock())
	if s.closed {
		return net.ErrClosed
	}
	s.close(s.drop)
	return nil
}

func (s *stream) close(drop bool) {
	s.closed = true
	s.conn.now = s.w.now
	s.conn.close(drop)
	s.reads.Broadcast()
	s.writes.Broadcast()
	s.settle()
}

// SetLinger with 0 makes Close drop what was not sent, and reset the connection. Close does not
// wait for a positive time.
func (s *stream) SetLinger(seconds int) {
	defer s.w.unlock(s.w.lock())
	s.drop = seconds == 0
}

// SetKeepAlive turns probes of a silent peer on or off.
func (s *stream) SetKeepAlive(on bool) {
	defer s.w.unlock(s.w.lock())
	s.conn.keep.on = on
	s.settle()
}

// SetKeepAliveTimes sets the silence before the first probe, the time between probes, and the number
// of probes without an answer that end the connection. Values of 0 and less change nothing.
func (s *stream) SetKeepAliveTimes(idle, interval time.Duration, count int) {
	defer s.w.unlock(s.w.lock())
	k := &s.conn.keep
	for _, set := range []struct {
		d  *time.Duration
		to time.Duration
	}{{&k.idle, idle}, {&k.interval, interval}} {
		if set.to > 0 {
			*set.d = set.to
		}
	}
	if count > 0 {
		k.count = count
	}
	s.settle()
}

// SetDeadline sets deadlines.
func (s *stream) SetDeadline(read, write bool, t time.Time) error {
	defer s.w.unlock(s.w.lock())
	err := s.deadlines(read, write, t)
	s.settle()
	return err
}
