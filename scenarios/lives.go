package scenarios

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// lives follows who is up. It is an observer, to be shown an event before checks are.
type lives struct{ state []life }

type life struct {
	down   bool
	lives  uint32 // so far
	damage string // why the node will never come back, or ""
}

// Watch gives what changes it.
func (l *lives) Watch() sim.What { return sim.Started | sim.Crashed | sim.Damaged }

// Observe enters what happened to a node.
func (l *lives) Observe(e *sim.Event) {
	s := &l.state[e.Node]
	s.down, s.lives = e.What != sim.Started, e.Incarnation
	if e.What == sim.Damaged {
		s.damage = e.Text
	}
}

// down reports whether a node has crashed and not come back.
func (l *lives) down(id protocol.NodeID) bool { return l.state[id].down }

// excused reports whether nothing can be demanded of a node any more, and says so.
func (l *lives) excused(id protocol.NodeID, excuse check.Excuse) bool {
	why := l.state[id].damage
	if why != "" {
		excuse(fmt.Sprintf("node %v, which will never start again: %s", id, why))
	}
	return why != ""
}

// stuck reports whether so many members will never come back that the others are no
// majority: nothing is ordered any more.
func (l *lives) stuck(members int) bool {
	up := 0
	for _, s := range l.state[:members] {
		if s.damage == "" {
			up++
		}
	}
	return 2*up <= members
}

const noMajority = "since so many nodes will never start again that the others are no majority"

// lost reports whether one of these nodes will never come back.
func (l *lives) lost(nodes []protocol.NodeID) bool {
	for _, id := range nodes {
		if l.state[id].damage != "" {
			return true
		}
	}
	return false
}
