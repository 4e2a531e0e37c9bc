//go:build linux && (amd64 || arm64)

package host

import (
	"net"
	"syscall"
)

// A socket gets a number among the node's descriptors when the program first asks for it, by a RawConn.
// The node's system calls serve it. The number is free again when the socket is closed.

// raw has the operations of system calls on a socket, whose network is locked. None of them waits.
type raw interface {
	// receive fills a message with what has come.
	receive(m *message, flags int) syscall.Errno
	// send sends what a message has.
	send(m *message, flags int) syscall.Errno
	// edge changes when a call that found nothing to do, in one direction, may find something.
	edge(write bool) uint64
	// live returns the value of an option that the socket keeps elsewhere.
	live(o option) ([]int32, bool)
	// apply has an option take effect.
	apply(o option, value []int32)
	common() *socket
}

// message is what a msghdr describes: the overlay's file syscall/dessim.go has the same type. What is
// received says how much of each there is.
type message = struct {
	Name, Control                   []byte
	Data                            [][]byte
	Len, NameLen, ControlLen, Flags int
}

// room returns how many bytes the buffers of a message have.
func room(m *message) (n int) {
	for _, b := range m.Data {
		n += len(b)
	}
	return n
}

// gathered returns the data of a message in one piece.
func gathered(m *message) []byte {
	if len(m.Data) == 1 {
		return m.Data[0]
	}
	all := make([]byte, 0, room(m))
	for _, b := range m.Data {
		all = append(all, b...)
	}
	return all
}

// scatter puts data into the buffers of a message, and returns what they do not take.
func scatter(m *message, data []byte) (rest []byte) {
	for _, b := range m.Data {
		n := copy(b, data)
		m.Len += n
		data = data[n:]
	}
	return data
}

func (k *socket) common() *socket { return k }

// Lend returns the socket's number, which stays until Return even if somebody closes the socket.
func (k *socket) Lend() (fd int, err error) {
	f := k.w.files
	defer f.unlock(f.lock())
	if k.isClosed() {
		return 0, net.ErrClosed
	}
	if k.number == 0 {
		d := &openFile{path: "socket " + k.local.String(), flags: syscall.O_RDWR | syscall.O_NONBLOCK, socket: k.self.(raw)}
		n, errno := f.add(d, f.first, true)
		if errno != 0 {
			return 0, errno
		}
		k.number = n
	}
	k.lent++
	return k.number, nil
}

// Return says that the number is not used any longer.
func (k *socket) Return() {
	f := k.w.files
	defer f.unlock(f.lock())
	k.lent--
	if k.isClosed() {
		k.vacate()
	}
}

func (k *socket) isClosed() bool {
	defer k.w.unlock(k.w.lock())
	return k.closed
}

// leave gives the number of a closed socket back, unless it is lent.
func (k *socket) leave() {
	if f := k.w.files; f != nil {
		defer f.unlock(f.lock())
		k.vacate()
	}
}

func (k *socket) vacate() {
	if k.number != 0 && k.lent == 0 {
		k.w.files.close(k.number)
	}
}

// Edge returns what Await waits for to change.
func (k *socket) Edge(write bool) (uint64, error) {
	defer k.w.unlock(k.w.lock())
	return k.self.(raw).edge(write), k.err(k.way(write))
}

// Await waits, like a read or a write, until a call that found nothing to do at an edge may find something.
func (k *socket) Await(write bool, seen uint64) (edge uint64, err error) {
	defer k.w.unlock(k.w.lock())
	for {
		if err := k.err(k.way(write)); err != nil {
			return 0, err
		}
		if edge := k.self.(raw).edge(write); edge != seen {
			return edge, nil
		}
		k.way(write).Wait()
	}
}

func (k *socket) way(write bool) *waiting {
	if write {
		return &k.writes
	}
	return &k.reads
}

// Listeners.

func (l *listener) receive(*message, int) syscall.Errno { return syscall.ENOTCONN }
func (l *listener) send(*message, int) syscall.Errno    { return syscall.EPIPE }
func (l *listener) edge(bool) uint64                    { return 0 }

// Streams.

func (s *stream) receive(m *message, flags int) syscall.Errno {
	switch {
	case s.closed || flags&syscall.MSG_ERRQUEUE != 0:
		return syscall.EAGAIN
	case flags&syscall.MSG_OOB != 0:
		return syscall.EINVAL
	case room(m) == 0:
		return 0
	case flags&syscall.MSG_PEEK != 0 && len(s.conn.in) > 0:
		scatter(m, s.conn.in)
		return 0
	}
	var ended bool
	for _, b := range m.Data {
		n, err := s.conn.read(b)
		m.Len += n
		if no := errno(err); no != 0 && m.Len == 0 {
			return no
		}
		ended = err != nil
		if n < len(b) {
			break
		}
	}
	if m.Len == 0 && !ended {
		return syscall.EAGAIN
	}
	s.settle()
	return 0
}

func (s *stream) send(m *message, flags int) syscall.Errno {
	switch {
	case s.closed:
		return syscall.EAGAIN
	case flags&syscall.MSG_OOB != 0:
		return syscall.EOPNOTSUPP
	}
	s.conn.now = s.w.now
	for _, b := range m.Data {
		n, err := s.conn.write(b)
		m.Len += n
		if err != nil && m.Len == 0 {
			return errno(err)
		}
		if n < len(b) {
			break
		}
	}
	s.settle()
	if m.Len == 0 && room(m) > 0 {
		return syscall.EAGAIN
	}
	return 0
}

// edge changes with what was received, or with what the peer has acknowledged, and at the end.
func (s *stream) edge(write bool) (edge uint64) {
	c := s.conn
	if c.state == dead {
		edge = 1 << 63
	}
	if write {
		return edge | c.una
	}
	if c.deaf {
		edge |= 1 << 62
	}
	return edge | c.rcv
}
