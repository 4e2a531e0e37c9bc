package judge

import (
	"testing"

	"dessim/protocol"
	"dessim/protocol/twopc"
)

// Node 0 decided in its present incarnation, nodes 1 and 2 in an earlier one, of which node 2
// synced.
func TestACommitIsKnownInItsIncarnationOrOnceItIsSafe(t *testing.T) {
	p := &Progress{nodes: []broadcaster{{incarnation: 1}, {incarnation: 2}, {incarnation: 2}}}
	c := &placed{id: twopc.ID{Transfer: 1}, known: []knows{{0, 1, 5, false}, {1, 1, 5, false}, {2, 1, 5, true}}}
	for _, x := range []struct {
		node  protocol.NodeID
		since protocol.Time
		want  bool
	}{
		{0, 5, true}, {0, 4, false}, // too short
		{1, 5, false}, // a crash may have lost it
		{2, 5, true},
	} {
		if got := new(placing).knows(p, c, x.node, x.since); got != x.want {
			t.Errorf("node %v since %v: %v, want %v", x.node, x.since, got, x.want)
		}
	}
}
