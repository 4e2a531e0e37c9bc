package scenarios

import (
	"dessim/protocol"
	"dessim/sim/check"
)

// What a node may hold once all is over, beside what the workload leaves for good.
const (
	diskSlack    = 1024 // records of what is over that are not worth discarding: see package peer
	placesKept   = 8    // ids that the sequencer has placed and not yet cleared
	pingsAtOnce  = 8    // queries of the hash table beside those of lookups
	lookupsAtEnd = 2    // of the periodic refresh, under way
	// What is sent and not yet acknowledged when the last node has what it needs: a run may end
	// before. Heartbeats acknowledge the frames of an order, here to one member.
	inFlight = 8
)

// bounded requires that the nodes and the client hold no more than must be kept.
func (m *market) bounded() *check.Check {
	return check.Bounded("nothing is kept that is over", m.bound, check.Held{Nodes: m.p.Nodes + 1, Node: m.machine, Most: m.keeps})
}

// machine returns what a node is, or nil if it is down or lies.
func (m *market) machine(id protocol.NodeID) protocol.Node {
	switch {
	case m.Incarnations.Down(id) || m.lies(id):
		return nil
	case id == m.client:
		return m.asker
	case m.Nodes[id] == nil:
		return nil
	}
	return m.Nodes[id]
}

// keeps returns the most items that a node may hold under a name in the end. What is not
// listed is over by then.
func (m *market) keeps(_ protocol.NodeID, name string) int {
	begun, placed, lives := m.commits.Begun(), m.ledgers.Placed(), m.Incarnations.Lives()
	nodes := len(m.Members) + 1 // with the client
	switch name {
	case "peer.neighbours", "peer.keys", "link.nodes", "order.runs":
		return nodes
	case "peer.done", "client.transfers":
		return int(m.ledgers.Asked()) + m.commits.BegunBy(m.Liars)
	case "peer.unplaced":
		return m.commits.BegunBy(m.Liars) // a liar's has other signatures in the order than here
	case "peer.commits", "twopc.ended", "twopc.settled":
		return begun
	case "peer.bodies":
		return placed + begun // for nodes that lack them; a liar's has other signatures there and here
	case "gossip.kept", "gossip.refused", "gossip.ids":
		return placed + len(m.plan.Inputs) // each input may be a body, and not be ordered
	case "order.log":
		return placed + m.faulty.views.Installed() + nodes + lives // in a log of Raft's, nodes enter one by one
	case "order.origins":
		return lives
	case "order.arrived":
		return placesKept
	case "order.unacknowledged":
		return inFlight * nodes
	case "order.not delivered", "order.not applied", "link.unacknowledged":
		return inFlight
	case "dht.queries":
		return lookupsAtEnd*m.p.Alpha + pingsAtOnce
	case "dht.lookups":
		return lookupsAtEnd
	case "dht.candidates":
		return lookupsAtEnd * 2 * m.p.K
	case "dht.items":
		return 4 * nodes // a message that the network damaged may store a value that nobody has
	case check.OnDisk:
		if m.p.Order == orderRaft {
			return 1 << 62 // its log is never discarded
		}
		return diskSlack + 4*(begun+placed+nodes+lives+m.faulty.views.Installed())
	}
	return 0
}
