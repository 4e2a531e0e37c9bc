package scenarios

import (
	"fmt"
	"math"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"

	"github.com/anishathalye/porcupine"
)

// history is what the clients of a store saw, in virtual time. It is an observer, to
// be shown an event before checks are.
type history struct {
	x        *store
	asked    map[protocol.NodeID]uint64
	calls    []*call
	open     map[protocol.NodeID]*call
	keys     map[uint64][]*call // in the order in which they began
	last     *call              // that the event just seen ended, or nil
	overlaps uint64             // calls that began while another of the same key was under way
	refused  uint64             // compare-and-swaps that found another value
}

// call is one operation of a client.
type call struct {
	kv.Command
	from, to protocol.Time
	done     bool
	result   kv.Return
	overlaps bool // it began while another of the same key was under way
}

// String gives the call in words.
func (c *call) String() string {
	who := fmt.Sprintf("%v by node %v", c.Command, c.Client)
	switch {
	case !c.done:
		return fmt.Sprintf("%s since %v", who, c.from)
	case c.result.OK:
		return fmt.Sprintf("%s from %v to %v, which found %d", who, c.from, c.to, c.result.Value)
	}
	return fmt.Sprintf("%s from %v to %v, refused since it found %d", who, c.from, c.to, c.result.Value)
}

func newHistory(x *store) *history {
	return &history{x: x, asked: make(map[protocol.NodeID]uint64), open: make(map[protocol.NodeID]*call),
		keys: make(map[uint64][]*call)}
}

// ask takes note that a client is asked for an operation.
func (h *history) ask(client protocol.NodeID) { h.asked[client]++ }

// Watch gives what makes the history.
func (h *history) Watch() sim.What { return sim.Output }

// Observe enters what a client put out.
func (h *history) Observe(e *sim.Event) {
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

func (h *history) began(c *call) {
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

// linearizable demands, whenever an operation has ended, that there is an order of
// all operations on its key which explains what clients saw, and in which none comes
// before one that had ended when it began. Keys are judged one by one: a history is
// linearizable if and only if it is so for each object (Herlihy and Wing, theorem 1).
//
// That the judge runs goroutines changes nothing: it is asked for a yes or no, without
// a limit in time.
func (h *history) linearizable() *check.Check {
	return check.Always("what clients see is linearizable", sim.Output, func(e *sim.Event) (bool, error) {
		c := h.last
		if c == nil || e.Kind != kv.KindReturned {
			return false, nil
		}
		calls := h.keys[c.Key]
		if porcupine.CheckOperations(register, operations(calls)) {
			return true, nil
		}
		return true, fmt.Errorf("no order of the %d operations on key %d explains %v%s", len(calls), c.Key, c, h.before(c))
	})
}

// before tells of the write that ended last before c began.
func (h *history) before(c *call) string {
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

// operations gives calls as the judge wants them. One that has not ended may take
// place at any time from its beginning on, or, which is the same to all others, at
// the end of time.
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

// ended demands that every operation ends, in the end.
func (h *history) ended() *check.Check {
	return check.EventuallyBut("every operation ends", h.x.bound, func(excuse check.Excuse) (uint64, error) {
		damaged := 0
		for _, id := range h.x.members {
			if h.x.lives.lost([]protocol.NodeID{id}) {
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
			case 2*damaged >= len(h.x.members):
				excuse(fmt.Sprintf("client %v, since %d of %d replicas will never start again", client, damaged, len(h.x.members)))
			default:
				return n, fmt.Errorf("%d of %d operations of client %v have not ended", missing, h.asked[client], client)
			}
		}
		return n, nil
	})
}

// overlapped tells whether there was anything to be in doubt about.
func (h *history) overlapped() *check.Check {
	name := "two operations on one key overlap"
	if h.x.p.Txs < 2 {
		return check.Skip(name, "there is one operation")
	}
	if h.x.p.AnyLeftOut() {
		return check.Skip(name, "operations are left out")
	}
	return check.Sometimes(name, check.EachRun, sim.Output, func(e *sim.Event) bool {
		return e.Kind == kv.KindCalled && h.calls[len(h.calls)-1].overlaps
	})
}

func (h *history) facts(*sim.Sim) []scenario.Fact {
	done := 0
	for _, c := range h.calls {
		if c.done {
			done++
		}
	}
	facts := []scenario.Fact{
		{Name: "operations", Value: fmt.Sprintf("%d on %d keys, of which %d ended", len(h.calls), len(h.keys), done)},
		{Name: "that began while another on the key was under way", Value: fmt.Sprint(h.overlaps)},
		{Name: "compare-and-swaps that found another value", Value: fmt.Sprint(h.refused)},
	}
	if h.x.p.Failing() {
		facts = append(facts, scenario.Fact{Name: "storm", Value: fmt.Sprintf("from %v to %v", h.x.begin, h.x.calm)})
	}
	return facts
}
