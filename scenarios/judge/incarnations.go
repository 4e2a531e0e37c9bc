package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// Incarnations is an observer that follows which nodes are up. It sees each event before
// the checks do.
type Incarnations struct {
	state []incarnation
	lives int // incarnations of all nodes so far
}

// incarnation is the state of a node's latest incarnation.
type incarnation struct {
	down   bool
	number uint32
	damage string // why the node will never start again, or ""
}

// NewIncarnations returns an observer of that many nodes, clients included.
func NewIncarnations(nodes int) *Incarnations {
	return &Incarnations{state: make([]incarnation, nodes)}
}

// Watch returns the events that Observe needs.
func (x *Incarnations) Watch() sim.What { return sim.Started | sim.Crashed | sim.Damaged }

// Reads returns sim.ReadsEvents.
func (x *Incarnations) Reads() sim.Reads { return sim.ReadsEvents }

// Observe records starts and crashes.
func (x *Incarnations) Observe(e *sim.Event) {
	s := &x.state[e.Node]
	x.lives += int(e.Incarnation) - int(s.number)
	s.down, s.number = e.What != sim.Started, e.Incarnation
	if e.What == sim.Damaged {
		s.damage = e.Text
	}
}

// Down reports whether a node has crashed and not started again.
func (x *Incarnations) Down(id protocol.NodeID) bool { return x.state[id].down }

// Restarted reports whether a node is up in an incarnation after its first.
func (x *Incarnations) Restarted(id protocol.NodeID) bool {
	return x.state[id].number > 1 && !x.state[id].down
}

// since reports whether a node has crashed since that incarnation began.
func (x *Incarnations) since(id protocol.NodeID, incarnation uint32) bool {
	return x.state[id].number > incarnation || x.state[id].down
}

// Excused reports whether a node will never start again, and is therefore exempt from a
// liveness check; it adds the node to excuse.
func (x *Incarnations) Excused(id protocol.NodeID, excuse check.Excuse) bool {
	why := x.state[id].damage
	if why != "" {
		excuse(fmt.Sprintf("node %v, which will never start again: %s", id, why))
	}
	return why != ""
}

// Stuck reports whether too few of the first members nodes will ever be up again to form a
// majority, so that nothing more is ordered.
func (x *Incarnations) Stuck(members int) bool {
	up := 0
	for _, s := range x.state[:members] {
		if s.damage == "" {
			up++
		}
	}
	return 2*up <= members
}

const noMajority = "since so many nodes will never start again that the others are no majority"

// Nodes returns the number of nodes.
func (x *Incarnations) Nodes() int { return len(x.state) }

// Lives returns the number of incarnations of all nodes so far.
func (x *Incarnations) Lives() int { return x.lives }

// Lost reports whether one of these nodes will never start again.
func (x *Incarnations) Lost(nodes []protocol.NodeID) bool {
	for _, id := range nodes {
		if x.state[id].damage != "" {
			return true
		}
	}
	return false
}
