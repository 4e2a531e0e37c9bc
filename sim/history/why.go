package history

import (
	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// Cause returns the row that a step comes from: where its message was sent, where its timer was
// set, what began a sync or a flush that is done now, or the crash before a restart. It is None for a step
// that comes from outside of the nodes: an input, the first start of a node, a fault.
func (h *History) Cause(step int) int {
	from, to := h.RowsOf(step)
	if from == to {
		return None
	}
	switch x := &h.Rows[from]; x.What {
	case sim.Received, sim.Dropped, sim.Fired, sim.Flushed:
		return int(x.Origin)
	case sim.Synced:
		return h.last(from, x.Node, sim.Everything&^(sim.Injected|sim.Lifted|sim.Dropped))
	case sim.Started:
		return h.last(from, x.Node, sim.Crashed)
	}
	return None
}

// last returns the last row before a row that is of that node and sort, or None.
func (h *History) last(before int, node protocol.NodeID, what sim.What) int {
	for i := before - 1; i >= 0; i-- {
		if x := &h.Rows[i]; x.Node == node && x.What&what != 0 {
			return i
		}
	}
	return None
}

// Why returns a step and what led to it: each step has the Cause of the one before it. The last
// one has none.
func (h *History) Why(step int) (steps []int) {
	for {
		steps = append(steps, step)
		row := h.Cause(step)
		if row == None {
			return steps
		}
		step = h.StepOf(row)
	}
}

// Effects returns the rows of the effects that an anchor names: all such effects if its N is 0,
// or else the Nth. Unless it names a node, those of all nodes count together.
func (h *History) Effects(a fault.Anchor) (rows []int) {
	n, what := uint64(0), seenAs(a.Op)
	for i := range h.Rows {
		x := &h.Rows[i]
		if x.What != what || a.Kind != 0 && h.Kinds.All[x.Kind] != a.Kind || a.Other && x.Node != a.Of {
			continue
		}
		if n++; a.N == 0 || n == a.N {
			rows = append(rows, i)
		}
	}
	return rows
}

// seenAs returns the event that an effect is seen as.
func seenAs(o protocol.Op) sim.What {
	switch o {
	case protocol.OpSend:
		return sim.Sent
	case protocol.OpPersist:
		return sim.Persisted
	case protocol.OpSync:
		return sim.Synced
	case protocol.OpOutput:
		return sim.Output
	case protocol.OpFlush:
		return sim.Flushing
	}
	return sim.TimerSet
}

// Life is what has become of a node.
type Life struct {
	Incarnation uint64 // 0: it has yet to start
	Up          bool
	Damaged     bool // it will never start again
	Step        int  // the last one in which it had a part, or 0
}

// Lives returns what had become of each node after a step.
func (h *History) Lives(step int) []Life {
	lives := make([]Life, h.States.Nodes())
	_, end := h.RowsOf(step)
	at := 0 // step of the row
	for i := range h.Rows[:end] {
		x := &h.Rows[i]
		for at < step && i >= int(h.Steps[at+1].Row) {
			at++
		}
		if uint64(x.Node) >= uint64(len(lives)) {
			continue
		}
		l := &lives[x.Node]
		l.Step = at
		switch x.What {
		case sim.Started:
			l.Up, l.Incarnation = true, x.Num
		case sim.Crashed:
			l.Up = false
		case sim.Damaged:
			l.Up, l.Damaged = false, true
		}
	}
	return lives
}

// At returns what a node says of itself after a step, which is nothing if it is down. known is
// false where states are missing: see From and To.
func (s *States) At(node protocol.NodeID, step int) (text []byte, known bool) {
	if uint64(step)+1 < s.From || uint64(step) > s.To {
		return nil, false
	}
	for i := len(s.All) - 1; i >= 0; i-- {
		if x := &s.All[i]; x.Node == node && x.Step <= uint64(step) {
			return x.Text, true
		}
	}
	return nil, true
}
