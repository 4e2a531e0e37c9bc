package raft_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/sim"
)

// A meter counts what a quiet group does from a time on. All links take the same
// time, so it is known after how many delays something happens.
type meter struct {
	from   protocol.Time
	sent   map[protocol.Kind]int
	syncs  int
	delays []int // of each output of kind
	kind   protocol.Kind
}

const oneDelay = time.Millisecond

func (m *meter) Watch() sim.What { return sim.Sent | sim.Synced | sim.Output }

func (m *meter) Observe(e *sim.Event) {
	switch {
	case e.At < m.from:
	case e.What == sim.Sent:
		m.sent[e.Kind]++
	case e.What == sim.Synced:
		m.syncs++
	case e.What == sim.Output && e.Kind == m.kind:
		m.delays = append(m.delays, int(e.At.Sub(m.from)/oneDelay))
	}
}

// quiet runs size nodes for half a tick from then on, and meters that.
func quiet(t *testing.T, size int, from protocol.Time, kind protocol.Kind, inputs ...sim.Input) *meter {
	w := &world{calm: protocol.MaxTime}
	for i := range size {
		w.hosts = append(w.hosts, &mortal{id: protocol.NodeID(i)})
	}
	m := &meter{from: from, sent: map[protocol.Kind]int{}, kind: kind}
	s, err := sim.New(sim.Plan{
		Nodes:  size,
		Node:   func(protocol.NodeID) protocol.Node { return newSimHost(w, nil) },
		Link:   sim.Link{Delay: oneDelay},
		Inputs: inputs,
		Until:  from.Add(tick / 2),
		Done:   func() bool { return false },
		Poison: true,
	}, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	slices.Sort(m.delays)
	return m
}

func TestQuietBroadcastHasItsExactCost(t *testing.T) {
	at := protocol.Time(4*tick + tick/3)
	for _, n := range []int{1, 2, 3, 5, 8} {
		for origin := range n {
			m := quiet(t, n, at, kindHandedOver, sim.Input{At: at, Node: protocol.NodeID(origin), Body: []byte("b")})
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
			if !maps.Equal(m.sent, want) || m.syncs != n || len(m.delays) != n || m.delays[0] != first || m.delays[n-1] != last {
				t.Errorf("node %d of %d: %v sent, want %v; %d syncs, want %d; delivered after %v delays, want %d at first and %d at last",
					origin, n, m.sent, want, m.syncs, n, m.delays, first, last)
			}
		}
	}
}

func TestQuietElectionAndTickHaveTheirExactCost(t *testing.T) {
	for _, n := range []int{2, 3, 5, 8} {
		m := quiet(t, n, protocol.Time(tick), raft.KindTerm)
		want := map[protocol.Kind]int{
			raft.KindPoll: n - 1, raft.KindPolled: n - 1, raft.KindVote: n - 1, raft.KindVoted: n - 1,
			raft.KindAppend: 2 * (n - 1), raft.KindAck: 2 * (n - 1),
		}
		// Each syncs its vote and the first entry of the term.
		if !maps.Equal(m.sent, want) || m.syncs != 2*n || len(m.delays) != n || m.delays[n-1] != 7 {
			t.Errorf("%d nodes: %v sent, want %v; %d syncs, want %d; term told after %v delays, want 7 at last", n, m.sent, want, m.syncs, 2*n, m.delays)
		}
		m = quiet(t, n, protocol.Time(3*tick), raft.KindTerm)
		if want := (map[protocol.Kind]int{raft.KindBeat: n - 1, raft.KindEcho: n - 1}); !maps.Equal(m.sent, want) || m.syncs != 0 {
			t.Errorf("%d nodes, a tick: %v sent, want %v; %d syncs, want none", n, m.sent, want, m.syncs)
		}
	}
}
