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
// wait for the others. Package linear judges their answers.
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

// request is what a client asks: to write a value, or to read one.
type request struct {
	write      bool
	key, value uint64
}

// oneStore requires that some order of all writes and reads explains the answers of clients.
// A client does each once with a key, which tells what an answer belongs to.
func oneStore() *check.Check {
	history := linear.NewHistory(linear.Model[uint64, request, uint64]{
		Step: func(value uint64, asked request, read *uint64) (uint64, bool) {
			if asked.write {
				return asked.value, true
			}
			return value, read == nil || *read == value
		},
		Part: func(asked request) string { return fmt.Sprintf("key %d", asked.key) },
		Text: func(asked request, read *uint64) string {
			switch {
			case asked.write:
				return fmt.Sprintf("write %d", asked.value)
			case read == nil:
				return "read"
			}
			return fmt.Sprintf("read %d", *read)
		},
	})
	return history.Linearizable("clients see one store").Seeing(sim.Received|sim.Output, func(e *sim.Event) {
		m, _ := kvstore.Decode(e.Body)
		switch write := string(e.Body) == string(kvstore.Put(m.Key, m.Value)); {
		case e.Kind == kvstore.KindWritten:
			history.Return(e, 2*m.Key+1, m.Value)
		case e.Kind == kvstore.KindRead:
			history.Return(e, 2*m.Key, m.Value)
		case e.Peer == protocol.Outside && write:
			history.Call(e, 2*m.Key+1, request{true, m.Key, m.Value})
		case e.Peer == protocol.Outside:
			history.Call(e, 2*m.Key, request{key: m.Key})
		}
	})
}
