package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
	"dessim/sim/scenario"
)

// repairs returns the second chances of the ledger's machines.
func repairs(p *scenario.Params) []scenario.Repair {
	of := func(kinds ...protocol.Kind) []protocol.Kind { return kinds }
	all := []scenario.Repair{
		{Name: "anti-entropy of bodies", First: gossip.KindData, Second: of(gossip.KindBody)},
		{Name: "fetching a body at its place", First: gossip.KindData, Second: of(peer.KindBody)},
		{Name: "asking for a decision", First: twopc.KindDecision, Second: of(twopc.KindAnswer)},
		{Name: "sending a decision again", First: twopc.KindAck, Second: of(twopc.KindAck)},
	}
	if order, _ := p.Text("order"); order == orderRaft {
		return append(all, scenario.Repair{Name: "snapshots", First: raft.KindAppend, Second: of(raft.KindSnap)},
			scenario.Repair{Name: "proposing again", First: raft.KindPropose, Second: of(raft.KindPropose)})
	}
	return append(all, []scenario.Repair{
		{Name: "sending a new view again", First: abcast.KindNewView, Second: of(abcast.KindNewView)},
		{Name: "preparing a view again", First: abcast.KindViewPromise, Second: of(abcast.KindViewPromise)},
		{Name: "reporting a log again", First: abcast.KindStable, Second: of(abcast.KindStable)},
	}...)
}
