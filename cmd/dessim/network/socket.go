package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/udp"
)

// mostStrangers is how many nodes of the DHT that are no members have NodeIDs at a time. A node
// that is recorded has none: recordings tell neither what strangers said nor where they are, so
// a run with them could not be made again.
const mostStrangers = 1024

// book is a udp.Book with room for the clients: their NodeIDs follow those of the members, and
// those of strangers come after them. No address leads to a client.
type book struct {
	*udp.Book
	members protocol.NodeID
	closed  bool // to strangers
}

// newBook makes the book of a network, with room for so many strangers.
func newBook(g *genesis, strangers int) (book, error) {
	var at []netip.AddrPort
	for i := range g.members {
		at = append(at, g.members[i].at)
	}
	b, err := udp.NewBook(at, strangers)
	return book{b, protocol.NodeID(len(at)), strangers == 0}, err
}

// outer returns the NodeID of what package udp calls id.
func (b book) outer(id protocol.NodeID) protocol.NodeID {
	if id < b.members {
		return id
	}
	return id + b.members
}

// inner returns what package udp calls node id; ok is false for a client.
func (b book) inner(id protocol.NodeID) (_ protocol.NodeID, ok bool) {
	if id < b.members {
		return id, true
	}
	return id - b.members, id >= 2*b.members
}

// Endpoint implements protocol.Book.
func (b book) Endpoint(id protocol.NodeID) (e protocol.Endpoint) {
	if id, ok := b.inner(id); ok {
		return b.Book.Endpoint(id)
	}
	return e
}

// Node implements protocol.Book.
func (b book) Node(e protocol.Endpoint) (protocol.NodeID, bool) {
	id, ok := b.Book.Node(e)
	return b.outer(id), ok
}

// address returns an endpoint as people write it.
func (b book) address(e protocol.Endpoint) string {
	if long, ok := b.Long(e); ok {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(long[:16])), binary.BigEndian.Uint16(long[16:])).String()
	}
	return e.String()
}

// fate is udp.Config.Fate.
type fate = func(to protocol.NodeID, seq uint64, msg []byte) []udp.Leaving

// socket is where a node receives datagrams.
type socket struct {
	book    book
	network uint64
	fate    fate

	mu   sync.Mutex
	at   string       // with the port that the system chose
	conn *net.UDPConn // of the next incarnation, if there is one already
	udp  *udp.Network // of the last incarnation, or nil
}

func listenUDP(at string, network uint64, b book, fate fate) (*socket, error) {
	conn, err := udp.Listen(at)
	if err != nil {
		return nil, err
	}
	return &socket{book: b, network: network, fate: fate, at: conn.LocalAddr().String(), conn: conn}, nil
}

// connect begins to receive for an incarnation.
func (s *socket) connect(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := s.conn
	if s.conn = nil; conn == nil {
		var err error
		if conn, err = udp.Listen(s.at); err != nil {
			return nil, err
		}
	}
	n, err := udp.Open(udp.Config{
		Conn: conn, Book: s.book.Book, Network: s.network, Incarnation: inc, Limits: udp.DefaultLimits(int(s.book.members)), Fate: s.fate,
		Receive: func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
			if incarnation == 0 && s.book.closed {
				return // from the address of a member, but not from a node of ours
			}
			arrive(live.Arrival{From: s.book.outer(from), Incarnation: incarnation, Seq: seq, Body: bytes.Clone(body)})
		},
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	s.udp = n
	return &link{n, s.book}, nil
}

// stats returns the counts of this incarnation.
func (s *socket) stats() (out udp.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.udp != nil {
		out = s.udp.Stats()
	}
	return out
}

func (s *socket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil // the Network has it
	}
	return s.conn.Close()
}

// link is the network of an incarnation.
type link struct {
	*udp.Network
	book book
}

// Send sends to anyone but clients.
func (l *link) Send(to protocol.NodeID, seq uint64, msg []byte) {
	if to, ok := l.book.inner(to); ok {
		l.Network.Send(to, seq, msg)
	}
}
