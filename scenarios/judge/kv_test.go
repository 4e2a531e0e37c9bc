package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/simtest/fixed"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

// doneCall returns a call that ended.
func doneCall(op kv.Op, from, to protocol.Time, old, new, found uint64, ok bool) *call {
	return &call{Command: kv.Command{Op: op, Old: old, New: new}, from: from, to: to, done: true, result: kv.Return{OK: ok, Value: found}}
}

func TestTheJudgeKnowsWhatIsLinearizable(t *testing.T) {
	put := func(from, to protocol.Time, value, found uint64) *call {
		return doneCall(kv.Put, from, to, 0, value, found, true)
	}
	get := func(from, to protocol.Time, found uint64) *call { return doneCall(kv.Get, from, to, 0, 0, found, true) }
	pending := &call{Command: kv.Command{Op: kv.Put, New: 9}, from: 5}
	for name, c := range map[string]struct {
		calls []*call
		want  bool
	}{
		"one after the other":             {[]*call{put(1, 2, 7, 0), get(3, 4, 7)}, true},
		"a stale read":                    {[]*call{put(1, 2, 7, 0), get(3, 4, 0)}, false},
		"a read while the write goes on":  {[]*call{put(1, 5, 7, 0), get(3, 4, 0)}, true},
		"two reads that disagree":         {[]*call{put(1, 9, 7, 0), get(2, 3, 7), get(4, 5, 0)}, false},
		"one that never ended, seen":      {[]*call{pending, get(6, 7, 9), get(8, 9, 9)}, true},
		"one that never ended, unseen":    {[]*call{pending, get(6, 7, 0), get(8, 9, 0)}, true},
		"one that never ended, then not":  {[]*call{pending, get(6, 7, 9), get(8, 9, 0)}, false},
		"one that had not begun, seen":    {[]*call{get(1, 2, 9), pending}, false},
		"a swap that took place":          {[]*call{put(1, 2, 7, 0), doneCall(kv.CAS, 3, 4, 7, 8, 7, true), get(5, 6, 8)}, true},
		"a swap of another value":         {[]*call{put(1, 2, 7, 0), doneCall(kv.CAS, 3, 4, 6, 8, 7, true)}, false},
		"a swap refused without a reason": {[]*call{put(1, 2, 7, 0), doneCall(kv.CAS, 3, 4, 7, 8, 7, false)}, false},
		"two swaps from one value":        {[]*call{doneCall(kv.CAS, 1, 4, 0, 8, 0, true), doneCall(kv.CAS, 2, 5, 0, 9, 0, true)}, false},
	} {
		if got := porcupine.CheckOperations(register, operations(c.calls)); got != c.want {
			t.Errorf("%s: linearizable is %v, want %v", name, got, c.want)
		}
	}
}

// explained tries all orders: the judge's slow twin.
func explained(left []*call, value uint64) bool {
	if !slices.ContainsFunc(left, func(c *call) bool { return c.done }) {
		return true // the others need not take place
	}
	for i, c := range left {
		if slices.ContainsFunc(left, func(o *call) bool { return o.done && o.to < c.from }) {
			continue // something had ended when it began
		}
		swaps := c.Op == kv.Put || c.Op == kv.CAS && value == c.Old
		if c.done && (c.result.Value != value || c.result.OK != (swaps || c.Op == kv.Get)) {
			continue
		}
		next := value
		if swaps {
			next = c.New
		}
		if explained(slices.Delete(slices.Clone(left), i, i+1), next) {
			return true
		}
	}
	return false
}

func TestTheJudgeAgreesWithTryingAllOrders(t *testing.T) {
	verdicts := make(map[bool]int)
	property := func(t *rapid.T) {
		small := rapid.Uint64Range(0, 2)
		calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *call {
			from := protocol.Time(rapid.IntRange(0, 9).Draw(t, "from"))
			c := doneCall(kv.Op(rapid.IntRange(0, 2).Draw(t, "op")), from, from+protocol.Time(rapid.IntRange(0, 5).Draw(t, "for")),
				small.Draw(t, "old"), small.Draw(t, "new"), small.Draw(t, "found"), true)
			c.result.OK = c.Op != kv.CAS || c.Old == c.result.Value
			c.done = rapid.IntRange(0, 4).Draw(t, "done") > 0
			return c
		}), 0, 5).Draw(t, "calls")
		want := explained(calls, 0)
		verdicts[want]++
		if got := porcupine.CheckOperations(register, operations(calls)); got != want {
			t.Fatalf("linearizable is %v, by trying all orders %v: %v", got, want, calls)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("verdicts %v: the test is vacuous", verdicts)
	}
}

// A history is made of outputs alone, in their order.
func TestAStaleReadIsReportedWhenItReturns(t *testing.T) {
	h := NewStore(make([]*kv.Node, 3), NewIncarnations(5), 0)
	c := h.Linearizable()
	show := func(at protocol.Time, node protocol.NodeID, kind protocol.Kind, body string) {
		e := &sim.Event{What: sim.Output, At: at, Node: node, Kind: kind, Body: []byte(body)}
		h.Observe(e)
		c.Observe(e)
	}
	show(1, 3, kv.KindCalled, "li3ei1ei1ei7ei0ei5ee")
	show(2, 3, kv.KindReturned, "li1ei1ei0ee")
	show(3, 4, kv.KindCalled, "li4ei1ei0ei7ei0ei0ee")
	show(4, 4, kv.KindReturned, "li1ei1ei0ee")
	r := c.Result(math.MaxInt64)
	want := "no order of the 2 operations on key 7 explains get 7 by node 4 from 3ns to 4ns, which found 0; before it ended put 7 to 5 by node 3 from 1ns to 2ns, which found 0"
	if r.Detail != want || r.At != 4 {
		t.Errorf("at %v: %q, want at 4ns: %q", r.At, r.Detail, want)
	}
	if text := fmt.Sprint(h.Facts()); !strings.Contains(text, "2 on 1 key, 2 completed") {
		t.Error(text)
	}
}
