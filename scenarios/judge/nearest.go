package judge

import (
	"bytes"
	"slices"
	"sort"

	"dessim/protocol/kademlia"
)

// nearest finds the nodes closest to a point in a network of any size, by binary search in the
// ids of all of them.
type nearest struct{ sorted []kademlia.ID }

func newNearest(ids []kademlia.ID) *nearest {
	n := &nearest{slices.Clone(ids)}
	slices.SortFunc(n.sorted, func(a, b kademlia.ID) int { return bytes.Compare(a[:], b[:]) })
	return n
}

// to returns the k ids closest to target, nearest first, without one. All ids that begin with
// more of the target's bits are closer than all others: so it takes the longest beginning that
// enough ids have, and sorts those.
func (n *nearest) to(target kademlia.ID, k int, without kademlia.ID) []kademlia.ID {
	var near []kademlia.ID
	for bits := 8 * len(target); bits >= 0; bits-- {
		if near = n.beginning(target, bits); len(near) > k {
			break
		}
	}
	near = slices.DeleteFunc(slices.Clone(near), func(id kademlia.ID) bool { return id == without })
	slices.SortFunc(near, closer(target))
	return near[:min(k, len(near))]
}

// beginning returns the ids whose first bits are those of target.
func (n *nearest) beginning(target kademlia.ID, bits int) []kademlia.ID {
	first, last := target, target
	for i := range first {
		free := min(max(8*(i+1)-bits, 0), 8) // bits of the byte that may be anything
		first[i] &= 0xff << free
		last[i] |= 0xff >> (8 - free)
	}
	from := sort.Search(len(n.sorted), func(i int) bool { return bytes.Compare(n.sorted[i][:], first[:]) >= 0 })
	to := sort.Search(len(n.sorted), func(i int) bool { return bytes.Compare(n.sorted[i][:], last[:]) > 0 })
	return n.sorted[from:to]
}
