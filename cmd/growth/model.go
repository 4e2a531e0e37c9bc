//go:build unix

package main

import (
	"math"
	"slices"
	"sort"

	"dessim/protocol"
)

// usualK is the scenario's.
const usualK = 8

// hops returns how many hops a lookup takes in the mean by a model: each bucket of every node holds
// k contacts drawn at random from its part of the tree, or all that there are, and a lookup goes
// to the closest that it hears of, one at a time. A contact of the own table is one hop away. Of
// package kademlia, buckets are spread over their parts, and lookups ask three at a time: so they
// may take fewer.
func hops(nodes, k int) float64 {
	const lookups = 20_000
	m := model{k: k}
	for i := range nodes {
		m.ids = append(m.ids, protocol.Hash2(0x6d6f64656c, uint64(i)))
	}
	slices.Sort(m.ids)
	sum := 0
	for i := range lookups {
		m.draws = protocol.Hash2(1, uint64(i))
		from := m.draw(nodes)
		to := m.draw(nodes - 1)
		if to >= from {
			to++
		}
		sum += m.lookup(m.ids[from], m.ids[to])
	}
	return float64(sum) / lookups
}

// model is a network: the first 64 bits of the ids, ascending.
type model struct {
	ids   []uint64
	k     int
	draws uint64
}

// draw returns a number below n.
func (m *model) draw(n int) int {
	m.draws = protocol.Hash2(m.draws, 0)
	return int(m.draws % uint64(n))
}

// lookup returns the hops from one node to another.
func (m *model) lookup(from, to uint64) (hops int) {
	for from != to {
		from = m.next(from, to)
		hops++
	}
	return hops
}

// next returns the contact of a node that is closest to a target: of the bucket in which that lies.
func (m *model) next(from, to uint64) uint64 {
	low, high := to, to // the bounds of the bucket: all that share one bit more with to than from does
	for bit := uint64(1); ; bit <<= 1 {
		if bit > (from^to)>>1 || bit == 0 {
			break
		}
		low, high = low&^bit, high|bit
	}
	first := sort.Search(len(m.ids), func(i int) bool { return m.ids[i] >= low })
	past := sort.Search(len(m.ids), func(i int) bool { return m.ids[i] > high })
	if past-first <= m.k {
		return to
	}
	best := uint64(math.MaxUint64)
	for drawn := []int{}; len(drawn) < m.k; {
		i := first + m.draw(past-first)
		if slices.Contains(drawn, i) {
			continue
		}
		drawn = append(drawn, i)
		best = min(best, m.ids[i]^to)
	}
	return best ^ to
}
