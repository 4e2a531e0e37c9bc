package judge

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/kv"
	"dessim/sim"
	"dessim/sim/check/linear"
)

// doneCall returns a call that ended.
func doneCall(op kv.Op, from, to protocol.Time, old, new, found uint64, ok bool) *call {
	return &call{Input: kv.Command{Op: op, Old: old, New: new}, Call: from, Return: to, Output: &kv.Return{OK: ok, Value: found}}
}

func TestTheJudgeKnowsWhatIsLinearizable(t *testing.T) {
	put := func(from, to protocol.Time, value, found uint64) *call {
		return doneCall(kv.Put, from, to, 0, value, found, true)
	}
	get := func(from, to protocol.Time, found uint64) *call { return doneCall(kv.Get, from, to, 0, 0, found, true) }
	pending := &call{Input: kv.Command{Op: kv.Put, New: 9}, Call: 5}
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
		if got := register.Judge(c.calls) == linear.Linearizable; got != c.want {
			t.Errorf("%s: linearizable is %v, want %v", name, got, c.want)
		}
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
