// Package scenario tests the store: it writes keys while the server crashes from time to
// time, and reads all keys afterwards.
package scenario

import (
	"fmt"
	"time"

	"example.com/kvstore"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/stats"
	"dessim/sim/swarm"
)

const (
	server = 0
	client = 1
	storm  = protocol.Time(2 * time.Second)
	calm   = 5 * storm // the server is up again, whatever has happened
)

// All is the table of scenarios.
func All() []*scenario.Scenario { return []*scenario.Scenario{Writes(), Shared()} }

// Find returns the scenario of that name, or nil.
func Find(name string) *scenario.Scenario { return scenario.Find(All(), name) }

// Writes writes every key once, and reads it later. The identities of the writes are 0
// to writes-1, those of the reads come after them.
func Writes() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "writes",
		Shows:    "a store that crashes keeps what it acknowledged",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 4 * time.Millisecond, Until: time.Minute, Faults: "crash,restart"},
		Own:      []*scenario.Param{scenario.Int("writes", 20, 1, 10_000, "how many keys are written")},
		Unused:   []string{"nodes"}, // one server; the client is not counted
		Small:    "-writes 2",
		Exhaust: &scenario.Exhaust{ // each message takes one of two delays; one crash, anywhere
			Small:     explore.Small{Merge: true, Delays: 2, Most: 1, Free: func(k protocol.Key) bool { return k.Kind != explore.KindCrash }},
			Adversary: explore.Adversary{Crashes: []time.Duration{5 * time.Millisecond}},
		},
		Text: func(_ *scenario.Params, e *sim.Event) string {
			m, ok := kvstore.Decode(e.Body)
			if !ok {
				return ""
			}
			return m.String()
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := plan(uint64(b.Int("writes")))
			plan.Link = sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy}
			plan.Until = protocol.Time(b.Until)
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{server}, From: 1, To: storm, Delay: 5 * time.Millisecond, Most: 8})
			return &scenario.Run{Plan: plan, Checks: check.Suite{survive()}, Measure: measure}
		},
	}
}

func plan(writes uint64) sim.Plan {
	plan := sim.Plan{
		Nodes: 2,
		Node: func(id protocol.NodeID) protocol.Node {
			if id == server {
				return new(kvstore.Server)
			}
			return kvstore.Client{}
		},
	}
	for key := range writes {
		at := storm / protocol.Time(writes) * protocol.Time(key)
		plan.Inputs = append(plan.Inputs,
			sim.Input{ID: key, At: at, Node: client, Body: kvstore.Put(key, key+1)},
			sim.Input{ID: writes + key, At: calm + at, Node: client, Body: kvstore.Get(key)})
	}
	return plan
}

// survive requires that a key whose write was acknowledged reads as written.
func survive() *check.Check {
	written := make(map[uint64]uint64)
	return check.Always("an acknowledged write is read back", sim.Output, func(e *sim.Event) (bool, error) {
		m, _ := kvstore.Decode(e.Body)
		switch want, known := written[m.Key]; {
		case e.Kind == kvstore.KindWritten:
			written[m.Key] = m.Value
			return false, nil
		case e.Kind != kvstore.KindRead:
			return false, nil
		case known && m.Value != want:
			return true, fmt.Errorf("key %d was acknowledged as %d and reads as %d", m.Key, want, m.Value)
		}
		return true, nil
	})
}

// measure measures how long the client waits. What a server that is down loses is never answered.
func measure(m *stats.Meter) {
	write := m.Time("write", "from the input of the client until its write is acknowledged")
	read := m.Time("read", "from the input of the client until it has the value")
	m.See(sim.Received|sim.Output, func(e *sim.Event) {
		x, _ := kvstore.Decode(e.Body)
		switch {
		case e.Kind == kvstore.KindWritten:
			write.End(x.Key, e.At)
		case e.Kind == kvstore.KindRead:
			read.End(x.Key, e.At)
		case e.Peer != protocol.Outside:
		case string(e.Body) == string(kvstore.Get(x.Key)):
			read.Begin(x.Key, e.At)
		default:
			write.Begin(x.Key, e.At)
		}
	})
}
