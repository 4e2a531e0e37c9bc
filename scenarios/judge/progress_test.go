package judge

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/check"
)

// Node 0 of three broadcasts at 1s; nodes 0 and 1 deliver that, or not, and node 2 is down.
func TestAMajorityThatStaysConnectedMustDeliver(t *testing.T) {
	const delay = time.Millisecond
	for _, x := range []struct {
		node1  bool          // delivers
		end    time.Duration // of the run
		want   check.Verdict
		detail string
	}{
		{true, 3 * time.Second, check.Pass, ""},
		{false, 3 * time.Second, check.Violation, "node 1 has not delivered 0/1/1, broadcast"},
		{false, time.Second + patienceDelays*delay/2, check.NotApplicable, "no majority stays connected for 800ms"},
	} {
		plan := &sim.Plan{Nodes: 3}
		sent := uint64(0)
		p := NewProgress(plan, 3, false, delay, func(id protocol.NodeID) uint64 { return sent * uint64(1-min(id, 1)) })
		suite := p.Checks()
		show := func(e sim.Event) {
			p.Observe(&e)
			suite[0].Observe(&e)
		}
		for id := range protocol.NodeID(2) {
			show(sim.Event{What: sim.Started, Node: id, Incarnation: 1})
		}
		sent = 1
		now := protocol.Time(time.Second)
		show(sim.Event{What: sim.Fired, Node: 0, At: now})
		for id := range protocol.NodeID(2) {
			if id == 0 || x.node1 {
				show(sim.Event{What: sim.Output, Kind: abcast.KindDelivered, Node: id, At: now, Body: abcast.AppendDelivered(nil, 0, abcast.MsgID{Node: 0, Incarnation: 1, Seq: 1})})
			}
		}
		if suite.Done() == !x.node1 {
			t.Errorf("a run is done: %v, though node 1 delivers: %v", suite.Done(), x.node1)
		}
		show(sim.Event{What: sim.Ended, At: protocol.Time(x.end)})
		if r := suite[0].Result(protocol.Time(x.end)); r.Verdict != x.want || !strings.Contains(r.Detail, x.detail) {
			t.Errorf("%v until %v: %v %q, want %v %q", x.node1, x.end, r.Verdict, r.Detail, x.want, x.detail)
		}
	}
}

func TestProgressOfManyNodesIsRuledOut(t *testing.T) {
	p := NewProgress(&sim.Plan{}, check.MaxCore+1, false, 1, nil)
	if r := p.Checks()[0].Result(1); r.Verdict != check.NotApplicable || p.Watch() != 0 {
		t.Errorf("%+v, watches %v", r, p.Watch())
	}
}
