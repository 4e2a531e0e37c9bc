package scenario_test

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

// relay passes a number on until it is 0, and panics at a number that it does not like.
type relay struct{ bad byte }

func (*relay) Start(*protocol.Env)           {}
func (*relay) Timeout(*protocol.Env, uint64) {}

func (r *relay) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	if msg[0] == r.bad {
		panic("a bad number")
	}
	env.Output(protocol.KindOf("had"), msg)
	if msg[0] > 0 {
		env.Send((env.ID()*7+protocol.NodeID(msg[0]))%relays, protocol.KindOf("pass"), []byte{msg[0] - 1, msg[1]})
	}
}

const relays = 64

// relaying returns many relays, of which each is given a number at the start.
func relaying(bad byte, apart bool, more ...*check.Check) *scenario.Scenario {
	return &scenario.Scenario{
		Name: "relaying", Shows: "numbers that get smaller",
		Defaults: scenario.Params{Nodes: relays, Delay: time.Millisecond, Jitter: time.Millisecond, Until: time.Minute},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{
				Nodes: relays,
				Node:  func(protocol.NodeID) protocol.Node { return &relay{bad} },
				Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter},
				Until: protocol.Time(b.Until),
			}
			for i := range uint64(4 * relays) {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i), Node: protocol.NodeID(i % relays), Body: []byte{200, byte(i)}})
			}
			had := check.Always("numbers are small", sim.Output, func(e *sim.Event) (bool, error) { return e.Body[0] > 0, nil })
			return &scenario.Run{Plan: plan, Apart: apart, Checks: append(check.Suite{had.ReadingEvents()}, more...)}
		},
	}
}

func TestReportsAreTheSameOnTwoThreads(t *testing.T) {
	const none = 255
	nosy := func() *check.Check {
		return check.Always("nosy", sim.Output, func(*sim.Event) (bool, error) { return true, nil })
	}
	for _, c := range []struct {
		name string
		of   func() *scenario.Scenario
		o    scenario.Options
		why  string // there are no two threads
	}{
		{"in parts", func() *scenario.Scenario { return relaying(none, true) }, scenario.Options{}, ""},
		{"a panic", func() *scenario.Scenario { return relaying(77, true) }, scenario.Options{}, ""},
		{"no word of parts", func() *scenario.Scenario { return relaying(none, false) }, scenario.Options{},
			"2 threads asked, the run is serial: scenario relaying does not say that its nodes can be parted"},
		{"a check that sees all", func() *scenario.Scenario { return relaying(none, true, nosy()) }, scenario.Options{},
			`2 threads asked, the run is serial: check "nosy" may look at any node while it watches`},
		{"until a check fails", func() *scenario.Scenario { return relaying(none, true) }, scenario.Options{Until: "numbers are small"},
			"2 threads asked, the run is serial: it ends when a check fails"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(threads int) (r scenario.Report, trace string, why []string) {
				seen, o := new(sim.Trace), c.o
				o.Observers, o.Threads, o.Fewer = []sim.Observer{seen}, threads, func(text string) { why = append(why, text) }
				s := c.of()
				r, _ = s.Execute(1, s.Defaults, source.Seed(1), o)
				r.Scenario = nil
				return r, seen.String(), why
			}
			one, seen, _ := run(1)
			two, same, why := run(2)
			if got := strings.Join(why, "; "); got != c.why {
				t.Errorf("told %q, want %q", got, c.why)
			}
			if seen != same {
				t.Error("the traces differ")
			}
			if one.Panic != nil && two.Panic != nil {
				if d := cmp.Diff(one.Panic.Error(), two.Panic.Error()); d != "" {
					t.Error(d)
				}
				one.Panic, two.Panic = nil, nil
			}
			if d := cmp.Diff(one, two); d != "" {
				t.Errorf("on one thread (-) and on two (+):\n%s", d)
			}
		})
	}
}
