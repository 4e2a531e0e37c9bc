package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// Store judges a replicated key-value store by its client-visible history, in virtual
// time. It is an observer, and sees each event before its checks do.
type Store struct {
	replicas []*kv.Node
	nodes    *Incarnations
	bound    protocol.Time

	asked    map[protocol.NodeID]uint64
	calls    []*call
	open     map[protocol.NodeID]*call
	keys     map[uint64][]*call // in the order in which they began
	last     *call              // the call that the last event ended, or nil
	overlap  bool               // the latest call began during another on the same key
	overlaps uint64             // calls that did
	refused  uint64             // compare-and-swaps that found a different value
	applied  uint64             // places of the order that any replica has ever applied
}

type call = linear.Op[kv.Command, kv.Return]

// words says what an operation is and what came of it.
func words(c kv.Command, r *kv.Return) string {
	switch {
	case r == nil:
		return fmt.Sprintf("%v", c)
	case r.OK:
		return fmt.Sprintf("%v: found %d", c, r.Value)
	}
	return fmt.Sprintf("%v: refused, found %d", c, r.Value)
}

func describe(c *call) string {
	what := fmt.Sprintf("%v by node %v", c.Input, c.Client)
	switch {
	case c.Output == nil:
		return fmt.Sprintf("%s since %v", what, c.Call)
	case c.Output.OK:
		return fmt.Sprintf("%s from %v to %v, which found %d", what, c.Call, c.Return, c.Output.Value)
	}
	return fmt.Sprintf("%s from %v to %v, refused since it found %d", what, c.Call, c.Return, c.Output.Value)
}

// NewStore returns a judge of the store of these replicas; replicas holds their current
// state, or that at the crash. All operations must have ended by bound.
func NewStore(replicas []*kv.Node, nodes *Incarnations, bound protocol.Time) *Store {
	return &Store{replicas: replicas, nodes: nodes, bound: bound,
		asked: make(map[protocol.NodeID]uint64), open: make(map[protocol.NodeID]*call), keys: make(map[uint64][]*call)}
}

// Ask records that an input asks a client for an operation.
func (h *Store) Ask(client protocol.NodeID) { h.asked[client]++ }

// Watch returns the events that Observe needs.
func (h *Store) Watch() sim.What { return sim.Output }

// Observe records a client's outputs, and how far replicas come.
func (h *Store) Observe(e *sim.Event) {
	h.last = nil
	switch {
	case e.Kind == kv.KindCalled:
		if c, ok := kv.DecodeCalled(e.Body); ok {
			h.began(&call{Client: c.Client, Input: c, Call: e.At, Return: protocol.MaxTime})
		}
	case e.Kind == kv.KindApplied:
		if a, ok := kv.DecodeApplied(e.Body); ok {
			h.applied = max(h.applied, a.Index+1)
		}
	case e.Kind == kv.KindReturned:
		if r, ok := kv.DecodeReturned(e.Body); ok && h.open[e.Node] != nil {
			c := h.open[e.Node]
			c.Return, c.Output = e.At, &r
			delete(h.open, e.Node)
			h.last = c
			if !r.OK {
				h.refused++
			}
		}
	}
}

func (h *Store) began(c *call) {
	key := c.Input.Key
	h.overlap = false
	for _, client := range protocol.SortedKeys(h.open) {
		if h.open[client].Input.Key == key {
			h.overlap = true
			h.overlaps++
			break
		}
	}
	h.calls = append(h.calls, c)
	h.open[c.Client] = c
	h.keys[key] = append(h.keys[key], c)
}

// Linearizable requires, whenever an operation ends, an order of all operations on its key
// that explains what clients saw, and in which no operation precedes one that had ended
// when it began. Keys are judged one by one: a history is linearizable if and only if it
// is so for each object (Herlihy and Wing, theorem 1).
func (h *Store) Linearizable() *check.Check {
	return check.Always("client-visible store history is linearizable", sim.Output, func(e *sim.Event) (bool, error) {
		c := h.last
		if c == nil || e.Kind != kv.KindReturned {
			return false, nil
		}
		calls := h.keys[c.Input.Key]
		switch register.Judge(calls) {
		case linear.Linearizable:
			return true, nil
		case linear.Undecided:
			return true, check.Undecided(fmt.Sprintf("the search for an order of the %d operations on key %d ended before it knew", len(calls), c.Input.Key))
		}
		err := fmt.Errorf("no order of the %d operations on key %d explains %v%s", len(calls), c.Input.Key, describe(c), h.before(c))
		return true, register.Evidence(calls, c).With(err)
	})
}

