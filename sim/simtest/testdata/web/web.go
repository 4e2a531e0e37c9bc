// Package web puts a service over HTTP under dessim. Package store is the code under test, which
// uses the standard library alone.
package web

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/web/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	clients = 2
	begun   = protocol.Time(time.Second)      // faults come after
	storm   = protocol.Time(15 * time.Second) // and before
	calm    = protocol.Time(20 * time.Second)
	// span is the unit of the lengths of faults, which are up to 486 times as long.
	span = 10 * time.Millisecond
)

// Outputs of clients.
var (
	kindAsks = protocol.KindOf("asks") // what it asks
	kindGets = protocol.KindOf("gets") // and the answer
)

// request is an input of a client. Without a value, it is a read.
type request struct {
	Key   string
	Value string `json:",omitempty"`
}

// asked is an operation of a client, and its answer.
type asked struct {
	Op uint64
	request
	Answer store.Entry `json:",omitzero"`
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve runs a server on a simulated host, whose records are its disk.
func serve(early bool) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		return store.Serve(ctx, store.Config{Name: h.Name(), Leader: host.Name(0), Disk: h, AnswerEarly: early})
	}
}

// ask runs a client, whose inputs are requests.
func ask(servers []string) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		c := store.NewClient(servers, int(h.ID())%len(servers))
		for op := uint64(0); ; op++ {
			in, err := h.Input(ctx)
			if err != nil {
				return err
			}
			a := asked{Op: op}
			if err := json.Unmarshal(in, &a.request); err != nil {
				return err
			}
			h.Output(kindAsks, text(a))
			if a.Value == "" {
				a.Answer, err = c.Get(a.Key)
			} else {
				a.Answer, err = c.Put(fmt.Sprint(h.Name(), "-", h.Incarnation(), "-", op), a.Key, a.Value)
			}
			if err == nil {
				h.Output(kindGets, text(a))
			}
		}
	}
}

// Scenario has clients write and read while servers crash and links fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "web",
		Shows:    "a store over HTTP is linearizable and keeps what it acknowledged, whatever fails",
		MinNodes: 1, MaxNodes: 20,
		Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 45 * time.Second, Faults: "crash,restart,partition,lose,copy"},
		Own: []*scenario.Param{
			scenario.Int("ops", 60, 1, 2000, "how many operations clients make"),
			scenario.Choice("ack", "safe", []string{"safe", "early"}, "when the leader acknowledges a write: when it is safe on the disk, or before, which is a mistake"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

// Find returns the scenario of that name, or nil.
func Find(name string) *scenario.Scenario {
	return scenario.Find([]*scenario.Scenario{Scenario()}, name)
}

func build(b *scenario.Setup) *scenario.Run {
	var names []string
	var servers []protocol.NodeID
	for i := range b.Nodes {
		servers = append(servers, protocol.NodeID(i))
		names = append(names, host.Name(protocol.NodeID(i)))
	}
	early := b.Choice("ack") == "early"
	plan := sim.Plan{
		Nodes: b.Nodes + clients,
		Node: func(id protocol.NodeID) protocol.Node {
			if int(id) < b.Nodes {
				return host.New(serve(early), host.Options{Salt: b.Seed})
			}
			return host.New(ask(names), host.Options{Salt: b.Seed})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("ops")), protocol.NodeID(b.Nodes)),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: servers, From: begun, To: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{kept(), linearizable(), answered(plan.Until)}}
}

// inputs have clients read and write two keys, until some time after the faults.
func inputs(ops uint64, first protocol.NodeID) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	for i := range ops {
		r := request{Key: fmt.Sprint("k", i/3%2)}
		if i%3 != 2 {
			r.Value = fmt.Sprint("v", i)
		}
		at := last / protocol.Time(ops) * protocol.Time(i)
		list = append(list, sim.Input{ID: i, At: at, Node: first + protocol.NodeID(i/2%clients), Body: text(r)})
	}
	return list
}
