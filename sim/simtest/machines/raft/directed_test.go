package raft_test

import (
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/grouptest"
)

// directed runs nodes under the faults for a number of ticks, and returns each, what
// it delivered, and its last term.
func directed(size, ticks int, snapshot uint64, faults []fault.Fault, inputs ...sim.Input) (groups []grouptest.Group, delivered [][]string, terms []uint64) {
	groups, delivered, terms = make([]grouptest.Group, size), make([][]string, size), make([]uint64, size)
	grouptest.RunQuiet(sim.Plan{
		Nodes: size,
		Node: func(id protocol.NodeID) protocol.Node {
			h := newGroup(snapshot).NewHost(size)
			groups[id] = h.Group
			return h
		},
		Faults: faults,
		Inputs: inputs,
		Until:  at(ticks),
	}, collector(func(e *sim.Event) {
		switch e.Kind {
		case grouptest.HandedOver:
			delivered[e.Node] = append(delivered[e.Node], grouptest.Payload(e.Body))
		case raft.KindTerm:
			terms[e.Node], _, _ = raft.DecodeTerm(e.Body)
		}
	}))
	return groups, delivered, terms
}

type collector func(e *sim.Event)

func (collector) Watch() sim.What        { return sim.Output }
func (c collector) Observe(e *sim.Event) { c(e) }

func at(ticks int) protocol.Time { return protocol.Time(ticks) * protocol.Time(tick) }

// Node 0 leads. From tick 5 on it is heard but hears no other: its heartbeats keep
// the others from campaigning.
func TestDeafLeaderResigns(t *testing.T) {
	deaf := fault.Fault{ID: 1, Op: fault.Cut, Groups: [][]protocol.NodeID{{1, 2}, {0}}, At: at(5)}
	groups, delivered, terms := directed(3, 30, 0, []fault.Fault{deaf}, sim.Input{ID: 1, At: at(6), Node: 1, Body: []byte("apples")})
	if _, normal := groups[1].View(); !normal || terms[1] < 2 || !slices.Equal(delivered[1], []string{"apples"}) {
		t.Errorf("node 1: in term %d: %v, delivered %q; want a later leader than the deaf one, and apples", terms[1], normal, delivered[1])
	}
}

func TestMinorityKnowsThatItHasNoLeader(t *testing.T) {
	apart := fault.Fault{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2, 3, 4}}, At: at(5)}
	groups, delivered, terms := directed(5, 30, 0, []fault.Fault{apart},
		sim.Input{ID: 1, At: at(6), Node: 0, Body: []byte("apples")}, sim.Input{ID: 2, At: at(6), Node: 4, Body: []byte("pears")})
	for id, g := range groups {
		var want []string
		if id > 1 {
			want = []string{"pears"}
		}
		if _, normal := g.View(); normal != (id > 1) || !slices.Equal(delivered[id], want) {
			t.Errorf("node %d: in term %d: %v, delivered %q, want %q", id, terms[id], normal, delivered[id], want)
		}
	}
	if n := groups[0].Pending(); n != 1 {
		t.Errorf("node 0 has %d pending, want its apples", n)
	}
}

// Without pre-votes a node that was cut off would depose the leader once it is
// reconnected, since it campaigned all the time.
func TestReconnectedNodeDeposesNoLeader(t *testing.T) {
	apart := fault.Fault{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2}}, At: at(5), For: 20 * tick}
	groups, _, terms := directed(3, 40, 0, []fault.Fault{apart})
	for id, g := range groups {
		if v, normal := g.View(); !normal || terms[id] != 1 || v.Number != 5 {
			t.Errorf("node %d: in term %d and view %d: %v, want term 1 still, and view 5: three entered, one left and returned", id, terms[id], v.Number, normal)
		}
	}
	if groups[2].Stats().Ballots == 0 {
		t.Errorf("node 2 did not campaign while it was cut off")
	}
}

// The log is compacted far beyond what node 2 missed, and the first snapshot sent to
// it is lost.
func TestLaggardIsBroughtUpByASnapshotThoughOneIsLost(t *testing.T) {
	faults := []fault.Fault{
		{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2}}, At: at(5), For: 10 * tick},
		{ID: 2, Op: fault.Cut, Groups: [][]protocol.NodeID{{0}, {2}}, At: at(15) + 1000, For: tick},
	}
	var inputs []sim.Input
	for i := range 40 {
		inputs = append(inputs, sim.Input{ID: uint64(i), At: at(6) + protocol.Time(i)*protocol.Time(grouptest.OneDelay), Node: 1, Body: []byte{byte('a' + i%26)}})
	}
	groups, delivered, _ := directed(3, 40, 4, faults, inputs...)
	if s := groups[2].Stats(); s.Learned == 0 || !slices.Equal(delivered[2], delivered[1]) || len(delivered[1]) != 40 {
		t.Errorf("node 2 learned %d by snapshot and delivered %q, want %q", s.Learned, delivered[2], delivered[1])
	}
}

// A node that lags by fewer entries than are kept behind a snapshot receives those.
func TestNodeThatLagsByALittleIsSentEntries(t *testing.T) {
	faults := []fault.Fault{{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2}}, At: at(8), For: 3 * tick}}
	var inputs []sim.Input
	for i := range 10 {
		inputs = append(inputs, sim.Input{ID: uint64(i), At: at(6 + i/7*3), Node: 1, Body: []byte{byte('a' + i)}})
	}
	// The last three make the log long enough for a snapshot, and node 2 misses them.
	groups, delivered, _ := directed(3, 40, 5, faults, inputs...)
	if s := groups[2].Stats(); s.Learned != 0 || !slices.Equal(delivered[2], delivered[1]) || len(delivered[2]) != 10 {
		t.Errorf("node 2 learned %d by snapshot and delivered %q, want none and %q", s.Learned, delivered[2], delivered[1])
	}
}

func TestNoNodeIsSuspectedWithoutFaults(t *testing.T) {
	groups, _, _ := directed(5, 50, 0, nil)
	for id, g := range groups {
		if s := g.Stats(); s.Excluded != 0 || s.Ballots != uint64(max(1-id, 0)) {
			t.Errorf("node %d forgot its leader %d times and campaigned %d times; want one campaign, of node 0", id, s.Excluded, s.Ballots)
		}
	}
}

// Node 2 is removed from the view while it is cut off. It returns as the same member,
// and what it broadcast meanwhile is delivered then.
func TestRemovedMemberReturns(t *testing.T) {
	apart := fault.Fault{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0, 1}, {2}}, At: at(5), For: 20 * tick}
	groups, delivered, _ := directed(3, 40, 0, []fault.Fault{apart}, sim.Input{ID: 1, At: at(20), Node: 2, Body: []byte("apples")})
	for id, g := range groups {
		if v, normal := g.View(); !normal || len(v.Members) != 3 || v.Members[2].Incarnation != 1 || !slices.Equal(delivered[id], []string{"apples"}) {
			t.Errorf("node %d: in view %v: %v, delivered %q; want all in it, and apples", id, v, normal, delivered[id])
		}
	}
	if groups[0].Stats().Excluded == 0 {
		t.Errorf("node 0 removed no member")
	}
}