// before describes the write that ended last before c began.
func (h *Store) before(c *call) string {
	var last *call
	for _, o := range h.keys[c.Input.Key] {
		if o.Output != nil && o.Return < c.Call && o.Input.Op != kv.Get && o.Output.OK && (last == nil || o.Return > last.Return) {
			last = o
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf("; before it ended %v", describe(last))
}

// register is the model of one key: a number, at first 0.
var register = linear.Model[uint64, kv.Command, kv.Return]{
	Step: func(value uint64, c kv.Command, r *kv.Return) (uint64, bool) {
		takes := c.Op == kv.Put || c.Op == kv.CAS && value == c.Old
		if r != nil && (r.Value != value || r.OK != (takes || c.Op == kv.Get)) {
			return value, false
		}
		if takes {
			value = c.New
		}
		return value, true
	},
	Text: words,
}

// Ended requires that every operation completes.
func (h *Store) Ended() *check.Check {
	return check.EventuallyBut("every operation completes", h.bound, func(excuse check.Excuse) (uint64, error) {
		damaged := 0
		for i := range h.replicas {
			if h.nodes.Lost([]protocol.NodeID{protocol.NodeID(i)}) {
				damaged++
			}
		}
		done, n := make(map[protocol.NodeID]uint64), uint64(0)
		for _, c := range h.calls {
			if c.Output != nil {
				done[c.Client]++
				n++
			}
		}
		for _, client := range protocol.SortedKeys(h.asked) {
			missing := h.asked[client] - done[client]
			switch {
			case missing == 0:
			case 2*damaged >= len(h.replicas):
				excuse(fmt.Sprintf("client %v, since %d of %d replicas will never start again", client, damaged, len(h.replicas)))
			default:
				return n, fmt.Errorf("%d of %d operations of client %v have not completed", missing, h.asked[client], client)
			}
		}
		return n, nil
	})
}

// unfinished reports whether an operation has yet to complete.
func (h *Store) unfinished() bool {
	done, asked := uint64(0), uint64(0)
	for _, c := range h.calls {
		if c.Output != nil {
			done++
		}
	}
	for _, client := range protocol.SortedKeys(h.asked) {
		asked += h.asked[client]
	}
	return done < asked
}

// Overlapped requires that two operations on one key overlap, so that their order is not
// fixed.
func (h *Store) Overlapped() *check.Check {
	return check.Sometimes("two operations on one key overlap", check.EachRun, sim.Output, func(e *sim.Event) bool {
		return e.Kind == kv.KindCalled && h.overlap
	})
}

// Order requires that all replicas apply the same commands in the same order.
func (h *Store) Order() *check.Check {
	return check.SameOrder("every replica applies a prefix of one sequence", sim.Output, func(e *sim.Event) (check.Position, bool) {
		if e.Kind != kv.KindApplied {
			return check.Position{}, false
		}
		a, ok := kv.DecodeApplied(e.Body)
		return check.Position{Index: a.Index, Item: fmt.Sprintf("%016x", a.State)}, ok
	}, func(item string) string { return "state " + item })
}

// EqualAtEnd requires that all replicas reach the same state, including those that were
// down or cut off: a prefix that never grows is not agreement. It lacks nothing that any
// replica has ever applied: after a power failure all may be equal because all forgot it.
func (h *Store) EqualAtEnd() *check.Check {
	return check.EventuallyBut("all replicas end in the same state", h.bound, func(excuse check.Excuse) (uint64, error) {
		first, n := -1, uint64(0)
		var delivered, fold uint64
		for i, r := range h.replicas {
			id := protocol.NodeID(i)
			switch {
			case h.nodes.Excused(id, excuse):
				continue
			case h.nodes.Stuck(len(h.replicas)):
				excuse(fmt.Sprintf("node %d, %s", i, noMajority))
				continue
			case r == nil || h.nodes.Down(id):
				return n, fmt.Errorf("node %d is down", i)
			}
			d, f := r.State()
			if d < h.applied {
				return n, fmt.Errorf("node %d has applied %d commands, and some node had applied %d", i, d, h.applied)
			}
			if first < 0 {
				first, delivered, fold = i, d, f
			}
			if d != delivered || f != fold {
				return n, fmt.Errorf("node %d has applied %d commands and node %d has %d, or their states differ", first, delivered, i, d)
			}
			n++
		}
		return n, nil
	})
}

// Facts returns the figures of the history.
func (h *Store) Facts() []scenario.Fact {
	done := 0
	for _, c := range h.calls {
		if c.Output != nil {
			done++
		}
	}
	return []scenario.Fact{
		{Name: "operations", Value: fmt.Sprintf("%d on %s, %d completed", len(h.calls), wording.Count(len(h.keys), "key"), done)},
		{Name: "concurrent on the same key", Value: fmt.Sprint(h.overlaps)},
		{Name: "failed compare-and-swaps", Value: fmt.Sprint(h.refused)},
	}
}

// Counts returns how often things happened, for the sums of a sweep.
func (h *Store) Counts() []scenario.Count {
	return []scenario.Count{{Name: "concurrent operations", N: h.overlaps}, {Name: "compare-and-swaps that failed", N: h.refused}}
}
