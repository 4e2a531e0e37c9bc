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

// Node 1 knew no leader at 1 s, and node 2 at 2 s.
func TestACommitIsDueWhereALeaderIsKnown(t *testing.T) {
	raft := &placing{unled: []protocol.Time{0, at(1000), at(2000)}}
	for _, x := range []struct {
		placing *placing
		nodes   uint64
		since   protocol.Time
		want    bool
	}{
		{raft, 0b011, at(1000), true},
		{raft, 0b011, at(999), false},
		{raft, 0b111, at(1000), false}, // node 2 counts, too
		{new(placing), 0b111, 0, true}, // no order with leaders
	} {
		if got := x.placing.led(x.nodes, x.since); got != x.want {
			t.Errorf("nodes %v since %v: %v, want %v", places(x.nodes), x.since, got, x.want)
		}
	}
}
