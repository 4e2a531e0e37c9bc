package judge

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"testing"

	"dessim/protocol/kademlia"
)

func TestNearestFindsWhatSortingAllFinds(t *testing.T) {
	for _, nodes := range []int{1, 2, 7, 8, 9, 300} {
		var ids []kademlia.ID
		for i := range nodes {
			ids = append(ids, sha1.Sum(fmt.Append(nil, i)))
			if i%3 == 0 {
				ids[i][0], ids[i][1] = 0xa5, 0xa5 // so that some are much closer to each other
			}
		}
		n := newNearest(ids)
		for i := range 2 * nodes {
			target := kademlia.ID(sha1.Sum(fmt.Append(nil, nodes-i)))
			if i < nodes {
				target = ids[i]
			}
			counts := func(node int) bool { return node%7 != i%7 }
			var want []int
			for j := range ids {
				if counts(j) {
					want = append(want, j)
				}
			}
			order := closer(target)
			slices.SortFunc(want, func(a, b int) int { return order(ids[a], ids[b]) })
			want = want[:min(8, len(want))]
			if got := n.to(target, 8, counts); !slices.Equal(got, want) {
				t.Fatalf("of %d nodes, those closest to %v are %v, want %v", nodes, target, got, want)
			}
		}
	}
}
