package udp_test

import (
	"fmt"
	"net"
	"net/netip"

	"dessim/protocol"
	"dessim/protocol/live/udp"
)

// Two members on loopback, of which one greets the other until it is heard: datagrams may
// be lost.
func Example() {
	heard := make(chan string, 1)
	hello := func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
		select {
		case heard <- fmt.Sprintf("node %v, incarnation %d, message %d: %s", from, incarnation, seq, body):
		default: // once is enough; to wait here would keep the Network from closing
		}
	}
	var conns []*net.UDPConn
	var members []netip.AddrPort
	for range 2 {
		conn, err := udp.Listen("127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		conns = append(conns, conn)
		members = append(members, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	book, err := udp.NewBook(members, 0)
	if err != nil {
		panic(err)
	}
	var networks []*udp.Network
	for _, conn := range conns {
		n, err := udp.Open(udp.Config{Conn: conn, Book: book, Network: 42, Incarnation: 1, Limits: udp.DefaultLimits(2), Receive: hello})
		if err != nil {
			panic(err)
		}
		defer n.Close()
		networks = append(networks, n)
	}
	for len(heard) == 0 {
		networks[0].Send(1, 1, []byte("good morning"))
	}
	fmt.Println(<-heard)
	// Output: node 0, incarnation 1, message 1: good morning
}
