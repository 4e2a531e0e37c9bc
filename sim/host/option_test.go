//go:build dessim_overlay

package host_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"dessim/sim/host"
)

func (p prober) options() {
	udp, l := local(), listenLocal()
	defer udp.Close()
	defer l.Close()
	tcp, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		panic(err)
	}
	defer tcp.Close()
	names := [][2]int{
		{1, syscall.SO_TYPE}, {1, syscall.SO_ERROR}, {1, 38}, {1, 39}, {1, syscall.SO_REUSEADDR}, {1, syscall.SO_BROADCAST},
		{1, syscall.SO_KEEPALIVE}, {1, syscall.SO_ACCEPTCONN}, {1, syscall.SO_LINGER}, {1, syscall.SO_RCVLOWAT},
		{1, syscall.SO_PRIORITY}, {1, syscall.SO_RCVTIMEO}, {1, syscall.SO_TIMESTAMP}, {1, 40},
		{0, syscall.IP_TOS}, {0, syscall.IP_TTL}, {0, syscall.IP_MTU_DISCOVER}, {0, syscall.IP_RECVTOS}, {0, syscall.IP_PKTINFO},
		{0, syscall.IP_RECVTTL}, {0, syscall.IP_MULTICAST_TTL}, {0, syscall.IP_RECVERR},
		{6, syscall.TCP_NODELAY}, {6, syscall.TCP_KEEPIDLE}, {6, syscall.TCP_KEEPINTVL}, {6, syscall.TCP_KEEPCNT}, {6, 18}, {6, syscall.TCP_SYNCNT},
		{41, syscall.IPV6_V6ONLY}, {1, 999}, {0, 999}, {17, 999},
	}
	for i, c := range []syscall.Conn{udp, l, tcp} {
		control(c, func(fd int) {
			for _, o := range names {
				if i > 0 && o[0] == 17 || i == 0 && o[0] == 6 || i == 1 && o[0] == 6 {
					continue
				}
				n, err := syscall.GetsockoptInt(fd, o[0], o[1])
				p.tell("%d has %d: %d %v", i, o, n, err)
			}
		})
	}
	control(udp, func(fd int) {
		for _, o := range [][3]int{
			{1, syscall.SO_RCVBUF, 4096}, {1, syscall.SO_RCVBUF, 1}, {1, syscall.SO_SNDBUF, 8192}, {1, syscall.SO_REUSEADDR, 7}, {1, syscall.SO_BROADCAST, 0},
			{1, syscall.SO_TYPE, 1}, {1, syscall.SO_PRIORITY, 3}, {1, 999, 1}, {0, 999, 1}, {17, 999, 1}, {41, syscall.IPV6_V6ONLY, 1},
			{0, syscall.IP_RECVTOS, 1}, {0, syscall.IP_PKTINFO, 5}, {0, syscall.IP_MTU_DISCOVER, 3}, {0, syscall.IP_MTU_DISCOVER, 9},
			{0, syscall.IP_TOS, 2}, {0, syscall.IP_TTL, 300}, {0, syscall.IP_TTL, 3}, {0, syscall.IP_TTL, -1}, {6, syscall.TCP_NODELAY, 1},
		} {
			err := syscall.SetsockoptInt(fd, o[0], o[1], o[2])
			n, wrong := syscall.GetsockoptInt(fd, o[0], o[1])
			p.tell("set %d: %v, is %d %v", o, err, n, wrong)
		}
		p.tell("a byte: %v", syscall.SetsockoptByte(fd, 0, syscall.IP_TTL, 33))
		n, err := syscall.GetsockoptInt(fd, 0, syscall.IP_TTL)
		p.tell("is %d %v", n, err)
		p.tell("a byte: %v", syscall.SetsockoptByte(fd, 1, syscall.SO_BROADCAST, 1))
	})
	control(tcp, func(fd int) {
		p.tell("linger: %v", syscall.SetsockoptLinger(fd, 1, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 7}))
		for _, o := range [][3]int{
			{1, syscall.SO_KEEPALIVE, 0}, {6, syscall.TCP_KEEPIDLE, 100}, {6, syscall.TCP_KEEPIDLE, 0}, {6, syscall.TCP_KEEPCNT, 3},
			{6, syscall.TCP_KEEPINTVL, 20}, {6, 18, 1000}, {6, syscall.TCP_NODELAY, 0}, {6, syscall.TCP_NODELAY, 3},
		} {
			err := syscall.SetsockoptInt(fd, o[0], o[1], o[2])
			n, wrong := syscall.GetsockoptInt(fd, o[0], o[1])
			p.tell("set %d: %v, is %d %v", o, err, n, wrong)
		}
		n, err := syscall.GetsockoptInt(fd, 1, syscall.SO_LINGER)
		p.tell("linger: %d %v", n, err)
	})
}

func TestASocketHasNoSegmentation(t *testing.T) {
	const udpSegment, udpGro = 103, 104
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		control(c, func(fd int) {
			for _, o := range []int{udpSegment, udpGro} {
				_, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_UDP, o)
				say(h, "%v, %v", err, syscall.SetsockoptInt(fd, syscall.IPPROTO_UDP, o, 1))
			}
		})
		to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}
		_, _, err = c.WriteMsgUDP(make([]byte, 100), controlMessage(syscall.IPPROTO_UDP, udpSegment, 50, 0), to)
		say(h, "%v", err)
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program)
	expect(t, said, 0, "protocol not available, protocol not available", "protocol not available, protocol not available",
		"write udp 0.0.0.0:7->127.0.0.1:7: sendmsg: invalid argument")
}

func TestOptionsOfARawConnTakeEffect(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		c.SetReadBuffer(2000) // which is for 4000 bytes
		for range 20 {
			c.WriteTo(make([]byte, 1000-256), c.LocalAddr())
		}
		time.Sleep(time.Second)
		n := 0
		for c.SetReadDeadline(time.Now().Add(time.Second)); ; n++ {
			if _, err := c.Read(make([]byte, 1000)); err != nil {
				break
			}
		}
		say(h, "%d datagrams", n)
		control(c, func(fd int) {
			n, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF)
			say(h, "%d %v", n, err)
			err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, 33, 1<<20) // SO_RCVBUFFORCE
			n, _ = syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF)
			say(h, "%d %v", n, err)
		})
		conn, err := net.Dial("tcp", "n1:7")
		if err != nil {
			return err
		}
		control(conn.(*net.TCPConn), func(fd int) {
			syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		})
		time.Sleep(time.Second) // until it is accepted
		conn.Close()
		return wait(ctx)
	}
	peer := func(ctx context.Context, h *host.Host) error {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1))
		say(h, "%v", reason(err))
		return wait(ctx)
	}
	said, _ := play(t, 1, "", plain, program, peer)
	expect(t, said, 0, "4 datagrams", "4000 <nil>", "2097152 <nil>")
	expect(t, said, 1, "connection reset by peer")
}
