package scenario_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// counter counts what it receives, tells its neighbour of each input, and says so. It
// forgets all in a crash.
type counter struct{ n byte }

func (c *counter) Start(*protocol.Env) {}

func (c *counter) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.n++
	if from == protocol.Outside {
		env.Send(1-env.ID(), protocol.KindOf("told"), msg)
	}
	env.Output(protocol.KindOf("count"), []byte{c.n})
}

func (c *counter) Timeout(*protocol.Env, uint64) {}

// counting returns inputs to one of two counters, and crashes them. No count may fall back
// below what it was. It is a scenario as somebody else would write it.
func counting() *scenario.Scenario {
	return &scenario.Scenario{
		Name: "counting", Shows: "counters that forget", MinNodes: 1, MaxNodes: 2,
		Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Jitter: time.Millisecond, Loss: protocol.Percent(10), Until: time.Minute, Faults: "crash"},
		Own: []*scenario.Param{
			scenario.Int("inputs", 10, 0, 100, "how often the first counter is asked"),
			scenario.Duration("pause", time.Second, time.Millisecond, time.Hour, "between inputs"),
			scenario.Choice("colour", "red", []string{"red", "blue"}, "of the counters"),
			scenario.Ratio("tired", protocol.Ratio{}, protocol.Percent(50), "how often a counter is"),
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{
				Nodes: b.Nodes,
				Node:  func(protocol.NodeID) protocol.Node { return new(counter) },
				Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
				Until: protocol.Time(b.Until),
			}
			for i := range uint64(b.Int("inputs")) {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(b.Duration("pause")), Body: []byte{1}})
			}
			plan.Faults = b.DrawFaults(swarm.Config{
				Nodes: []protocol.NodeID{0, 1}[:b.Nodes], From: 1, To: protocol.Time(10 * time.Second), Delay: 10 * time.Millisecond, Most: 8,
			})
			counts := make(map[protocol.NodeID]byte)
			return &scenario.Run{Plan: plan, Checks: check.Suite{check.Always("counts grow", sim.Output, func(e *sim.Event) (bool, error) {
				before := counts[e.Node]
				counts[e.Node] = e.Body[0]
				if e.Body[0] <= before {
					return true, fmt.Errorf("node %v counts %d after %d", e.Node, e.Body[0], before)
				}
				return true, nil
			})}}
		},
	}
}
