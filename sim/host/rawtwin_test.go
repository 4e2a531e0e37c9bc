//go:build dessim_overlay

package host_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"dessim/sim/host"
)

// prober makes system calls on sockets of the loopback, and tells what comes of them.
type prober struct {
	tell func(format string, args ...any)
}

// control has f use the descriptor of a socket.
func control(c syscall.Conn, f func(fd int)) {
	raw, err := c.SyscallConn()
	if err != nil {
		panic(err)
	}
	if err := raw.Control(func(fd uintptr) { f(int(fd)) }); err != nil {
		panic(err)
	}
}

// arrived waits until something has come, and has f use the descriptor then.
func arrived(c syscall.Conn, f func(fd int)) {
	raw, err := c.SyscallConn()
	if err != nil {
		panic(err)
	}
	raw.Read(func(fd uintptr) bool {
		var p [1]byte
		if _, _, err := syscall.Recvfrom(int(fd), p[:], syscall.MSG_PEEK); err == syscall.EAGAIN {
			return false
		}
		f(int(fd))
		return true
	})
}

func local() *net.UDPConn {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	return c
}

func addressOf(c net.Conn) *syscall.SockaddrInet4 {
	a := c.LocalAddr().(*net.UDPAddr)
	return &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
}

// mmsghdr is a message of several.
type mmsghdr struct {
	syscall.Msghdr
	n uint32
}

// sendmmsg is the number of a call that package syscall does not have.
var sendmmsg = map[string]uintptr{"amd64": 307, "arm64": 269}[runtime.GOARCH]

// messages makes messages of buffers, with room for names.
func messages(buffers [][][]byte) (list []mmsghdr, names []syscall.RawSockaddrInet4) {
	list, names = make([]mmsghdr, len(buffers)), make([]syscall.RawSockaddrInet4, len(buffers))
	for i, parts := range buffers {
		iov := make([]syscall.Iovec, len(parts))
		for j, p := range parts {
			iov[j] = syscall.Iovec{Base: &p[0], Len: uint64(len(p))}
		}
		m := &list[i]
		m.Iov, m.Iovlen = &iov[0], uint64(len(iov))
		m.Name, m.Namelen = (*byte)(unsafe.Pointer(&names[i])), syscall.SizeofSockaddrInet4
	}
	return list, names
}

func several(trap uintptr, fd int, list []mmsghdr) (int, error) {
	n, _, err := syscall.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), 0, 0, 0)
	if err != 0 {
		return int(n), err
	}
	return int(n), nil
}

