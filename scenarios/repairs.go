package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// ledgerRepairs returns the second chances of the ledger's machines.
func ledgerRepairs(p *scenario.Params) []scenario.Repair {
	return append(orderRepairs(p),
		repair("anti-entropy of bodies", gossip.KindData, gossip.KindBody),
		repair("fetching a body at its place", gossip.KindData, peer.KindBody),
		repair("asking for a decision", twopc.KindDecision, twopc.KindAnswer),
		repair("sending a decision again", twopc.KindAck, twopc.KindAck))
}

// orderRepairs returns the second chances of the order: of most, to send the same again.
func orderRepairs(p *scenario.Params) []scenario.Repair {
	if order, _ := p.Text("order"); order == orderRaft {
		return []scenario.Repair{
			repair("snapshots", raft.KindAppend, raft.KindSnap),
			repair("proposing again", raft.KindPropose, raft.KindPropose),
		}
	}
	return []scenario.Repair{
		repair("sending a new view again", abcast.KindNewView, abcast.KindNewView),
		repair("preparing a view again", abcast.KindViewPromise, abcast.KindViewPromise),
		repair("reporting a log again", abcast.KindStable, abcast.KindStable),
	}
}

// churnRepairs returns the second chances of values in the DHT: to publish them again, and to
// hand them over to nodes that are closer.
func churnRepairs(*scenario.Params) []scenario.Repair {
	return []scenario.Repair{repair("putting a value again", kademlia.KindPut, kademlia.KindPut)}
}

func repair(name string, first, second protocol.Kind) scenario.Repair {
	return scenario.Repair{Name: name, First: first, Second: []protocol.Kind{second}}
}

// discards is the check that nodes discard records in some run of a sweep, where they do so
// though their disks are short: see swarm.Repair. A disk that only grows is not seen in short
// runs.
func discards() *check.Check {
	return check.Sometimes("a node discards records that are over", check.InSweep, sim.Discarded, func(*sim.Event) bool { return true })
}
