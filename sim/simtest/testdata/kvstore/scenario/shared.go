package scenario

import (
	"fmt"
	"time"

	"example.com/kvstore"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// Shared has several clients, each of which writes every key once, reads it once, and does not
// wait for the others. What they are told is judged by package linear.
func Shared() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "shared",
		Shows:    "clients that share keys see one store",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 4 * time.Millisecond, Until: time.Minute, Faults: "crash,restart"},
		Own: []*scenario.Param{
			scenario.Int("clients", 3, 1, 20, "how many clients share the keys"),
			scenario.Int("keys", 5, 1, 1000, "how many keys there are"),
		},
		Unused: []string{"nodes"},
		Text:   Writes().Text,
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := share(uint64(b.Int("clients")), uint64(b.Int("keys")))
			plan.Link = sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy}
			plan.Until = protocol.Time(b.Until)
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{server}, From: 1, To: storm, Delay: 5 * time.Millisecond, Most: 8})
			return &scenario.Run{Plan: plan, Checks: check.Suite{oneStore()}}
		},
	}
}

// share has each client write a key, and read it a little later, while others write it.
func share(clients, keys uint64) sim.Plan {
	plan := plan(0)
	plan.Nodes = client + int(clients)
	for key := range keys {
		for c := range clients {
			at := storm/protocol.Time(keys)*protocol.Time(key) + protocol.Time(c)*protocol.Time(2*time.Millisecond)
			node, id := client+protocol.NodeID(c), 2*(key*clients+c)
			plan.Inputs = append(plan.Inputs,
				sim.Input{ID: id, At: at, Node: node, Body: kvstore.Put(key, c+1)},
				sim.Input{ID: id + 1, At: at + protocol.Time(50*time.Millisecond), Node: node, Body: kvstore.Get(key)})
		}
	}
	return plan
}

// oneStore requires that some order of all writes and reads explains what clients were told.
// A client does each once with a key, which tells what an answer belongs to.
func oneStore() *check.Check {
	history := linear.NewHistory(linear.Model[uint64, kvstore.Message, kvstore.Message]{
		Step: func(value uint64, asked kvstore.Message, told *kvstore.Message) (uint64, bool) {
			if asked.Writes() {
				return asked.Value, true
			}
			return value, told == nil || told.Value == value
		},
		Part: func(asked kvstore.Message) string { return fmt.Sprintf("key %d", asked.Key) },
		Text: func(asked kvstore.Message, told *kvstore.Message) string {
			switch {
			case asked.Writes():
				return fmt.Sprintf("write %d", asked.Value)
			case told == nil:
				return "read"
			}
			return fmt.Sprintf("read %d", told.Value)
		},
	})
	return history.Linearizable("clients see one store").Seeing(sim.Received|sim.Output, func(e *sim.Event) {
		m, ok := kvstore.Decode(e.Body)
		op := 2 * m.Key
		if ok && m.Writes() {
			op++
		}
		switch {
		case e.What == sim.Output:
			history.Return(e, op, m)
		case e.Peer == protocol.Outside:
			history.Call(e, op, m)
		}
	})
}
