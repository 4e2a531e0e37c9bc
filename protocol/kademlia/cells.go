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
		c := t.cell(live[i].next)
		held[c]++
		most = max(most, held[c])
	}
	if most < 2 || held[t.cell(id.after(n))] > 0 {
		return -1
	}
	for i := len(live) - 1; i >= 0; i-- {
		if held[t.cell(live[i].next)] == most {
			return i
		}
	}
	return -1
}

// cell returns the cell of a bucket in which an id lies of which these are the bits after the
// one that differs from the node's own: see ID.after. The first of them tell, and they are so many
// that there are at most k cells.
func (t *table) cell(next uint16) int { return int(next >> (16 - (bits.Len(uint(t.k)) - 1))) }

const maxCells = 64 // for the greatest k
