package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
)

// failover: whoever leads the order, or speaks in it, dies in the middle.
func failover() *Scenario {
	return &Scenario{
		Name:     "failover",
		Shows:    "the sender of a broadcast, the sequencer or the leader crashes after each of its messages, and comes back or does not",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: stormDefaults(10, "restart"),
		moot:     nothingFails,
		build:    buildFailover,
	}
}

// Questions of failover, named by the crash.
var (
	kindVictim  = protocol.KindOf("fail.victim")
	kindWhat    = protocol.KindOf("fail.what")
	kindCount   = protocol.KindOf("fail.count")
	kindFailFor = protocol.KindOf("fail.down")
)

const (
	failovers  = 6
	failoverID = 800 // of the first: see rivalID
	lateInIt   = 12  // messages of a kind, among which the one is drawn after which the node crashes
)

// deadlyKinds are what members say to each other about order and views.
func deadlyKinds(order string) []protocol.Kind {
	if order == orderRaft {
		return []protocol.Kind{raft.KindPropose, raft.KindAppend, raft.KindAck, raft.KindBeat, raft.KindVote, raft.KindVoted, raft.KindSnap}
	}
	kinds := []protocol.Kind{abcast.KindData, abcast.KindStable, abcast.KindViewPrepare, abcast.KindViewPromise, abcast.KindNewView}
	switch order {
	case abcast.ISIS.String():
		return append(kinds, abcast.KindPropose, abcast.KindFinal)
	case abcast.Lamport.String():
		return append(kinds, abcast.KindAck)
	}
	return append(kinds, abcast.KindOrder)
}

func buildFailover(seed uint64, p Params, src protocol.Source) *Run {
	m := newStorm(seed, p, src, stormDelays)
	kinds := deadlyKinds(p.Order)
	for i := range uint64(failovers) {
		f := sim.Fault{ID: failoverID + i, Op: sim.Crash, At: m.begin, Disk: sim.KeepTorn}
		if m.choose(kindVictim, i, 2) == 1 { // else the lowest node, which leads views and is the sequencer
			f.Node = protocol.NodeID(m.choose(kindVictim, failovers+i, uint64(p.Nodes)))
		}
		f.On = sim.Anchor{Op: protocol.OpSend, Kind: kinds[m.choose(kindWhat, i, uint64(len(kinds)))], N: 1 + m.choose(kindCount, i, lateInIt)}
		if m.choose(kindFailFor, i, 4) > 0 { // else it stays down until the calm
			f.For = time.Duration(1+m.choose(kindFailFor, failovers+i, 200)) * m.delay
		}
		m.plan.Faults = append(m.plan.Faults, f)
	}
	return m.judged(m.crashed(), m.stormy.views.deposed())
}
