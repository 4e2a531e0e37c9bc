package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
)

// Forewarn says in one line what is to be known before the run: that its faults are
// there for good, or "". Then nothing is demanded that must come in the end: the run is
// judged on safety alone.
func (s *Scenario) Forewarn(p *Params) string {
	if why := s.doomed(p); why != "" {
		return why + ": the run is judged on safety alone"
	}
	return ""
}

// doomed says what the faults that are told leave of the nodes for good, if they are not
// whole, or "". It takes a "heal at never": else the plan heals when the storm is over.
func (s *Scenario) doomed(p *Params) string {
	_, told, err := p.parseFaults()
	healed := !slices.ContainsFunc(told, func(f sim.Fault) bool { return f.Op == sim.Heal && f.At == sim.Never })
	if err != nil || healed || !s.uses("order") {
		return ""
	}
	left := slices.DeleteFunc(told, func(f sim.Fault) bool { return f.For != 0 || f.Every != 0 })
	switch n := together(left, p.Nodes); {
	case n == p.Nodes:
		return ""
	case 2*n > p.Nodes:
		return fmt.Sprintf("nothing heals, and the faults leave %d of %d nodes up and connected", n, p.Nodes)
	default:
		return fmt.Sprintf("nothing heals, and the faults leave no majority, %d of %d nodes up and connected", n, p.Nodes)
	}
}

// together gives the size of a set of nodes that are up and all hear each other while
// all these faults are there: the greatest of those that begin with some node and take
// in who fits, in order. For networks that fall into parts that is the greatest.
func together(faults []sim.Fault, nodes int) int {
	most := 0
	for first := range nodes {
		var set []protocol.NodeID
		for i := range nodes {
			id := protocol.NodeID((first + i) % nodes)
			if hear(faults, id, id) && !slices.ContainsFunc(set, func(o protocol.NodeID) bool { return !hear(faults, id, o) }) {
				set = append(set, id)
			}
		}
		most = max(most, len(set))
		if most == nodes {
			break
		}
	}
	return most
}

func isDown(faults []sim.Fault, id protocol.NodeID) bool {
	return slices.ContainsFunc(faults, func(f sim.Fault) bool { return f.Op == sim.Crash && f.Node == id })
}

// hear tells whether two nodes are up and hear each other.
func hear(faults []sim.Fault, a, b protocol.NodeID) bool {
	return !isDown(faults, a) && !isDown(faults, b) && !slices.ContainsFunc(faults, func(f sim.Fault) bool {
		switch f.Op {
		case sim.Partition:
			i, j := campOf(f.Groups, a), campOf(f.Groups, b)
			return i >= 0 && j >= 0 && i != j
		case sim.Cut:
			return in(f.Groups[0], a) && in(f.Groups[1], b) || in(f.Groups[0], b) && in(f.Groups[1], a)
		}
		return false
	})
}

func campOf(groups [][]protocol.NodeID, id protocol.NodeID) int {
	return slices.IndexFunc(groups, func(g []protocol.NodeID) bool { return in(g, id) })
}

// in tells whether a group has the node; nil is all.
func in(group []protocol.NodeID, id protocol.NodeID) bool {
	return group == nil || slices.Contains(group, id)
}
