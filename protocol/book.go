package protocol

// Endpoint is an opaque network address as Kademlia's messages carry it: four
// bytes of IPv4 address and two of port, in network order.
type Endpoint [6]byte

// A Book maps nodes to endpoints and back. It is pure: equal arguments give
// equal results for the whole run. Endpoints are never rewritten on the way.
type Book interface {
	Endpoint(id NodeID) Endpoint
	// Node returns the node at endpoint e; ok is false if there is none.
	Node(e Endpoint) (id NodeID, ok bool)
}

// SimBook is the Book of simulated runs: node id has the address 10.x.y.z with
// id in its 24 low bits, and BitTorrent's port 6881. It holds 2^24 nodes.
type SimBook struct{}

// Endpoint returns the node's address by the fixed formula.
func (SimBook) Endpoint(id NodeID) Endpoint {
	if id >= 1<<24 {
		panic("protocol: SimBook holds nodes 0 to 16777215, not " + id.String())
	}
	return Endpoint{10, byte(id >> 16), byte(id >> 8), byte(id), 6881 >> 8, 6881 & 255}
}

// Node inverts Endpoint.
func (SimBook) Node(e Endpoint) (NodeID, bool) {
	id := NodeID(e[1])<<16 | NodeID(e[2])<<8 | NodeID(e[3])
	return id, SimBook{}.Endpoint(id) == e
}
