package check_test

import (
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// hoard is a node that holds this many items.
type hoard int

func (hoard) Start(*protocol.Env)                            {}
func (hoard) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (hoard) Timeout(*protocol.Env, uint64)                  {}
func (h hoard) Sizes(see func(name string, items int))       { see("hoard.items", int(h)) }

// hoarded judges nodes, of which nil ones are down, by these events, with a bound of 2 items
// and 3 records.
func hoarded(nodes []protocol.Node, events ...sim.Event) check.Result {
	c := check.Bounded("over", 0, check.Held{
		Nodes: len(nodes), Node: func(id protocol.NodeID) protocol.Node { return nodes[id] },
		Most: func(_ protocol.NodeID, name string) int {
			return map[string]int{"hoard.items": 2, check.OnDisk: 3}[name]
		},
	})
	for i, n := range nodes {
		if n != nil {
			c.Observe(&sim.Event{What: sim.Started, Node: protocol.NodeID(i)})
		}
	}
	for i := range events {
		c.Observe(&events[i])
	}
	return c.Result(1)
}

func TestWhoHoldsMoreThanItsBoundIsNamed(t *testing.T) {
	r := hoarded([]protocol.Node{hoard(2), nil, hoard(3)})
	if want := "node 2 holds 3 of hoard.items, want at most 2"; r.Verdict != check.Violation || r.Detail != want {
		t.Errorf("%v: %q, want a violation: %q", r.Verdict, r.Detail, want)
	}
	if r := hoarded([]protocol.Node{hoard(2), nil, hoard(0)}); r.Verdict != check.Pass || r.Exercised != 4 {
		t.Errorf("within the bounds it is %v, exercised %d times, want pass and 4", r.Verdict, r.Exercised)
	}
}

func TestRecordsCountUntilADiscardIsSynced(t *testing.T) {
	const one = 0
	var events []sim.Event
	for i := range uint64(5) {
		events = append(events, sim.Event{What: sim.Persisted, Node: one, Tag: i})
	}
	events = append(events, sim.Event{What: sim.Discarded, Node: one, Tag: 1 << 63})
	nodes := []protocol.Node{hoard(0)}
	if r := hoarded(nodes, events...); r.Detail != "node 0 holds 5 of disk.records, want at most 3" {
		t.Errorf("before the sync: %v %q", r.Verdict, r.Detail)
	}
	events = append(events, sim.Event{What: sim.Persisted, Node: one, Tag: 5}, sim.Event{What: sim.Synced, Node: one})
	if r := hoarded(nodes, events...); r.Verdict != check.Pass {
		t.Errorf("after the sync: %v %q, want pass: one record is left", r.Verdict, r.Detail)
	}
}

func TestRecordsCountUntilAFlushForgetsThem(t *testing.T) {
	begin := []sim.Event{{What: sim.Persisted, Tag: 0}, {What: sim.Persisted, Tag: 1}, {What: sim.Persisted, Tag: 2}, {What: sim.Persisted, Tag: 3},
		{What: sim.Flushing, Tag: 7}, {What: sim.Discarded, Tag: 3}, {What: sim.Flushing, Tag: 8}}
	for name, c := range map[string]struct {
		then []sim.Event
		want check.Verdict
	}{
		"under way":                         {nil, check.Violation},
		"one that began before the discard": {[]sim.Event{{What: sim.Flushed, Tag: 7}}, check.Violation},
		"failed":                            {[]sim.Event{{What: sim.Flushed, Tag: 7}, {What: sim.Flushed, Tag: 8, Text: sim.FlushFailed}}, check.Violation},
		"done":                              {[]sim.Event{{What: sim.Flushed, Tag: 7}, {What: sim.Flushed, Tag: 8}}, check.Pass},
		"at once":                           {[]sim.Event{{What: sim.Flushing}}, check.Pass},
	} {
		if r := hoarded([]protocol.Node{hoard(0)}, append(slices.Clip(begin), c.then...)...); r.Verdict != c.want {
			t.Errorf("%s: %v %q, want %v", name, r.Verdict, r.Detail, c.want)
		}
	}
}

// A scenario may have no machine, or a nil pointer, for a node that never started.
func TestNodesThatAreDownAreNotAskedFor(t *testing.T) {
	if r := hoarded([]protocol.Node{hoard(2), hoard(9)}, sim.Event{What: sim.Crashed, Node: 1}); r.Verdict != check.Pass {
		t.Errorf("%v: %q, want pass: node 1 is down", r.Verdict, r.Detail)
	}
	if r := hoarded([]protocol.Node{hoard(9), hoard(2)}, sim.Event{What: sim.Damaged, Node: 1}); r.Verdict != check.NotApplicable {
		t.Errorf("%v: %q, want not applicable: node 1 is down for good", r.Verdict, r.Detail)
	}
}

func TestALimitHoldsAtAnyTime(t *testing.T) {
	for _, x := range []struct {
		items int
		want  check.Verdict
	}{{2, check.Pass}, {3, check.Violation}} {
		c := check.Limited("limits", 1, func(protocol.NodeID) protocol.Node { return hoard(x.items) }, func(name string) (int, bool) {
			return 2, name == "hoard.items"
		})
		for range 20 {
			c.Observe(&sim.Event{What: sim.Received})
		}
		if r := c.Result(1); r.Verdict != x.want {
			t.Errorf("with %d items it is %v, want %v", x.items, r.Verdict, x.want)
		}
	}
}
