package judge

import (
	"fmt"
	"math"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/wording"

	"github.com/anishathalye/porcupine"
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
	overlaps uint64             // calls that began during another on the same key
	refused  uint64             // compare-and-swaps that found a different value
}

type call struct {
	kv.Command
	from, to protocol.Time
	done     bool
	result   kv.Return
	overlaps bool // it began during another on the same key
}

// words says what the call is and what came of it.
func (c *call) words() string {
	switch {
	case !c.done:
		return fmt.Sprintf("%v", c.Command)
	case c.result.OK:
		return fmt.Sprintf("%v: found %d", c.Command, c.result.Value)
	}
	return fmt.Sprintf("%v: refused, found %d", c.Command, c.result.Value)
}

func (c *call) String() string {
	what := fmt.Sprintf("%v by node %v", c.Command, c.Client)
	switch {
	case !c.done:
		return fmt.Sprintf("%s since %v", what, c.from)
	case c.result.OK:
		return fmt.Sprintf("%s from %v to %v, which found %d", what, c.from, c.to, c.result.Value)
	}
	return fmt.Sprintf("%s from %v to %v, refused since it found %d", what, c.from, c.to, c.result.Value)
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

// Observe records a client's outputs.
func (h *Store) Observe(e *sim.Event) {
	h.last = nil
	switch {
	case e.Kind == kv.KindCalled:
		if c, ok := kv.DecodeCalled(e.Body); ok {
			h.began(&call{Command: c, from: e.At})
		}
	case e.Kind == kv.KindReturned:
		if r, ok := kv.DecodeReturned(e.Body); ok && h.open[e.Node] != nil {
			c := h.open[e.Node]
			c.done, c.to, c.result = true, e.At, r
			delete(h.open, e.Node)
			h.last = c
			if !r.OK {
				h.refused++
			}
		}
	}
}

func (h *Store) began(c *call) {
	for _, client := range protocol.SortedKeys(h.open) {
		if h.open[client].Key == c.Key {
			c.overlaps = true
			h.overlaps++
			break
		}
	}
	h.calls = append(h.calls, c)
	h.open[c.Client] = c
	h.keys[c.Key] = append(h.keys[c.Key], c)
}

// Linearizable requires, whenever an operation ends, an order of all operations on its key
// that explains what clients saw, and in which no operation precedes one that had ended
// when it began. Keys are judged one by one: a history is linearizable if and only if it
// is so for each object (Herlihy and Wing, theorem 1).
//
// Porcupine runs goroutines. They cannot affect the result, which is a yes or no without a
// time limit.
func (h *Store) Linearizable() *check.Check {
	return check.Always("client-visible store history is linearizable", sim.Output, func(e *sim.Event) (bool, error) {
		c := h.last
		if c == nil || e.Kind != kv.KindReturned {
			return false, nil
		}
		calls := h.keys[c.Key]
		if porcupine.CheckOperations(register, operations(calls)) {
			return true, nil
		}
		err := fmt.Errorf("no order of the %d operations on key %d explains %v%s", len(calls), c.Key, c, h.before(c))
		return true, (&check.Evidence{History: history(calls, c)}).With(err)
	})
}

// history returns calls as a report draws them. Without wrong, some order explains them.
func history(calls []*call, wrong *call) (all []check.Operation) {
	for _, c := range calls {
		o := check.Operation{Who: fmt.Sprintf("client %v", c.Client), Text: c.words(), Call: c.from, Return: protocol.MaxTime, Wrong: c == wrong}
		if c.done {
			o.Return = c.to
		}
		all = append(all, o)
	}
	return all
}

// before describes the write that ended last before c began.
func (h *Store) before(c *call) string {
	var last *call
	for _, o := range h.keys[c.Key] {
		if o.done && o.to < c.from && o.Op != kv.Get && o.result.OK && (last == nil || o.to > last.to) {
			last = o
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf("; before it ended %v", last)
}

// operations returns calls in porcupine's terms. A call that has not ended may take effect
// at any time after its beginning, or never, which other calls cannot distinguish from the
// end of time.
func operations(calls []*call) []porcupine.Operation {
	out := make([]porcupine.Operation, 0, len(calls))
	for _, c := range calls {
		o := porcupine.Operation{ClientId: int(c.Client), Input: c, Call: int64(c.from), Return: math.MaxInt64}
		if c.done {
			o.Return = int64(c.to)
		}
		out = append(out, o)
	}
	return out
}

// register is the model of one key: a number, at first 0.
var register = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, _ any) (bool, any) {
		value, c := state.(uint64), input.(*call)
		takes := c.Op == kv.Put || c.Op == kv.CAS && value == c.Old
		if c.done && (c.result.Value != value || c.result.OK != (takes || c.Op == kv.Get)) {
			return false, value
		}
		if takes {
			value = c.New
		}
		return true, value
	},
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
			if c.done {
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
		if c.done {
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
		return e.Kind == kv.KindCalled && h.calls[len(h.calls)-1].overlaps
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
// down or cut off: a prefix that never grows is not agreement.
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
		if c.done {
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
