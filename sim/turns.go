package sim

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// turns is the Scheduler of a step during which faults that change the order of the node's goroutines
// are open. Each of these faults asks a question of its own each time, whatever the others answered. So
// the removal of one fault leaves the answers of the others, in a replay too. If several orders or
// yields would change a turn, the first one counts it.
//
// A shadow of the node, which is asked for its promises, has no Scheduler.
type turns struct {
	s    *Sim
	n    *node
	x    *coldState
	id   protocol.NodeID
	step uint64
}

// begin sets t for a step. It reports whether a fault is open.
func (t *turns) begin(s *Sim, c *cause, n *node, x *coldState) bool {
	*t = turns{s, n, x, c.id, c.name}
	return anyOpen(x.orders, s.now) || anyOpen(x.yields, s.now) || anyOpen(x.stalls, s.now)
}

func anyOpen(faults []acting, now protocol.Time) bool {
	for i := range faults {
		if faults[i].Open(now) {
			return true
		}
	}
	return false
}

// Order implements protocol.Scheduler.
func (t *turns) Order(about, n uint64) (which uint64) {
	if n == 0 {
		panic(fmt.Sprintf("sim: node %v orders no goroutines", t.id))
	}
	if n == 1 {
		return 0
	}
	for i := range t.x.orders {
		f := &t.x.orders[i]
		if !f.Open(t.s.now) {
			continue
		}
		f.met++
		if a := t.s.choose(t.n, t.key(kindOrder, f.Fault, about), n); a > 0 && which == 0 {
			which = a
			f.n++
			t.s.result.Faults.Orders++
		}
	}
	return which
}

// Yield implements protocol.Scheduler.
func (t *turns) Yield(about uint64) (yields bool) {
	for i := range t.x.yields {
		f := &t.x.yields[i]
		if !f.Open(t.s.now) {
			continue
		}
		f.met++
		if t.s.chance(t.n, t.key(kindYield, f.Fault, about), f.Rate) && !yields {
			yields = true
			f.n++
			t.s.result.Faults.Yields++
		}
	}
	return yields
}

// Stall implements protocol.Scheduler. The stalls of several faults add up, and each fault counts its
// own.
func (t *turns) Stall(about uint64) (d time.Duration) {
	for i := range t.x.stalls {
		f := &t.x.stalls[i]
		if !f.Open(t.s.now) {
			continue
		}
		f.met++
		if t.s.chance(t.n, t.key(kindStall, f.Fault, about), f.Rate) {
			d += 1 + time.Duration(t.s.choose(t.n, t.key(kindStallBy, f.Fault, about), uint64(f.By)))
			f.n++
		}
	}
	if d > 0 {
		t.s.result.Faults.Stalls++
	}
	return d
}

func (t *turns) key(kind protocol.Kind, f *fault.Fault, about uint64) protocol.Key {
	return protocol.Key{Kind: kind, A: t.id, N: protocol.Hash3(t.step, f.ID, about)}
}
