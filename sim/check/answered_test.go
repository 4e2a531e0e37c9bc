package check_test

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

func TestAfterTheFaultsARequestMustBeAnswered(t *testing.T) {
	asks, answers, other := protocol.KindOf("asks"), protocol.KindOf("answers"), protocol.KindOf("other")
	for _, c := range []struct {
		outputs []sim.Event
		want    check.Verdict
		detail  string
	}{
		{[]sim.Event{{At: 10, Kind: asks}, {At: 10, Kind: answers}}, check.Inconclusive, ""},
		{[]sim.Event{{At: 11, Kind: asks}, {At: 12, Kind: answers}}, check.Pass, ""},
		{[]sim.Event{{At: 10, Kind: answers}, {At: 11, Kind: asks}, {At: 12, Kind: other}}, check.Violation, "no request after 10ns was answered, of 1"},
		{[]sim.Event{{At: 11, Kind: asks}, {At: 12, Kind: asks}, {At: 13, Kind: answers}}, check.Pass, ""},
	} {
		x := check.Answered("requests are answered", 10, 20, asks, answers)
		for _, e := range c.outputs {
			e.What = sim.Output
			x.Observe(&e)
		}
		if r := x.Result(20); r.Verdict != c.want || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%v: %s, %q; want %s, %q", c.outputs, r.Verdict, r.Detail, c.want, c.detail)
		}
	}
}