func (p prober) datagrams() {
	a, b := local(), local()
	defer a.Close()
	defer b.Close()
	to, from := addressOf(a), addressOf(b)
	buffer := make([]byte, 64)
	control(a, func(fd int) {
		n, name, err := syscall.Recvfrom(fd, buffer, 0)
		p.tell("empty: %d %v %v", n, name, err)
		_, _, _, _, err = syscall.Recvmsg(fd, buffer, buffer, 0)
		p.tell("empty: %v", err)
		list, _ := messages([][][]byte{{buffer}})
		n, err = several(syscall.SYS_RECVMMSG, fd, list)
		p.tell("empty: %d %v", n, err)
		n, err = syscall.Read(fd, buffer)
		p.tell("empty: %d %v", n, err)
		_, _, err = syscall.Recvfrom(fd, buffer, syscall.MSG_ERRQUEUE)
		p.tell("no error: %v", err)
	})
	control(b, func(fd int) {
		p.tell("sendto: %v", syscall.Sendto(fd, []byte("one"), 0, to))
		n, err := syscall.SendmsgN(fd, []byte("three"), nil, to, syscall.MSG_DONTWAIT)
		p.tell("sendmsg: %d %v", n, err)
		p.tell("empty: %v", syscall.Sendto(fd, nil, 0, to))
		list, names := messages([][][]byte{{[]byte("fo"), []byte("ur")}, {[]byte("five")}, {[]byte("six")}})
		for i := range names {
			names[i] = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: uint16(to.Port>>8 | to.Port<<8&0xff00), Addr: to.Addr}
		}
		names[2].Port = 0
		n, err = several(sendmmsg, fd, list)
		p.tell("sendmmsg: %d %v, %d %d %d", n, err, list[0].n, list[1].n, list[2].n)
		n, err = several(sendmmsg, fd, list[2:])
		p.tell("to port 0: %d %v", n, err)
		_, err = syscall.Write(fd, []byte("x"))
		p.tell("to nobody: %v", err)
		p.tell("too long: %v", syscall.Sendto(fd, make([]byte, 65508), 0, to))
		p.tell("IPv6: %v", syscall.Sendto(fd, buffer, 0, &syscall.SockaddrInet6{Port: 1}))
		p.tell("urgent: %v", syscall.Sendto(fd, buffer, syscall.MSG_OOB, to))
		list[0].Namelen = 8
		n, err = several(sendmmsg, fd, list[:1])
		p.tell("half a name: %d %v", n, err)
	})
	time.Sleep(100 * time.Millisecond)
	same := func(name syscall.Sockaddr) bool { s, ok := name.(*syscall.SockaddrInet4); return ok && *s == *from }
	control(a, func(fd int) {
		n, name, err := syscall.Recvfrom(fd, buffer, syscall.MSG_PEEK)
		p.tell("peek: %q %v %v", buffer[:n], same(name), err)
		n, name, err = syscall.Recvfrom(fd, buffer, 0)
		p.tell("recvfrom: %q %v %v", buffer[:n], same(name), err)
		n, oobn, flags, name, err := syscall.Recvmsg(fd, buffer[:2], buffer[10:], syscall.MSG_PEEK|syscall.MSG_TRUNC)
		p.tell("cut: %d %d %#x %v %v", n, oobn, flags, same(name), err)
		n, oobn, flags, name, err = syscall.Recvmsg(fd, buffer[:2], nil, 0)
		p.tell("cut: %d %q %d %#x %v %v", n, buffer[:2], oobn, flags, same(name), err)
		n, err = syscall.Read(fd, nil)
		p.tell("read nothing: %d %v", n, err)
		n, err = syscall.Read(fd, buffer)
		p.tell("read an empty one: %d %v", n, err)
		b := func() []byte { return []byte("....") }
		list, names := messages([][][]byte{{b()[:1], b()}, {b()[:3]}, {b()}})
		list[1].Control, list[1].Controllen, list[1].Flags = &buffer[0], 32, 7
		list[0].Namelen = 4
		n, err = several(syscall.SYS_RECVMMSG, fd, list)
		p.tell("recvmmsg: %d %v", n, err)
		for i := range list {
			m := &list[i]
			var data []string
			for _, v := range unsafe.Slice(m.Iov, m.Iovlen) {
				data = append(data, string(unsafe.Slice(v.Base, v.Len)))
			}
			p.tell("%d bytes of %q, name %d %v %v, control %d, flags %#x", m.n, data, m.Namelen, names[i].Family == syscall.AF_INET, names[i].Addr, m.Controllen, m.Flags)
		}
	})
}

