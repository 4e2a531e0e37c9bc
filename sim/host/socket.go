package host

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// socket is what all sockets have in common. Its methods are those of package net's simSocket; each
// sort of socket overrides those that it supports.
type socket struct {
	w             *network
	self          any            // the socket of which this is a part
	local, remote netip.AddrPort // remote is not valid if there is none
	closed        bool
	reads, writes waiting
	timer         timer
	options       map[option][]int32 // that were set
	number        int                // by which system calls know it, or 0; this and lent are of files.mu
	lent          int                // how many use the number
}

// option names a socket option.
type option struct{ level, name int }

// waiting is one direction of a socket: the goroutines that wait for it, and their deadline.
type waiting struct {
	sync.Cond
	deadline int64 // of the bubble's time, or 0
}

// init makes the socket, a part of self. Its timer rings at ring.
func (k *socket) init(w *network, self any, local, remote netip.AddrPort, ring func()) {
	w.sockets++
	k.w, k.self, k.local, k.remote = w, self, local, remote
	k.reads.L, k.writes.L = &w.Mutex, &w.Mutex
	k.timer = timer{order: w.sockets, ring: ring}
}

// err returns why the socket cannot be used in a direction, or nil.
func (k *socket) err(d *waiting) error {
	switch {
	case k.closed:
		return net.ErrClosed
	case d.deadline != 0 && d.deadline <= k.w.now:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wake wakes the goroutines whose deadline has come, and sets the timer to the next deadline, or to
// due if that is not 0 and earlier.
func (k *socket) wake(due int64) {
	for _, d := range []*waiting{&k.reads, &k.writes} {
		switch at := d.deadline; {
		case k.closed || at == 0:
		case at <= k.w.now:
			d.Broadcast()
		case due == 0 || at < due:
			due = at
		}
	}
	k.w.timers.set(&k.timer, due)
}

// deadlines sets deadlines. The zero time is none.
func (k *socket) deadlines(read, write bool, t time.Time) error {
	if k.closed {
		return net.ErrClosed
	}
	at := int64(0)
	if !t.IsZero() {
		at = k.w.now + int64(min(time.Until(t), maxWait))
	}
	if read {
		k.reads.deadline = at
	}
	if write {
		k.writes.deadline = at
	}
	return nil
}

// maxWait keeps a deadline from overflowing: a run lasts no longer.
const maxWait = 100 * 365 * 24 * time.Hour

// Local returns the socket's address.
func (k *socket) Local() netip.AddrPort { return k.local }

// Remote returns the peer's address, if it has one.
func (k *socket) Remote() netip.AddrPort { return k.remote }

// Read is for streams and connected datagram sockets.
func (k *socket) Read([]byte) (int, error) { return 0, syscall.ENOTCONN }

// Write is for streams and connected datagram sockets.
func (k *socket) Write([]byte) (int, error) { return 0, syscall.ENOTCONN }

// ReadFrom is for datagram sockets. size is that of the datagram, which may be more than p takes.
func (k *socket) ReadFrom([]byte) (n, size int, from netip.AddrPort, err error) {
	return 0, 0, from, syscall.EOPNOTSUPP
}

// WriteTo is for datagram sockets.
func (k *socket) WriteTo([]byte, netip.AddrPort) (int, error) { return 0, syscall.EOPNOTSUPP }

// Accept is for listeners.
func (k *socket) Accept() (any, error) { return nil, syscall.EINVAL }

// Shutdown is for streams.
func (k *socket) Shutdown(read, write bool) error { return syscall.ENOTCONN }

// SetLinger is for streams.
func (k *socket) SetLinger(seconds int) {}

// SetKeepAlive is for streams.
func (k *socket) SetKeepAlive(on bool) {}

// SetKeepAliveTimes is for streams.
func (k *socket) SetKeepAliveTimes(idle, interval time.Duration, count int) {}
