package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"

	"dessim/protocol"
)

// Book is the protocol.Book of a live run: the members, and strangers with NodeIDs
// above theirs, which are given away again as protocol.Book says. What it does depends on
// the sequence of calls alone. It may be used by several goroutines at once.
type Book struct {
	members []netip.AddrPort
	ids     map[netip.AddrPort]protocol.NodeID // of the members

	mu        sync.Mutex
	limit     int // strangers
	strangers []stranger
	places    map[netip.AddrPort]int32
	first     int32 // the stranger met most recently; -1 is none
	last      int32 // the one met least recently
}

// stranger is a place for a stranger, in a list by the time when they were met last.
type stranger struct {
	addr       netip.AddrPort
	turn       uint16 // counts those that had the place, from 1; see stand
	prev, next int32
}

// maxNodes is how many members and strangers there may be: as many as a SimBook holds,
// and as many as the three bytes can tell apart that an IPv6 endpoint has for it.
const maxNodes = 1 << 24

// NewBook makes the Book of members, which have the NodeIDs from 0, and of so many
// strangers. Each member has an address of its own, with a port and without a zone.
func NewBook(members []netip.AddrPort, strangers int) (*Book, error) {
	if strangers < 0 || len(members)+strangers > maxNodes {
		return nil, fmt.Errorf("udp: a Book of %d members and %d strangers, want at most %d in all", len(members), strangers, maxNodes)
	}
	b := &Book{ids: make(map[netip.AddrPort]protocol.NodeID, len(members)), limit: strangers, places: make(map[netip.AddrPort]int32), first: -1, last: -1}
	for i, m := range members {
		m = plain(m)
		if !reachable(m) || m.Addr().Zone() != "" {
			return nil, fmt.Errorf("udp: member %d is at %v, want the address of one host, with a port and without a zone", i, m)
		}
		if other, ok := b.ids[m]; ok {
			return nil, fmt.Errorf("udp: members %v and %d are both at %v", other, i, m)
		}
		b.ids[m] = protocol.NodeID(i)
		b.members = append(b.members, m)
	}
	return b, nil
}

