package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// written is what two-phase commit has recorded at a node.
type written struct {
	unsafe []twopc.Entry // not synced yet
	safe   map[twopc.Entry]bool
}

// Needed requires that two-phase commit records nothing in vain: nothing that is safe on the
// node's disk already, but where a checkpoint says all again; and nothing that the presumption
// of an abort saves: a coordinator records only its commit, and its end. Nodes that lie are
// exempt, and all where some node does: it may ask about what nobody begins.
func (x *Promises) Needed(nodes int, lies func(id protocol.NodeID) bool) *check.Check {
	const name = "two-phase commit records nothing in vain"
	disks := make([]written, nodes)
	for id := range protocol.NodeID(nodes) {
		if lies(id) {
			return check.Skip(name, "a node lies")
		}
	}
	return check.Always(name, sim.Persisted|sim.Synced|sim.Crashed, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil // a client
		}
		d := &disks[e.Node]
		switch e.What {
		case sim.Crashed:
			d.unsafe = d.unsafe[:0]
		case sim.Synced:
			for _, r := range d.unsafe {
				if d.safe == nil {
					d.safe = make(map[twopc.Entry]bool)
				}
				d.safe[r] = true
			}
			d.unsafe = d.unsafe[:0]
		case sim.Persisted:
			r, again, ok := twopc.ReadEntry(e.Body)
			if !ok {
				return false, nil
			}
			d.unsafe = append(d.unsafe, r)
			if again {
				return false, nil
			}
			if d.safe[r] {
				return true, fmt.Errorf("node %v records that %v, which is safe on its disk", e.Node, r)
			}
			if t := x.c.txs[r.ID]; t != nil && t.coordinator == e.Node && !r.Own() {
				return true, fmt.Errorf("node %v records that %v, which it coordinates", e.Node, r)
			}
			return true, nil
		}
		return false, nil
	})
}
