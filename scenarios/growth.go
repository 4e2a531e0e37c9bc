package scenarios

import (
	"math"
	"time"

	"dessim/protocol"
	"dessim/scenarios/judge"
	"dessim/sim/check"
)

// over is the check that nothing is kept that is over. Every scenario of a ledger or a store
// has it, for after its calm end.
const over = "nothing is kept that is over"

// awake is the check that whatever waits has a timer. Every scenario of a ledger or a store
// has it, too.
const awake = "whatever waits has a timer"

// What a node may hold once all is over, beside what the workload leaves for good.
const (
	diskSlack    = 1024 // records of what is over that are not worth discarding: see package peer
	placesKept   = 8    // ids that the sequencer has placed and not yet cleared
	pingsAtOnce  = 8    // queries of the hash table beside those of lookups
	lookupsAtEnd = 2    // of the periodic refresh, under way
	// What is sent and not yet acknowledged when the last node has what it needs: a run may end
	// before. Heartbeats acknowledge the frames of an order, here to one member.
	inFlight = 8
	noBound  = math.MaxInt
)

// kept is what a run leaves for good at its nodes.
type kept struct {
	nodes  int // clients included
	lives  int // incarnations of all nodes
	placed int // messages in the order
	views  int
}

func (w *world) kept(placed int, views *judge.Views) kept {
	return kept{nodes: w.Incarnations.Nodes(), lives: w.Incarnations.Lives(), placed: placed, views: views.Installed()}
}

// order returns the most items that an order may hold under a name in the end.
func (k kept) order(name string) int {
	switch name {
	case "order.log":
		return k.placed + k.views + k.nodes + k.lives // in a log of Raft's, nodes enter one by one
	case "order.runs":
		return k.nodes
	case "order.origins":
		return k.lives
	case "order.arrived":
		return placesKept
	case "order.unacknowledged":
		return inFlight * k.nodes
	case "order.not delivered", "order.not applied":
		return inFlight
	}
	return 0
}

// table returns the most items that a node's hash table may hold under a name in the end.
func (w *world) table(name string, k kept) int {
	switch name {
	case "dht.queries":
		return lookupsAtEnd*w.p.Alpha + pingsAtOnce
	case "dht.lookups":
		return lookupsAtEnd
	case "dht.candidates":
		return lookupsAtEnd * 2 * w.p.K
	case "dht.items":
		return 4 * k.nodes // a message that the network damaged may store a value that nobody has
	}
	return 0
}

// machine returns what a node that only joins is. It, and the others below, are asked of nodes
// that are up.
func (w *world) machine(id protocol.NodeID) protocol.Node { return w.Nodes[id] }

// bounded requires that nodes that only join hold no more than must be kept.
func (w *world) bounded(bound protocol.Time) *check.Check {
	return check.Bounded(over, bound, check.Held{Nodes: w.p.Nodes, Node: w.machine, Most: func(_ protocol.NodeID, name string) int {
		k := kept{nodes: w.p.Nodes, lives: w.Incarnations.Lives()}
		switch name {
		case "peer.neighbours", "peer.keys", "link.nodes":
			return k.nodes
		case "link.unacknowledged":
			return inFlight
		case check.OnDisk:
			return diskSlack + 4*(k.nodes+k.lives)
		}
		return max(k.order(name), w.table(name, k))
	}})
}

// bounded requires that the nodes and the client hold no more than must be kept.
func (m *market) bounded() *check.Check {
	return check.Bounded(over, m.bound, check.Held{Nodes: m.p.Nodes + 1, Node: m.machine, Most: m.keeps})
}

// machine returns what a node is, or nil if it lies.
func (m *market) machine(id protocol.NodeID) protocol.Node {
	switch {
	case m.lies(id):
		return nil
	case id == m.client:
		return m.asker
	}
	return m.Nodes[id]
}

// keeps returns the most items that a node may hold under a name in the end. What is not
// listed is over by then.
func (m *market) keeps(id protocol.NodeID, name string) int {
	begun, k := m.commits.Begun(), m.kept(m.ledgers.Placed(), m.faulty.views)
	switch name {
	case "client.open", "peer.open", "peer.queued", "peer.asked", "peer.begun", "twopc.open", "twopc.timers":
		return m.ledgers.TooOld() // it is refused again and again
	case "peer.promised", "twopc.reserved":
		return coins * m.ledgers.TooOld()
	case "peer.neighbours", "peer.keys", "link.nodes":
		return k.nodes
	case "peer.done", "client.transfers":
		return int(m.ledgers.Asked()) + m.commits.BegunBy(m.Liars)
	case "peer.unplaced":
		return m.commits.BegunBy(m.Liars) // a liar's has other signatures in the order than here
	case "peer.commits", "twopc.ended", "twopc.settled":
		return begun
	case "peer.bodies":
		if m.undisturbed() && len(m.Liars) == 0 && m.delay < time.Minute {
			return 0 // the flood has all, unless it loses some, or keys expire on their way
		}
		return k.placed + begun + m.unplaced() // for nodes that lack them; a liar's has other signatures there and here
	case "peer.parsed":
		return m.unplaced()
	case "gossip.kept", "gossip.refused", "gossip.ids":
		return k.placed + len(m.plan.Inputs) // each input may be a body, and not be ordered
	case "link.unacknowledged":
		return inFlight
	case "link.early":
		return m.early(id)
	case check.OnDisk:
		if m.p.Order == orderRaft {
			return noBound // its log is never discarded
		}
		if _, group := m.group(); group == nil && !m.p.Failing() {
			return diskSlack + 2*begun // two-phase commit's alone: see twopc.Discard
		}
		return diskSlack + 4*(begun+k.placed+k.nodes+k.lives+k.views)
	}
	return max(k.order(name), m.table(name, k))
}

// early returns the most messages that a node's links may hold because they came before their
// turn.
func (m *market) early(id protocol.NodeID) int {
	if id == m.client {
		return inFlight
	}
	most, ok := m.links.Early(id)
	if !ok {
		return noBound
	}
	return most
}

// bounded requires that replicas and clients hold no more than must be kept.
func (x *store) bounded() *check.Check {
	return check.Bounded(over, x.bound, check.Held{Nodes: x.p.Nodes + kvClients, Node: x.machine, Most: x.keeps})
}

func (x *store) machine(id protocol.NodeID) protocol.Node {
	if uint64(id) >= uint64(x.p.Nodes) {
		return x.clients[int(id)-x.p.Nodes]
	}
	return x.replicas[id]
}

func (x *store) keeps(id protocol.NodeID, name string) int {
	placed := uint64(0)
	if uint64(id) < uint64(x.p.Nodes) {
		placed, _ = x.replicas[id].State()
	}
	k := x.kept(int(placed), x.views)
	switch name {
	case "kv.table", "client.seen":
		return int(x.keys())
	case "kv.sessions", "kv.asked":
		return kvClients
	case check.OnDisk:
		return noBound // nothing is compacted: see package kv
	}
	return k.order(name)
}
