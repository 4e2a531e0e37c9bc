package raft_test

import (
	"maps"
	"testing"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/simtest/grouptest"
)

// quiet meters a group of size nodes for half a tick from then on.
func quiet(size int, from protocol.Time, kind protocol.Kind, inputs ...sim.Input) *grouptest.Meter {
	m := &grouptest.Meter{From: from, Until: from.Add(tick / 2), Kind: kind}
	return m.Quiet(newGroup(0), size, inputs...)
}

func TestQuietBroadcastHasItsExactCost(t *testing.T) {
	at := protocol.Time(4*tick + tick/3)
	for _, n := range []int{1, 2, 3, 5, 8} {
		for origin := range n {
			m := quiet(n, at, grouptest.HandedOver, sim.Input{At: at, Node: protocol.NodeID(origin), Body: []byte("b")})
			want := map[protocol.Kind]int{}
			first, last := 0, 0 // node 0 leads, since all answers are benign
			if n > 1 {
				want[raft.KindAppend], want[raft.KindAck] = 2*(n-1), 2*(n-1)
				first, last = 2, 3
				if origin != 0 {
					want[raft.KindPropose] = 1
					first, last = 3, 4
				}
			}
			if !maps.Equal(m.Sent, want) || m.Syncs != n || len(m.Delays) != n || m.Delays[0] != first || m.Delays[n-1] != last {
				t.Errorf("node %d of %d: %v sent, want %v; %d syncs, want %d; delivered after %v delays, want %d at first and %d at last",
					origin, n, m.Sent, want, m.Syncs, n, m.Delays, first, last)
			}
		}
	}
}

func TestQuietElectionAndTickHaveTheirExactCost(t *testing.T) {
	// The first election brings all into the view, one entry each, which come at once.
	for n, joined := range map[int]struct{ appends, syncs int }{2: {1, 2}, 3: {5, 5}, 5: {19, 14}, 8: {52, 35}} {
		m := quiet(n, protocol.Time(tick), raft.KindTerm)
		want := map[protocol.Kind]int{
			raft.KindPoll: n - 1, raft.KindPolled: n - 1, raft.KindVote: n - 1, raft.KindVoted: n - 1,
			raft.KindAppend: 2*(n-1) + joined.appends, raft.KindAck: 2*(n-1) + joined.appends, raft.KindPropose: n - 1,
		}
		// Each syncs its vote and the first entry of the term.
		if syncs := 2*n + joined.syncs; !maps.Equal(m.Sent, want) || m.Syncs != syncs || len(m.Delays) != n || m.Delays[n-1] != 7 {
			t.Errorf("%d nodes: %v sent, want %v; %d syncs, want %d; term output after %v delays, want 7 at last", n, m.Sent, want, m.Syncs, syncs, m.Delays)
		}
		m = quiet(n, protocol.Time(3*tick), raft.KindTerm)
		if want := (map[protocol.Kind]int{raft.KindBeat: n - 1, raft.KindEcho: n - 1}); !maps.Equal(m.Sent, want) || m.Syncs != 0 {
			t.Errorf("%d nodes, a tick: %v sent, want %v; %d syncs, want none", n, m.Sent, want, m.Syncs)
		}
	}
}
