package sim

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// coldState is what most nodes never need: a disk, held events, faults.
type coldState struct {
	damaged bool          // a record rotted: down for good
	pause   protocol.Time // until then the node does nothing; 0 if it does
	disk    *disk
	wait    *waiting   // a step waits for the disk
	flushes []flushing // under way, by their ends
	held    []entry    // events that came meanwhile, in order; first the disk's, if it was done in a pause
	clock   *clock     // nil is true time

	armed   *fault.Fault   // crash in the next step, of whatever incarnation
	anchors []anchor       // faults that wait for an effect
	failing []*fault.Fault // each fails one of the next syncs
	slow    []acting       // in which syncs take longer
	late    []acting       // in which timers are late
	orders  []acting       // in which goroutines run in a drawn order
	yields  []acting       // in which goroutines yield
	stalls  []acting       // in which goroutines stand still
	fulls   []acting       // in which the disk is full
	bent    []int          // faults of the clock that no step has seen yet, by index
}

// anchor is a fault that waits for an effect.
type anchor struct {
	*fault.Fault
	seen uint64 // effects of that sort so far
}

// waiting is the rest of a step whose sync takes time.
type waiting struct {
	cause   cause
	effects []protocol.Effect // copies, bodies too
	next    int               // first effect still to be applied
	synced  uint32            // slot of the event that ends the wait
	crash   *fault.Fault      // crashes the node then, if not nil
	when    string            // after which effect that is
}

// coldOf returns the cold state of a node, made if need be.
func (s *Sim) coldOf(id protocol.NodeID) *coldState {
	if s.cold == nil {
		s.cold = make([]*coldState, len(s.nodes))
	}
	if s.cold[id] == nil {
		s.cold[id] = new(coldState)
	}
	return s.cold[id]
}

// coldAt returns the cold state of a node, or nil.
func (s *Sim) coldAt(id protocol.NodeID) *coldState {
	if s.cold == nil {
		return nil
	}
	return s.cold[id]
}

// settle notes whether the loop has to look at more than the node; x may be nil.
func (n *node) settle(x *coldState) {
	n.special = n.down || x != nil && x.unusual()
}

func (x *coldState) unusual() bool {
	return x.armed != nil || x.wait != nil || x.pause != 0 || x.clock != nil || x.disordered() || len(x.fulls) > 0 || x.watchful()
}

// disordered reports whether some fault is about the order of the node's goroutines, at any
// time.
func (x *coldState) disordered() bool {
	return len(x.orders) > 0 || len(x.yields) > 0 || len(x.stalls) > 0
}

// watchful reports whether each effect must be looked at.
func (x *coldState) watchful() bool { return len(x.anchors) > 0 || len(x.failing) > 0 }
