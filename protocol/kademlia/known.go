package kademlia

import (
	"fmt"
	"slices"

	"dessim/protocol"
)

// Known is a table of the ids of all nodes of a plan. The plan makes it, all nodes share it, and
// nobody changes it. A routing table that has one keeps a contact as a node's number, in four
// bytes for 26. It only saves memory: what a message says of a contact is taken for a number if
// it is what the table says, and kept as it is otherwise.
type Known struct {
	book  protocol.Book
	ids   []ID
	twins bool // two ids begin with the same 64 bits, and may be the same
}

// NewKnown returns a table of the ids of nodes 0, 1 and so on, whose endpoints book knows for all
// time: a live Book is none such. ids belongs to the table from then on. More than 2^31 ids panic.
func NewKnown(book protocol.Book, ids []ID) *Known {
	if uint64(len(ids)) > foreign {
		panic(fmt.Sprintf("kademlia: a table of %d known ids, want at most %d", len(ids), uint64(foreign)))
	}
	k := &Known{book: book, ids: ids}
	sorted := make([]uint64, len(ids))
	for i := range ids {
		sorted[i] = ids[i].head()
	}
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		k.twins = k.twins || sorted[i] == sorted[i-1]
	}
	return k
}

// foreign is the first of the numbers of contacts that a node keeps itself, since they are not as
// Known has them.
const foreign = 1 << 31

// stranger is a contact that the table keeps itself, with the places in the table where it is.
type stranger struct {
	Contact
	places int // 0: the slot is free
}

// who returns the number of a contact. ok is false if it has none yet.
func (t *table) who(c *Contact) (who uint32, ok bool) {
	if k := t.known; k != nil {
		if n, ok := k.book.Node(c.Addr); ok && uint64(n) < uint64(len(k.ids)) && k.ids[n].is(&c.ID) {
			return uint32(n), true
		}
	}
	for i := range t.strangers {
		if s := &t.strangers[i]; s.ID == c.ID && s.Addr == c.Addr && s.places > 0 {
			return foreign | uint32(i), true
		}
	}
	return 0, false
}

// take returns the number of a contact that gets a place in the table.
func (t *table) take(c *Contact) uint32 {
	who, ok := t.who(c)
	switch {
	case ok && who < foreign:
	case ok:
		t.strangers[who-foreign].places++
	default:
		i := slices.IndexFunc(t.strangers, func(s stranger) bool { return s.places == 0 })
		if i < 0 {
			i = len(t.strangers)
			t.strangers = append(t.strangers, stranger{})
		}
		t.strangers[i] = stranger{*c, 1}
		who = foreign | uint32(i)
	}
	return who
}

// drop takes a place in the table from a contact.
func (t *table) drop(who uint32) {
	if who >= foreign {
		t.strangers[who-foreign].places--
	}
}

// id returns the id of a contact.
func (t *table) id(who uint32) *ID {
	if who < foreign {
		return &t.known.ids[who]
	}
	return &t.strangers[who-foreign].ID
}

// contact returns the contact of a number.
func (t *table) contact(who uint32) Contact {
	if who < foreign {
		return Contact{t.known.ids[who], t.known.book.Endpoint(protocol.NodeID(who))}
	}
	return t.strangers[who-foreign].Contact
}

// alone reports whether no other contact in the table can have the id of one that is as Known
// has it.
func (t *table) alone() bool { return len(t.strangers) == 0 && t.known != nil && !t.known.twins }
