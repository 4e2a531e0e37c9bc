package scenario

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// unhealed says which members the faults of a plan leave up and connected at the end, if its
// Heal never comes and they are not all, or returns "". No Eventually is judged then.
func unhealed(plan *sim.Plan, members int) string {
	if !slices.ContainsFunc(plan.Faults, func(f fault.Fault) bool { return f.Op == fault.Heal && f.At == fault.Never }) {
		return ""
	}
	var left []fault.Fault
	for _, f := range plan.Faults {
		if lasts(&f, plan.Faults) {
			left = append(left, f)
		}
	}
	switch n := together(left, members); {
	case len(left) == 0:
		return ""
	case n == members:
		return "nothing heals, and messages are lost or altered forever"
	case 2*n > members:
		return fmt.Sprintf("nothing heals, and the faults leave %d of %d nodes up and connected", n, members)
	default:
		return fmt.Sprintf("nothing heals, and the faults leave no majority, %d of %d nodes up and connected", n, members)
	}
}

// lasts reports whether a fault is permanent without a Heal: a node that is down and does not
// restart, or links that stay bad.
func lasts(f *fault.Fault, faults []fault.Fault) bool {
	switch f.Op {
	case fault.Crash, fault.FailSync:
		// One that waits for an event may come after any restart.
		waits := f.Op == fault.FailSync || f.After > 0 || f.On != fault.Anchor{}
		return f.For == 0 && (waits || !slices.ContainsFunc(faults, func(g fault.Fault) bool { return g.Op == fault.Restart && g.Node == f.Node && g.At >= f.At }))
	case fault.Rot:
		return true
	}
	disturbs := f.Op.Harms() || f.Op == fault.Pause || f.Op == fault.Byzantine
	return disturbs && f.For == 0 && f.Every == 0 // a fault that comes and goes leaves time in between
}

// together returns the size of a set of nodes that are up and all hear each other under all
// these faults: the greatest of the sets that begin with some node and add, in order, each
// node that fits. For a partitioned network that is the greatest part.
func together(faults []fault.Fault, nodes int) int {
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

func isDown(faults []fault.Fault, id protocol.NodeID) bool {
	return slices.ContainsFunc(faults, func(f fault.Fault) bool {
		return f.Node == id && (f.Op == fault.Crash || f.Op == fault.FailSync || f.Op == fault.Pause || f.Op == fault.Rot)
	})
}

// hear reports whether two nodes that are up hear each other.
func hear(faults []fault.Fault, a, b protocol.NodeID, nodes int) bool {
	return !slices.ContainsFunc(faults, func(f fault.Fault) bool {
		return f.Severs(a, b, nodes) || f.Severs(b, a, nodes)
	})
}
