package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// failover: the leader of the order, or a sender, crashes part-way through a broadcast. Where
// faults of the kind gone are drawn, every second one is cut off instead: it goes on, and comes
// back with what nobody else has.
func failover() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "failover",
		Shows:    "the leader, or a sender, crashes or is cut off part-way through a broadcast, and may return",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("restart" + stale),
		Moot:     withoutFailures,
		Own:      transfers(10, 5),
	}, buildFailover)
}

// Questions about a crash, named by its number.
var (
	kindVictim  = protocol.KindOf("fail.victim")
	kindWhat    = protocol.KindOf("fail.what")
	kindCount   = protocol.KindOf("fail.count")
	kindFailFor = protocol.KindOf("fail.down")
	kindCutOff  = protocol.KindOf("fail.cutoff")
)

// failovers is the number of crashes. Each waits for its message from the beginning of its
// share of the fault window.
const failovers = 6

// deadly is a kind of message during whose sending a node may crash: after one of the
// first most.
type deadly struct {
	kind protocol.Kind
	most uint64
}

// Messages that each transaction needs are frequent. Those sent when a leader is gone are
// few, and there are none while no leader is gone.
const often, seldom = 12, 2

// deadlyKinds are the messages of an order and its views.
func deadlyKinds(order string) []deadly {
	views := []deadly{
		{abcast.KindData, often}, {abcast.KindStable, often},
		{abcast.KindViewPrepare, seldom}, {abcast.KindViewPromise, seldom}, {abcast.KindNewView, seldom},
	}
	switch order {
	case orderRaft:
		return []deadly{
			{raft.KindAppend, often}, {raft.KindAck, often}, {raft.KindBeat, often}, {raft.KindPropose, seldom},
			{raft.KindPoll, seldom}, {raft.KindVote, seldom}, {raft.KindVoted, seldom},
		}
	case abcast.ISIS.String():
		return append(views, deadly{abcast.KindPropose, often}, deadly{abcast.KindFinal, often})
	case abcast.Lamport.String():
		return append(views, deadly{abcast.KindAck, often})
	}
	return append(views, deadly{abcast.KindOrder, often})
}

func buildFailover(p params) *scenario.Run {
	m := newFaultyMarket(p, windowDelays)
	kinds := deadlyKinds(p.Order)
	for i := range uint64(failovers) {
		f := fault.Fault{ID: failoverID + i, Op: fault.Crash, At: m.after(m.begin, int(i)*windowDelays/failovers), Disk: fault.KeepTorn}
		if m.choose(kindVictim, i, 2) == 1 { // else the lowest node, which leads views and is the sequencer
			f.Node = protocol.NodeID(m.choose(kindVictim, failovers+i, uint64(p.Nodes)))
		}
		what := kinds[m.choose(kindWhat, i, uint64(len(kinds)))]
		f.On = fault.Anchor{Op: protocol.OpSend, Kind: what.kind, N: 1 + m.choose(kindCount, i, what.most)}
		if m.choose(kindFailFor, i, 4) > 0 { // else it stays down until the run heals
			f.For = time.Duration(1+m.choose(kindFailFor, failovers+i, 200)) * m.delay
		}
		if p.Draws(swarm.Gone) && m.choose(kindCutOff, i, 2) == 1 {
			f = cutOff(f, p.Nodes)
		}
		m.inject(f)
	}
	follows := m.faulty.views.Deposed()
	if p.Order == orderRaft {
		follows = m.faulty.views.Elected()
	}
	return m.judged(m.crashed(), follows)
}

// cutOff returns the fault that parts a node from all others where crash would crash it.
func cutOff(crash fault.Fault, nodes int) fault.Fault {
	f := fault.Fault{ID: crash.ID, Op: fault.Partition, At: crash.At, On: crash.On, For: crash.For}
	f.On.Of, f.On.Other = crash.Node, true
	others := make([]protocol.NodeID, 0, nodes)
	for id := range protocol.NodeID(nodes) {
		if id != crash.Node {
			others = append(others, id)
		}
	}
	f.Groups = [][]protocol.NodeID{{crash.Node}, others}
	return f
}
