package judge

import (
	"bytes"
	"slices"
	"sort"

	"dessim/protocol/kademlia"
)

// nearest finds the nodes closest to a point in a network of any size, by binary search in the
// ids of all of them.
type nearest struct {
	ids    []kademlia.ID // by node
	sorted []int32       // nodes in the order of their ids
}

func newNearest(ids []kademlia.ID) *nearest {
	n := &nearest{ids, make([]int32, len(ids))}
	for i := range n.sorted {
		n.sorted[i] = int32(i)
	}
	slices.SortFunc(n.sorted, func(a, b int32) int { return bytes.Compare(ids[a][:], ids[b][:]) })
	return n
}

// to returns the k nodes closest to target, nearest first, of those that count. All ids that begin
// with more of the target's bits are closer than all others: so it takes the longest beginning that
// enough of them have, and sorts those.
func (n *nearest) to(target kademlia.ID, k int, counts func(node int) bool) []int {
	var near []int
	for bits := 8 * len(target); bits >= 0; bits-- {
		all := n.beginning(target, bits)
		if len(all) < k && bits > 0 {
			continue
		}
		near = near[:0]
		for _, i := range all {
			if counts(int(i)) {
				near = append(near, int(i))
			}
		}
		if len(near) >= k {
			break
		}
	}
	order := closer(target)
	slices.SortFunc(near, func(a, b int) int { return order(n.ids[a], n.ids[b]) })
	return near[:min(k, len(near))]
}

// beginning returns the nodes whose ids have the first bits of target.
func (n *nearest) beginning(target kademlia.ID, bits int) []int32 {
	first, last := target, target
	for i := range first {
		free := min(max(8*(i+1)-bits, 0), 8) // bits of the byte that may be anything
		first[i] &= 0xff << free
		last[i] |= 0xff >> (8 - free)
	}
	at := func(i int) []byte { return n.ids[n.sorted[i]][:] }
	from := sort.Search(len(n.sorted), func(i int) bool { return bytes.Compare(at(i), first[:]) >= 0 })
	to := sort.Search(len(n.sorted), func(i int) bool { return bytes.Compare(at(i), last[:]) > 0 })
	return n.sorted[from:to]
}
