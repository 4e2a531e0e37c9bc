package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Readable requires that no node gets a message that it cannot read, where the network damages
// none: nodes drop those and count them, so a message that is always made wrong is as if it
// were always lost. Those of liars can be read: they lie about coins. It judges the
// incarnations that are up in the end.
func (n *Network) Readable(faults []fault.Fault) *check.Check {
	const name = "honest nodes read each other's messages"
	if slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Op == fault.Corrupt || f.Op == fault.Byzantine }) {
		return check.Skip(name, "messages are damaged, or made up")
	}
	return check.Finally(name, func() (judged uint64, wrong error) {
		for id, node := range n.Nodes {
			if node == nil || n.Incarnations.Down(protocol.NodeID(id)) {
				continue
			}
			judged++
			if bad := node.Stats().Malformed; bad > 0 {
				return judged, fmt.Errorf("node %v got %d messages that it cannot read, though none was damaged", id, bad)
			}
		}
		return judged, nil
	})
}
