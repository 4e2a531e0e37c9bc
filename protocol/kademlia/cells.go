package kademlia

import "math/bits"

// crowded returns the place of the contact of the full bucket n that makes way for a
// newcomer id, or -1.
//
// A bucket covers a subtree, but what fills it are the nodes closest to some point: each
// other's neighbours, from which it is far to most of the subtree. So a newcomer from a
// cell of the subtree without a contact takes a place in the cell with the most, as in
// libtorrent. The one heard last makes way, into the cache. A cell keeps its last contact,
// so a flood of newcomers soon finds no place.
func (t *table) crowded(n int, id *ID) int {
	var held [maxCells]uint8
	live, most := t.contacts(n), uint8(0)
	for i := range live {
		c := t.cellOf(n, live[i].who)
		held[c]++
		most = max(most, held[c])
	}
	if most < 2 || held[t.cell(n, id)] > 0 {
		return -1
	}
	for i := len(live) - 1; i >= 0; i-- {
		if held[t.cellOf(n, live[i].who)] == most {
			return i
		}
	}
	return -1
}

// cell returns the cell of bucket n in which an id lies: the value of the bits after the
// one that differs from the node's own. They are so many that there are at most k cells.
func (t *table) cell(n int, id *ID) int {
	c := 0
	for i := range t.cellBits() {
		c <<= 1
		if at := n + 1 + i; at < idBits {
			c |= int(id[at/8] >> (7 - at%8) & 1)
		}
	}
	return c
}

func (t *table) cellBits() int { return bits.Len(uint(t.k)) - 1 }

// cellOf returns the cell of a contact.
func (t *table) cellOf(n int, who uint32) int {
	if width := t.cellBits(); n+1+width <= 64 {
		return int(t.head(who) << (n + 1) >> 1 >> (63 - width))
	}
	return t.cell(n, t.id(who))
}

const maxCells = 64 // for the greatest k
