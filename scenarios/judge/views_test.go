package judge

import (
	"testing"

	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/check"
)

// Node 0 installs views in which incarnation 2 of node 1 is followed by the given one.
func TestAViewWithAnEarlierIncarnationIsReported(t *testing.T) {
	for incarnation, want := range []check.Verdict{1: check.Violation, 2: check.Pass, 3: check.Pass} {
		if incarnation == 0 {
			continue
		}
		v := NewViews(2)
		forward := v.forward()
		views := [][]abcast.Member{
			{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 2}},
			{{Node: 0, Incarnation: 1}},
			{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: uint32(incarnation)}},
		}
		for i, members := range views {
			e := sim.Event{What: sim.Output, Kind: abcast.KindViewed, Incarnation: 1, Body: abcast.AppendView(nil, abcast.View{Number: uint64(i + 1), Members: members})}
			v.Observe(&e)
			forward.Observe(&e)
		}
		if r := forward.Result(1); r.Verdict != want {
			t.Errorf("incarnation %d: %v %q, want %v", incarnation, r.Verdict, r.Detail, want)
		}
	}
}
