package sim

import (
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// slowTurns is the Scheduler of a step.
type slowTurns struct {
	w    *slow
	n    *slowNode
	step uint64
}

// open reports whether a fault of that operation is open at the node.
func (t slowTurns) open(op fault.Op) bool {
	return t.each(op, func(*fault.Fault) bool { return true })
}

// each calls ask with each fault of that operation that is open at the node, and reports whether
// one of them answered so.
func (t slowTurns) each(op fault.Op, ask func(f *fault.Fault) bool) (any bool) {
	for i := range t.w.plan.Faults {
		if f := &t.w.plan.Faults[i]; f.Op == op && f.Node == t.n.id && t.w.on(f, t.w.now) && ask(f) {
			any = true
		}
	}
	return any
}

func (t slowTurns) key(kind protocol.Kind, f *fault.Fault, about uint64) protocol.Key {
	return protocol.Key{Kind: kind, A: t.n.id, N: protocol.Hash3(t.step, f.ID, about)}
}

func (t slowTurns) Order(about, n uint64) (which uint64) {
	t.each(fault.Order, func(f *fault.Fault) bool {
		if n > 1 {
			if a := t.w.choose(t.n, t.key(kindOrder, f, about), n); which == 0 {
				which = a
			}
		}
		return false
	})
	if which > 0 {
		t.w.result.Faults.Orders++
	}
	return which
}

func (t slowTurns) Yield(about uint64) bool {
	yields := t.each(fault.Yield, func(f *fault.Fault) bool {
		return t.w.chance(t.n, t.key(kindYield, f, about), f.Rate)
	})
	if yields {
		t.w.result.Faults.Yields++
	}
	return yields
}

func (t slowTurns) Stall(about uint64) (d time.Duration) {
	t.each(fault.Stall, func(f *fault.Fault) bool {
		if t.w.chance(t.n, t.key(kindStall, f, about), f.Rate) {
			d += 1 + time.Duration(t.w.choose(t.n, t.key(kindStallBy, f, about), uint64(f.By)))
		}
		return false
	})
	if d > 0 {
		t.w.result.Faults.Stalls++
	}
	return d
}