func (p prober) controls() {
	a, b := local(), local()
	defer a.Close()
	defer b.Close()
	p.tell("own source: %v", p.written(b, a, 0, syscall.IP_PKTINFO, 0, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0))
	p.tell("any source: %v", p.written(b, a, 0, syscall.IP_PKTINFO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	p.tell("a foreign source: %v", p.written(b, a, 0, syscall.IP_PKTINFO, 0, 0, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0))
	p.tell("half of packet info: %v", p.written(b, a, 0, syscall.IP_PKTINFO, 0, 0, 0, 0))
	p.tell("ECN: %v", p.written(b, a, 0, syscall.IP_TOS, 2))
	p.tell("ECN: %v", p.written(b, a, 0, syscall.IP_TOS, 2, 0, 0, 0))
	p.tell("TTL: %v", p.written(b, a, 0, syscall.IP_TTL, 9, 0, 0, 0))
	p.tell("TTL 0: %v", p.written(b, a, 0, syscall.IP_TTL, 0, 0, 0, 0))
	p.tell("IPv6: %v", p.written(b, a, syscall.IPPROTO_IPV6, 67, 2, 0, 0, 0))
	p.tell("of no type: %v", p.written(b, a, 0, 99, 1, 0, 0, 0))
	p.tell("of no type: %v", p.written(b, a, syscall.SOL_SOCKET, 99, 1, 0, 0, 0))
	p.tell("of no type: %v", p.written(b, a, syscall.IPPROTO_UDP, 99, 1, 0, 0, 0))
	long := controlMessage(0, syscall.IP_TOS, 2)
	long[0] += 9
	_, _, err := b.WriteMsgUDP([]byte("x"), long, a.LocalAddr().(*net.UDPAddr))
	p.tell("longer than it is: %v", reason(err))
}

// written sends a datagram with a control message.
func (p prober) written(from, to *net.UDPConn, level, what int32, data ...byte) string {
	c := controlMessage(level, what, data...)
	n, oobn, err := from.WriteMsgUDP([]byte("x"), c, to.LocalAddr().(*net.UDPAddr))
	if err != nil {
		return reason(err)
	}
	to.SetReadDeadline(time.Now().Add(time.Minute))
	_, got, flags, name, err := to.ReadMsgUDP(make([]byte, 1), make([]byte, 64))
	return fmt.Sprint(n, oobn == len(c), got, flags, name.IP, err)
}

func controlMessage(level, what int32, data ...byte) []byte {
	c := make([]byte, syscall.CmsgSpace(len(data)))
	h := (*syscall.Cmsghdr)(unsafe.Pointer(&c[0]))
	h.Level, h.Type, h.Len = level, what, uint64(syscall.CmsgLen(len(data)))
	copy(c[syscall.CmsgLen(0):], data)
	return c
}

func (p prober) names() {
	a := local()
	defer a.Close()
	c, err := net.DialUDP("udp4", nil, a.LocalAddr().(*net.UDPAddr))
	if err != nil {
		panic(err)
	}
	defer c.Close()
	control(a, func(fd int) {
		name, err := syscall.Getsockname(fd)
		p.tell("own: %v %v", *name.(*syscall.SockaddrInet4) == *addressOf(a), err)
		_, err = syscall.Getpeername(fd)
		p.tell("no peer: %v", err)
		p.tell("shutdown: %v", syscall.Shutdown(fd, syscall.SHUT_RD))
	})
	control(c, func(fd int) {
		name, err := syscall.Getpeername(fd)
		p.tell("peer: %v %v", *name.(*syscall.SockaddrInet4) == *addressOf(a), err)
		n, err := syscall.Write(fd, []byte("to the peer"))
		p.tell("write: %d %v", n, err)
	})
	arrived(a, func(fd int) {
		b := make([]byte, 20)
		n, err := syscall.Read(fd, b)
		p.tell("read: %q %v", b[:n], err)
	})
	control(a, func(fd int) {
		var s syscall.Stat_t
		p.tell("fstat: %v %o %d", syscall.Fstat(fd, &s), s.Mode, s.Size)
		_, err := syscall.Seek(fd, 0, 0)
		p.tell("seek: %v", err)
		_, err = syscall.Pread(fd, make([]byte, 1), 0)
		p.tell("pread: %v", err)
		_, err = syscall.Pwrite(fd, make([]byte, 1), 0)
		p.tell("pwrite: %v", err)
		p.tell("ftruncate: %v, fsync: %v", syscall.Ftruncate(fd, 0), syscall.Fsync(fd))
		_, err = syscall.ReadDirent(fd, make([]byte, 100))
		p.tell("getdents: %v", err)
		for _, cmd := range []uintptr{syscall.F_GETFL, syscall.F_GETFD} {
			n, _, err := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), cmd, 0)
			p.tell("fcntl: %#x %v", n, err)
		}
		p.tell("nonblock: %v", syscall.SetNonblock(fd, true))
	})
	f, err := os.CreateTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	_, err = syscall.Getsockname(int(f.Fd()))
	p.tell("of a file: %v", err)
	_, err = syscall.GetsockoptInt(1<<30, syscall.SOL_SOCKET, syscall.SO_TYPE)
	p.tell("of nothing: %v", err)
}

