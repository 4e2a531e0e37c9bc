package host

import (
	"net/netip"
	"strconv"
	"strings"

	"dessim/protocol"
)

// addressOf returns a node's address.
func addressOf(id protocol.NodeID) netip.Addr {
	e := protocol.SimBook{}.Endpoint(id)
	return netip.AddrFrom4([4]byte(e[:4]))
}

// nodeAt inverts addressOf.
func nodeAt(a netip.Addr) (protocol.NodeID, bool) {
	if !a.Is4() {
		return 0, false
	}
	var e protocol.Endpoint
	ip, base := a.As4(), protocol.SimBook{}.Endpoint(0)
	copy(e[:], ip[:])
	copy(e[4:], base[4:])
	return protocol.SimBook{}.Node(e)
}

// Lookup returns the address of a host, for package net. Its name is that of a node, or
// localhost; a node's own name is an address that others can reach. A name says nothing about
// whether there is such a node.
func (w *network) Lookup(host string) (netip.Addr, bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" {
		return loopback, true
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(host, "n"), 10, 24)
	if err != nil || host != Name(protocol.NodeID(id)) {
		return netip.Addr{}, false
	}
	return addressOf(protocol.NodeID(id)), true
}

// Reverse returns the name of the host at an address, for package net.
func (w *network) Reverse(a netip.Addr) (string, bool) {
	if a == loopback {
		return "localhost", true
	}
	id, ok := nodeAt(a)
	return Name(id), ok
}

// Hostname returns the node's host name, for package os: see the overlay's group machine.
func (l *life) Hostname() string { return l.host.Name() }
