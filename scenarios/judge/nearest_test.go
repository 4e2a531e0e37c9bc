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
			without := ids[(i*7)%nodes]
			want := slices.DeleteFunc(slices.Clone(ids), func(id kademlia.ID) bool { return id == without })
			slices.SortFunc(want, closer(target))
			want = want[:min(8, len(want))]
			if got := n.to(target, 8, without); !slices.Equal(got, want) {
				t.Fatalf("of %d nodes, those closest to %v are %v, want %v", nodes, target, short(got), short(want))
			}
		}
	}
}