// plain returns a with an IPv4 address as such, not in the form of IPv6.
func plain(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4In6() {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return a
}

// reachable reports whether a can be the endpoint of one node.
func reachable(a netip.AddrPort) bool {
	ip := a.Addr()
	return ip.IsValid() && a.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() &&
		!(ip.Is4() && (ip.As4()[0] == 0 || ip.As4() == [4]byte{255, 255, 255, 255}))
}

// Members returns how many members there are.
func (b *Book) Members() int { return len(b.members) }

// Member returns the member at a. Unlike Meet it makes nobody a stranger.
func (b *Book) Member(a netip.AddrPort) (protocol.NodeID, bool) {
	id, ok := b.ids[plain(a)]
	return id, ok
}

// Meet returns the node at a, which becomes a stranger if it is unknown. ok is false if a
// is no endpoint of a node, or there may be no strangers.
func (b *Book) Meet(a netip.AddrPort) (id protocol.NodeID, ok bool) {
	a = plain(a)
	if id, ok := b.ids[a]; ok {
		return id, true
	}
	if b.limit == 0 || !reachable(a) {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nodeID(b.meet(a)), true
}

// nodeID returns the NodeID of a place.
func (b *Book) nodeID(at int32) protocol.NodeID {
	return protocol.NodeID(len(b.members)) + protocol.NodeID(at)
}

// meet returns the place of the stranger at a, which is now the one met most recently.
func (b *Book) meet(a netip.AddrPort) int32 {
	at, ok := b.places[a]
	switch {
	case ok:
		b.unlink(at)
	case len(b.strangers) < b.limit:
		at = int32(len(b.strangers))
		b.strangers = append(b.strangers, stranger{})
	default:
		at = b.last
		b.unlink(at)
		delete(b.places, b.strangers[at].addr)
	}
	s := &b.strangers[at]
	if !ok {
		s.addr = a
		s.turn = max(1, s.turn+1)
		b.places[a] = at
	}
	s.prev, s.next = -1, b.first
	if b.first >= 0 {
		b.strangers[b.first].prev = at
	} else {
		b.last = at
	}
	b.first = at
	return at
}

// unlink takes a place out of the list.
func (b *Book) unlink(at int32) {
	s := b.strangers[at]
	if s.prev >= 0 {
		b.strangers[s.prev].next = s.next
	} else {
		b.first = s.next
	}
	if s.next >= 0 {
		b.strangers[s.next].prev = s.prev
	} else {
		b.last = s.prev
	}
}

// AddrPort returns where node id is; ok is false if nobody has that NodeID.
func (b *Book) AddrPort(id protocol.NodeID) (a netip.AddrPort, ok bool) {
	a, _, ok = b.find(id)
	return a, ok
}

// find returns the address of a node and, of a stranger, its turn.
func (b *Book) find(id protocol.NodeID) (a netip.AddrPort, turn uint16, ok bool) {
	if int64(id) < int64(len(b.members)) {
		return b.members[id], 1, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := int64(id) - int64(len(b.members))
	if at >= int64(len(b.strangers)) {
		return a, 0, false
	}
	return b.strangers[at].addr, b.strangers[at].turn, true
}

// Endpoint implements protocol.Book.
func (b *Book) Endpoint(id protocol.NodeID) (e protocol.Endpoint) {
	a, turn, ok := b.find(id)
	switch {
	case !ok:
		return protocol.Endpoint{}
	case a.Addr().Is4():
		ip := a.Addr().As4()
		copy(e[:], ip[:])
		binary.BigEndian.PutUint16(e[4:], a.Port())
		return e
	}
	return stand(id, turn)
}

// stand returns what stands for the IPv6 endpoint of a node: a zero byte, the turn and
// three bytes of the NodeID. After 65,535 strangers at one place the turns begin again,
// so an Endpoint that was kept as long could stand for another.
func stand(id protocol.NodeID, turn uint16) protocol.Endpoint {
	return protocol.Endpoint{0, byte(turn >> 8), byte(turn), byte(id >> 16), byte(id >> 8), byte(id)}
}

// Node implements protocol.Book. An unknown IPv4 endpoint becomes a stranger's.
func (b *Book) Node(e protocol.Endpoint) (id protocol.NodeID, ok bool) {
	if e.Is4() {
		return b.Meet(netip.AddrPortFrom(netip.AddrFrom4([4]byte(e[:4])), binary.BigEndian.Uint16(e[4:])))
	}
	a, ok := b.six(e)
	if !ok {
		return 0, false
	}
	return b.Meet(a)
}

// six returns the IPv6 endpoint for which e stands.
func (b *Book) six(e protocol.Endpoint) (a netip.AddrPort, ok bool) {
	id := protocol.NodeID(e[3])<<16 | protocol.NodeID(e[4])<<8 | protocol.NodeID(e[5])
	a, turn, ok := b.find(id)
	return a, ok && !a.Addr().Is4() && e == stand(id, turn)
}

// Long implements protocol.Book.
func (b *Book) Long(e protocol.Endpoint) (long protocol.Endpoint6, ok bool) {
	a, ok := b.six(e)
	if !ok {
		return long, false
	}
	ip := a.Addr().As16()
	copy(long[:], ip[:])
	binary.BigEndian.PutUint16(long[16:], a.Port())
	return long, true
}

// Short implements protocol.Book. An unknown endpoint becomes a stranger's.
func (b *Book) Short(long protocol.Endpoint6) (e protocol.Endpoint, ok bool) {
	if long.Mapped() {
		return e, false
	}
	a := netip.AddrPortFrom(netip.AddrFrom16([16]byte(long[:16])), binary.BigEndian.Uint16(long[16:]))
	id, ok := b.Meet(a)
	if !ok {
		return e, false
	}
	return b.Endpoint(id), true
}
