package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
)

// unhealed says what the faults of a plan that is told not to heal leave of its members
// for good, if they are not whole, or "". Then nothing is demanded of the run that must
// come in the end.
func unhealed(plan *sim.Plan, members int) string {
	if !slices.ContainsFunc(plan.Faults, func(f sim.Fault) bool { return f.Op == sim.Heal && f.At == sim.Never }) {
		return ""
	}
	var left []sim.Fault
	for _, f := range plan.Faults {
		if lasts(&f, plan.Faults) {
			left = append(left, f)
		}
	}
	switch n := together(left, members); {
	case len(left) == 0:
		return ""
	case n == members:
		return "nothing heals, and messages are lost or altered for ever"
	case 2*n > members:
		return fmt.Sprintf("nothing heals, and the faults leave %d of %d nodes up and connected", n, members)
	default:
		return fmt.Sprintf("nothing heals, and the faults leave no majority, %d of %d nodes up and connected", n, members)
	}
}

// lasts tells whether a fault is there for good, unless something heals it: a node that
// is down and does not restart, or links that do not come back.
func lasts(f *sim.Fault, faults []sim.Fault) bool {
	switch f.Op {
	case sim.Crash, sim.FailSync:
		// One that waits for something may come after any restart.
		waits := f.Op == sim.FailSync || f.After > 0 || f.On != sim.Anchor{}
		return f.For == 0 && (waits || !slices.ContainsFunc(faults, func(g sim.Fault) bool { return g.Op == sim.Restart && g.Node == f.Node && g.At >= f.At }))
	case sim.Pause, sim.Partition, sim.Cut, sim.Ring, sim.Clog, sim.Lose, sim.Corrupt, sim.Byzantine:
		return f.For == 0 && f.Every == 0 // what comes and goes leaves time in between
	case sim.Rot:
		return true
	}
	return false
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
			if !isDown(faults, id) && !slices.ContainsFunc(set, func(o protocol.NodeID) bool { return !hear(faults, id, o, nodes) }) {
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
	return slices.ContainsFunc(faults, func(f sim.Fault) bool {
		return f.Node == id && (f.Op == sim.Crash || f.Op == sim.FailSync || f.Op == sim.Pause || f.Op == sim.Rot)
	})
}

// hear tells whether two nodes that are up hear each other.
func hear(faults []sim.Fault, a, b protocol.NodeID, nodes int) bool {
	return !slices.ContainsFunc(faults, func(f sim.Fault) bool {
		switch f.Op {
		case sim.Ring:
			return !besides(f.Groups[0], a, b, nodes)
		case sim.Partition:
			i, j := campOf(f.Groups, a), campOf(f.Groups, b)
			return i >= 0 && j >= 0 && i != j
		case sim.Lose, sim.Corrupt:
			return f.Rate.Num == f.Rate.Den && (in(f.Groups[0], a) && in(f.Groups[1], b) || in(f.Groups[0], b) && in(f.Groups[1], a))
		case sim.Cut, sim.Clog:
			return in(f.Groups[0], a) && in(f.Groups[1], b) || in(f.Groups[0], b) && in(f.Groups[1], a)
		}
		return false
	})
}

// besides tells whether two nodes are neighbours in a ring, or one is not in it; nil is
// the ring of all.
func besides(ring []protocol.NodeID, a, b protocol.NodeID, nodes int) bool {
	i, j := int(a), int(b)
	if ring != nil {
		i, j, nodes = slices.Index(ring, a), slices.Index(ring, b), len(ring)
	}
	d := max(i-j, j-i)
	return i < 0 || j < 0 || d <= 1 || d == nodes-1
}

// campOf gives the number of the group that has the node, or -1.
func campOf(groups [][]protocol.NodeID, id protocol.NodeID) int {
	return slices.IndexFunc(groups, func(g []protocol.NodeID) bool { return in(g, id) })
}

// in tells whether a group has the node; nil is all.
func in(group []protocol.NodeID, id protocol.NodeID) bool {
	return group == nil || slices.Contains(group, id)
}
