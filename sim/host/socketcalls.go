//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"net/netip"
	"syscall"
)

// System calls on sockets. Those that would wait say EAGAIN, as on every socket of package net.

// mostMessages is how many one call takes: UIO_MAXIOV.
const mostMessages = 1024

// socket returns the socket of a number.
func (f *files) socket(fd int) (raw, syscall.Errno) {
	d, err := f.at(fd)
	if err == 0 && d.socket == nil {
		err = syscall.ENOTSOCK
	}
	if err != 0 {
		return nil, err
	}
	return d.socket, 0
}

// transfer is what a call does with a message of a socket.
type transfer func(k raw, m *message, flags int) syscall.Errno

func receive(k raw, m *message, flags int) syscall.Errno {
	w := k.common().w
	defer w.unlock(w.lock())
	return k.receive(m, flags)
}

func send(k raw, m *message, flags int) syscall.Errno {
	w := k.common().w
	defer w.unlock(w.lock())
	return k.send(m, flags)
}

// one does it with one message, and returns how many bytes that took.
func (f *files) one(fd int, do transfer, m *message, flags int) (uintptr, syscall.Errno) {
	k, err := f.socket(fd)
	if err != 0 {
		return 0, err
	}
	err = do(k, m, flags)
	return uintptr(m.Len), err
}

// several does it with messages until one cannot be served, and returns how many were.
func (f *files) several(c *callArgs, do transfer) (n uintptr, err syscall.Errno) {
	k, err := f.socket(c.int(0))
	if err != 0 {
		return 0, err
	}
	for i := range c.messages[:min(len(c.messages), mostMessages)] {
		if err := do(k, &c.messages[i], c.int(3)); err != 0 {
			if n == 0 {
				return 0, err
			}
			break
		}
		n++
	}
	return n, 0
}

func (f *files) callRecvfrom(c *callArgs) (uintptr, syscall.Errno) {
	m := message{Name: c.b[4], Data: [][]byte{c.b[1]}}
	n, err := f.one(c.int(0), receive, &m, c.int(3))
	if err == 0 && c.a[4] != 0 {
		binary.NativeEndian.PutUint32(c.b[5], uint32(m.NameLen))
	}
	return n, err
}

func (f *files) callSendto(c *callArgs) (uintptr, syscall.Errno) {
	return f.one(c.int(0), send, &message{Name: c.b[4], Data: [][]byte{c.b[1]}}, c.int(3))
}

func (f *files) callRecvmsg(c *callArgs) (uintptr, syscall.Errno) { return f.msg(c, receive) }
func (f *files) callSendmsg(c *callArgs) (uintptr, syscall.Errno) { return f.msg(c, send) }

func (f *files) msg(c *callArgs, do transfer) (uintptr, syscall.Errno) {
	if len(c.messages) == 0 {
		return 0, syscall.EFAULT
	}
	return f.one(c.int(0), do, &c.messages[0], c.int(2))
}

func (f *files) callRecvmmsg(c *callArgs) (uintptr, syscall.Errno) { return f.several(c, receive) }
func (f *files) callSendmmsg(c *callArgs) (uintptr, syscall.Errno) { return f.several(c, send) }

func (f *files) callGetsockname(c *callArgs) (uintptr, syscall.Errno) {
	return f.name(c, func(k *socket) netip.AddrPort { return k.local })
}

func (f *files) callGetpeername(c *callArgs) (uintptr, syscall.Errno) {
	return f.name(c, func(k *socket) netip.AddrPort { return k.remote })
}

// name writes an address of a socket.
func (f *files) name(c *callArgs, of func(k *socket) netip.AddrPort) (uintptr, syscall.Errno) {
	k, err := f.socket(c.int(0))
	if err != 0 {
		return 0, err
	}
	a := of(k.common())
	switch {
	case !a.IsValid():
		return 0, syscall.ENOTCONN
	case c.b[1] == nil || c.b[2] == nil:
		return 0, syscall.EFAULT
	}
	binary.NativeEndian.PutUint32(c.b[2], uint32(putName(c.b[1], a)))
	return 0, 0
}

// callShutdown ends directions of a stream.
func (f *files) callShutdown(c *callArgs) (uintptr, syscall.Errno) {
	k, err := f.socket(c.int(0))
	if err != 0 {
		return 0, err
	}
	how := c.int(1)
	if how < syscall.SHUT_RD || how > syscall.SHUT_RDWR {
		return 0, syscall.EINVAL
	}
	s, ok := k.(*stream)
	if !ok {
		return 0, syscall.ENOTCONN
	}
	return 0, errno(s.Shutdown(how != syscall.SHUT_WR, how != syscall.SHUT_RD))
}
