package kademlia

import (
	"dessim/protocol"
)

// named are contacts as a message carries them: ids with endpoints, those of BEP 5 with
// IPv4 addresses and those of BEP 32 with IPv6 ones, each in the order of distance. nil is
// an absent key.
type named struct{ v4, v6 []byte }

// Bytes of a contact in a message.
const (
	compact4 = len(ID{}) + len(protocol.Endpoint{})
	compact6 = len(ID{}) + len(protocol.Endpoint6{})
)

// with appends c. A contact of whose IPv6 endpoint the Book does not know any more is left
// out.
func (n named) with(book protocol.Book, c *Contact) named {
	if c.Addr.Is4() {
		n.v4 = append(append(n.v4, c.ID[:]...), c.Addr[:]...)
	} else if long, ok := book.Long(c.Addr); ok {
		n.v6 = append(append(n.v6, c.ID[:]...), long[:]...)
	}
	return n
}

// cut takes the next contact out of n, those with IPv4 addresses first. One with an
// address that nobody can have, or that the Book does not take, has no endpoint.
func (n *named) cut(book protocol.Book) (c Contact, ok bool) {
	switch {
	case len(n.v4) >= compact4:
		copy(c.ID[:], n.v4)
		if e := protocol.Endpoint(n.v4[len(c.ID):compact4]); e.Is4() {
			c.Addr = e
		}
		n.v4 = n.v4[compact4:]
		return c, true
	case len(n.v6) >= compact6:
		copy(c.ID[:], n.v6)
		c.Addr, _ = book.Short(protocol.Endpoint6(n.v6[len(c.ID):compact6]))
		n.v6 = n.v6[compact6:]
		return c, true
	}
	return c, false
}

// ids returns the ids alone.
func (n named) ids() (ids []ID) {
	for ; len(n.v4) >= compact4; n.v4 = n.v4[compact4:] {
		ids = append(ids, ID(n.v4[:len(ID{})]))
	}
	for ; len(n.v6) >= compact6; n.v6 = n.v6[compact6:] {
		ids = append(ids, ID(n.v6[:len(ID{})]))
	}
	return ids
}

// canonical reports whether n has whole contacts only, and IPv4 addresses only in v4.
func (n named) canonical() bool {
	if len(n.v4)%compact4 != 0 || len(n.v6)%compact6 != 0 {
		return false
	}
	for ; len(n.v6) > 0; n.v6 = n.v6[compact6:] {
		if long := protocol.Endpoint6(n.v6[len(ID{}):compact6]); long.Mapped() {
			return false
		}
	}
	return true
}
