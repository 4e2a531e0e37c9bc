package protocol

import "fmt"

// Endpoint is a network address as nodes keep it, in six bytes. They are an IPv4
// address of four bytes and a port of two, in network order. If the first byte is 0,
// which no host's IPv4 address has (RFC 1122, section 3.2.1.3), they stand for an IPv6
// endpoint that the Book knows in full, for as long as it knows it. The zero value is
// none.
//
// So whoever compares and keeps endpoints handles values of one small size, and IPv6
// costs nothing where there is none. To hold every endpoint in 18 bytes, with IPv4 ones
// as ::ffff:a.b.c.d, would be simpler, and has been measured: 1,000 nodes of Kademlia
// that join allocate 49.2 MB for 38.6, since contacts are most of what they keep. A
// contact of a routing table would have 48 bytes for 36, as it would with a
// unique.Handle, and more with a string or a netip.AddrPort. A NodeID would be smaller,
// but must not be kept: see Book. Where a plan knows all ids, and its Book holds for all time,
// Kademlia's table keeps it nevertheless: see kademlia.Known.
type Endpoint [6]byte

// Is4 reports whether e is an IPv4 endpoint, and so the form that messages carry.
func (e Endpoint) Is4() bool { return e[0] != 0 }

// String returns "10.0.0.1:6881", and for an IPv6 endpoint what stands for it.
func (e Endpoint) String() string {
	switch {
	case e == Endpoint{}:
		return "none"
	case e.Is4():
		return fmt.Sprintf("%d.%d.%d.%d:%d", e[0], e[1], e[2], e[3], int(e[4])<<8|int(e[5]))
	}
	return fmt.Sprintf("ipv6/%x", e[1:])
}

// Endpoint6 is an IPv6 endpoint as messages carry it: 16 bytes of address and two of
// port, in network order.
type Endpoint6 [18]byte

// Mapped reports whether e is an IPv4 endpoint in disguise, ::ffff:a.b.c.d (RFC 4291,
// section 2.5.5.2). Messages carry those as Endpoint alone, so that each has one form.
func (e *Endpoint6) Mapped() bool {
	return [12]byte(e[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

// A Book maps nodes to endpoints and back. Endpoints are never rewritten on the way.
//
// In a simulated run it is pure: equal arguments give equal results for the whole run.
//
// In a live one the members are fixed, as obligation 1 of a runtime has it: they are
// known before the run, and each has one NodeID and one endpoint for all time. Anybody
// else is a stranger. A stranger gets a NodeID when its endpoint is met, as the source of
// a message or as an argument, from a bounded range above the members'; otherwise
// strangers without number would exhaust the Book and all that is kept by NodeID. When
// the range is used up, the NodeID of the stranger that was met least recently goes to
// the new one. So obligation 1 holds for a stranger only while it is met: a machine may
// use its NodeID to answer it, or for a query that is under way. What a machine keeps
// longer is the endpoint, which it turns into a NodeID each time, as Kademlia's table
// does. An Endpoint never comes to stand for another node: that of a stranger with an
// IPv6 address stands for nobody once its NodeID is given away. Nothing that must hold
// for all time, such as a vote or a place in an order, may depend on a stranger.
type Book interface {
	// Endpoint returns where node id is. A live Book returns the zero value for a
	// NodeID that nobody has.
	Endpoint(id NodeID) Endpoint
	// Node returns the node at endpoint e; ok is false if there is none.
	Node(e Endpoint) (id NodeID, ok bool)
	// Long returns what e stands for; ok is false if e is an IPv4 endpoint, or stands
	// for nothing that the Book knows.
	Long(e Endpoint) (long Endpoint6, ok bool)
	// Short returns what stands for an IPv6 endpoint; ok is false if the Book does not
	// take any.
	Short(long Endpoint6) (e Endpoint, ok bool)
}

// SimBook is the Book of simulated runs: node id has the address 10.x.y.z with
// id in its 24 low bits, and BitTorrent's port 6881. It holds 2^24 nodes, and no IPv6
// endpoints.
type SimBook struct{}

// Endpoint returns the node's address by the fixed formula.
func (SimBook) Endpoint(id NodeID) Endpoint {
	if id >= 1<<24 {
		panic("protocol: SimBook holds nodes 0 to 16777215, not " + id.String())
	}
	return Endpoint{simNet, byte(id >> 16), byte(id >> 8), byte(id), simPort >> 8, simPort & 255}
}

// The endpoint of a simulated node has this first byte and this port.
const (
	simNet  = 10
	simPort = 6881
)

// Node inverts Endpoint.
func (SimBook) Node(e Endpoint) (NodeID, bool) {
	id := NodeID(e[1])<<16 | NodeID(e[2])<<8 | NodeID(e[3])
	return id, e[0] == simNet && e[4] == simPort>>8 && e[5] == simPort&255
}

// Long knows no IPv6 endpoint.
func (SimBook) Long(Endpoint) (long Endpoint6, ok bool) { return long, false }

// Short takes no IPv6 endpoint.
func (SimBook) Short(Endpoint6) (e Endpoint, ok bool) { return e, false }
