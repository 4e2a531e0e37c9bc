package raft_test

import (
	"runtime/debug"
	"testing"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/sim/simtest/grouptest"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a quarter
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// A host can use a raft.Group in place of abcast's.
var _ grouptest.Group = (*raft.Group)(nil)

const tick = grouptest.Tick

var flags = grouptest.NewFlags("sim/simtest/machines/raft", "raft")

// newGroup returns a world's groups, which keep a number of entries behind a snapshot.
func newGroup(snapshot uint64) *grouptest.Protocol {
	return &grouptest.Protocol{
		Salt: 5,
		New: func(members []protocol.NodeID, deliver grouptest.Deliver) grouptest.Group {
			return raft.New(raft.Config{Members: members, Datagram: (*protocol.Env).Send, Tick: tick, Snapshot: snapshot, Deliver: deliver})
		},
		Vary: func(w *grouptest.World) {
			snapshot = []uint64{0, 1, 2, 5}[w.Draw(4)]
			if w.Chance(25) { // all are equally patient
				w.Benign = []protocol.Kind{protocol.KindOf("raft.elect")}
			}
		},
		Steps:      []protocol.Kind{raft.KindPropose, raft.KindAppend, raft.KindAck, raft.KindPolled, raft.KindVote, raft.KindVoted, raft.KindSnap, raft.KindEcho},
		Report:     raft.KindAck,
		Promise:    raft.KindVoted,
		Led:        true,
		Mark:       raft.KindTerm,
		DecodeMark: raft.DecodeTerm,
	}
}

func TestAConnectedMajorityGoesOnThroughLongCuts(t *testing.T) {
	sum := flags.Sweep(t, 100, func(size int, seed uint64) *grouptest.World {
		return grouptest.NewCutWorld(newGroup(0), size, seed)
	})
	sum.Report(t, 100, grouptest.Must("demands", sum.Demanded), grouptest.May("campaigns", sum.Stats.Ballots))
}

func TestOneOrderThroughFaults(t *testing.T) {
	sum := flags.Sweep(t, 500, func(size int, seed uint64) *grouptest.World {
		return grouptest.NewWorld(newGroup(0), size, seed)
	})
	s, must, may := sum.Stats, grouptest.Must, grouptest.May
	sum.Report(t, 300,
		must("torn records", sum.Torn), must("torn records restored", s.Torn),
		may("campaigns", s.Ballots), must("leaders forgotten", s.Excluded),
		must("messages by snapshot", s.Learned), must("entries cut", s.Cut), must("entries passed over or astray", s.Stray),
		must("messages held for their turn", s.Early), must("proposals repeated", s.Repeated))
	if s.Gaps != 0 || s.Clamped != 0 {
		t.Errorf("%d gaps and %d commit indices beyond the log, on disks that keep what was synced", s.Gaps, s.Clamped)
	}
}