func listenLocal() *net.TCPListener {
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	l, err := c.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return l.(*net.TCPListener)
}

func (p prober) streams() {
	l := listenLocal()
	defer l.Close()
	a, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		panic(err)
	}
	b, err := l.AcceptTCP()
	if err != nil {
		panic(err)
	}
	buffer := make([]byte, 64)
	control(l, func(fd int) {
		_, err := syscall.Read(fd, buffer)
		p.tell("listener: %v", err)
		_, err = syscall.Getpeername(fd)
		p.tell("listener: %v", err)
	})
	control(a, func(fd int) {
		n, err := syscall.Read(fd, buffer)
		p.tell("nothing: %d %v", n, err)
		n, err = syscall.Read(fd, nil)
		p.tell("nothing: %d %v", n, err)
		n, err = syscall.SendmsgN(fd, []byte("hello"), nil, nil, 0)
		p.tell("sendmsg: %d %v", n, err)
		n, err = syscall.Write(fd, nil)
		p.tell("write nothing: %d %v", n, err)
	})
	arrived(b, func(fd int) {
		n, name, err := syscall.Recvfrom(fd, buffer, syscall.MSG_PEEK)
		p.tell("peek: %q %v %v", buffer[:n], name, err)
		list, _ := messages([][][]byte{{buffer[:1], buffer[1:3]}, {buffer[3:10]}, {buffer}})
		n, err = several(syscall.SYS_RECVMMSG, fd, list)
		p.tell("recvmmsg: %d %v %d %d %q", n, err, list[0].n, list[1].n, buffer[:5])
	})
	control(a, func(fd int) {
		p.tell("shutdown: %v %v", syscall.Shutdown(fd, 9), syscall.Shutdown(fd, syscall.SHUT_WR))
		n, err := syscall.Write(fd, []byte("late"))
		p.tell("late: %d %v", n, err)
	})
	arrived(b, func(fd int) {
		n, err := syscall.Read(fd, buffer)
		p.tell("the end: %d %v", n, err)
	})
	b.SetLinger(0)
	b.Close()
	arrived(a, func(fd int) {
		n, err := syscall.Read(fd, buffer)
		p.tell("reset, but that is known: %d %v", n, err)
	})
	a.Close()
}

func TestSocketCallsAnswerAsTheKernelDoes(t *testing.T) {
	for name, probe := range map[string]func(prober){
		"datagrams": prober.datagrams, "controls": prober.controls, "names": prober.names, "options": prober.options, "streams": prober.streams,
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			probe(prober{func(format string, args ...any) { want = append(want, fmt.Sprintf(format, args...)) }})
			got, _ := play(t, 1, "", plain, func(ctx context.Context, h *host.Host) error {
				probe(prober{func(format string, args ...any) { say(h, format, args...) }})
				return wait(ctx)
			})
			if !slices.Equal(got[0], want) {
				t.Errorf("a node and the kernel differ:\n%s", differing(got[0], want))
			}
		})
	}
}

// differing returns the lines that differ.
func differing(got, want []string) string {
	var b strings.Builder
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			fmt.Fprintf(&b, "%3d %s\n    %s\n", i, g, w)
		}
	}
	return b.String()
}
