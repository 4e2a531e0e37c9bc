//go:build unix

package main

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/udp"
)

// flood sends n rubbish datagrams evenly over a time, from one socket: noise, frames of
// another network, frames as a member would send them, and queries of the DHT. It returns how
// many the system took.
func flood(to netip.AddrPort, n int, over time.Duration) (sent float64, err error) {
	noise := make([]byte, 1200)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	noise[0] = 0
	other, err := frameOf(liveNetwork+1, noise[:100])
	if err != nil {
		return 0, err
	}
	forged, err := frameOf(liveNetwork, noise)
	if err != nil {
		return 0, err
	}
	kinds := [][]byte{noise, noise[:40], other, forged, []byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")}
	conn, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	start := time.Now()
	for i := range n {
		if wait := over*time.Duration(i)/time.Duration(n) - time.Since(start); wait > time.Millisecond {
			time.Sleep(wait)
		}
		if _, err := conn.WriteToUDPAddrPort(kinds[i%len(kinds)], to); err == nil {
			sent++
		}
	}
	return sent, nil
}

// frameOf returns the datagram in which a message travels in a network.
func frameOf(network uint64, msg []byte) ([]byte, error) {
	to, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer to.Close()
	from, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	book, err := udp.NewBook([]netip.AddrPort{to.LocalAddr().(*net.UDPAddr).AddrPort()}, 0)
	if err != nil {
		return nil, err
	}
	n, err := udp.Open(udp.Config{Conn: from, Book: book, Network: network, Incarnation: 1, Limits: udp.DefaultLimits(1),
		Receive: func(protocol.NodeID, uint32, uint64, []byte) {}})
	if err != nil {
		return nil, err
	}
	defer n.Close()
	n.Send(0, 1, msg)
	b := make([]byte, 1<<16)
	size, err := to.Read(b)
	return b[:size], err
}
