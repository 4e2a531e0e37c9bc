//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"net/netip"
	"syscall"
)

// Datagrams that system calls send and receive.

func (k *udpSocket) receive(m *message, flags int) syscall.Errno {
	if len(k.queue) == 0 || flags&syscall.MSG_ERRQUEUE != 0 {
		return syscall.EAGAIN
	}
	d := k.queue[0]
	if rest := scatter(m, d.data); len(rest) > 0 {
		m.Flags |= syscall.MSG_TRUNC
		if flags&syscall.MSG_TRUNC != 0 {
			m.Len += len(rest)
		}
	}
	m.NameLen = putName(m.Name, d.from)
	if flags&syscall.MSG_PEEK == 0 {
		k.take()
	}
	return 0
}

func (k *udpSocket) send(m *message, flags int) syscall.Errno {
	to := k.remote
	switch {
	case k.closed:
		return syscall.EAGAIN
	case room(m) > maxDatagram:
		return syscall.EMSGSIZE
	case flags&syscall.MSG_OOB != 0:
		return syscall.EOPNOTSUPP
	case flags&syscall.MSG_MORE != 0: // one datagram of several calls
		return syscall.EINVAL
	case m.Name != nil:
		name, err := nameOf(m.Name)
		if err != 0 {
			return err
		}
		to = name
	case !to.IsValid():
		return syscall.EDESTADDRREQ
	}
	source, err := k.controlled(m.Control)
	if err != 0 {
		return err
	}
	p := gathered(m)
	if err := k.sendTo(p, to, source); err != nil {
		return errno(err)
	}
	m.Len = len(p)
	return 0
}

func (k *udpSocket) edge(write bool) uint64 {
	if write {
		return k.sent
	}
	return k.arrived
}

// WriteMsg sends a datagram with control messages. An address that is not valid is the peer's.
func (k *udpSocket) WriteMsg(p, control []byte, to netip.AddrPort) (int, error) {
	defer k.w.unlock(k.w.lock())
	if err := k.err(&k.writes); err != nil {
		return 0, err
	}
	m := message{Data: [][]byte{p}, Control: control}
	if to.IsValid() {
		m.Name = make([]byte, nameSize)
		putName(m.Name, to)
	}
	if err := k.send(&m, 0); err != 0 {
		return 0, err
	}
	return m.Len, nil
}

// WriteMsg is for datagram sockets.
func (k *socket) WriteMsg(p, control []byte, to netip.AddrPort) (int, error) {
	return 0, syscall.EOPNOTSUPP
}

// Names.

const nameSize = syscall.SizeofSockaddrInet4

// putName writes as much of an address as there is room for, and returns its size.
func putName(to []byte, a netip.AddrPort) int {
	var name [nameSize]byte
	binary.NativeEndian.PutUint16(name[:], syscall.AF_INET)
	binary.BigEndian.PutUint16(name[2:], a.Port())
	ip := a.Addr().As4()
	copy(name[4:], ip[:])
	copy(to, name[:])
	return nameSize
}

func nameOf(name []byte) (a netip.AddrPort, err syscall.Errno) {
	if len(name) < nameSize {
		return a, syscall.EINVAL
	}
	if family := binary.NativeEndian.Uint16(name); family != syscall.AF_INET && family != syscall.AF_UNSPEC {
		return a, syscall.EAFNOSUPPORT
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:])), binary.BigEndian.Uint16(name[2:])), 0
}

// Control messages.

const controlHeader = syscall.SizeofCmsghdr // a multiple of what control messages are aligned to

const timestamping = 37 // SO_TIMESTAMPING

// controlled reads the control messages of a datagram to send. It uses the source address, ignores messages
// whose effect no receiver could see here, and refuses those that change datagrams or that Linux refuses.
func (k *udpSocket) controlled(b []byte) (source netip.Addr, err syscall.Errno) {
	for len(b) >= controlHeader {
		n := binary.NativeEndian.Uint64(b)
		if n < controlHeader || n > uint64(len(b)) {
			return source, syscall.EINVAL
		}
		level, what := int32(binary.NativeEndian.Uint32(b[8:])), int32(binary.NativeEndian.Uint32(b[12:]))
		data := b[controlHeader:n]
		b = b[min((n+7)&^7, uint64(len(b))):]
		switch {
		case level == syscall.SOL_SOCKET && (what == syscall.SO_MARK || what == timestamping) && len(data) == 4:
		case level == syscall.IPPROTO_IP && what == syscall.IP_TOS && (len(data) == 1 || len(data) == 4):
		case level == syscall.IPPROTO_IP && what == syscall.IP_TTL && len(data) == 4:
			if ttl := int32(binary.NativeEndian.Uint32(data)); ttl < 1 || ttl > 255 {
				return source, syscall.EINVAL
			}
		case level == syscall.IPPROTO_IP && what == syscall.IP_PKTINFO && len(data) == syscall.SizeofInet4Pktinfo:
			if a := netip.AddrFrom4([4]byte(data[4:])); specified(a) {
				if k.w.checkLocal(a) != nil {
					return source, syscall.ENETUNREACH
				}
				source = a
			}
		case level == syscall.SOL_SOCKET || level == syscall.IPPROTO_IP || level == syscall.IPPROTO_UDP:
			return source, syscall.EINVAL
		}
	}
	return source, 0
}
