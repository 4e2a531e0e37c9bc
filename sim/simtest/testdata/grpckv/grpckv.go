// Package grpckv puts a service over google.golang.org/grpc under dessim. Package kv is the code
// under test.
package grpckv

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/grpckv/kv"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	begun = protocol.Time(time.Second)      // faults come after
	storm = protocol.Time(20 * time.Second) // and before
	calm  = protocol.Time(30 * time.Second)
	// span is the unit of the lengths of faults, which are up to 486 times as long.
	span = 10 * time.Millisecond
)

// Outputs of clients.
var (
	kindAsks = protocol.KindOf("asks") // what it asks
	kindGets = protocol.KindOf("gets") // and the answer
	kindSees = protocol.KindOf("sees") // a write, on the stream of all
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
	Answer kv.Entry `json:",omitzero"`
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve runs the server on a simulated host, whose records are its disk.
func serve(forgets bool) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		return kv.Serve(ctx, kv.Config{Disk: h, Forgets: forgets})
	}
}

// use runs a client, whose inputs are requests. It watches all writes, too.
func use(ctx context.Context, h *host.Host) error {
	c, err := kv.Dial(host.Name(0))
	if err != nil {
		return err
	}
	go c.Watch(ctx, func(e kv.Entry) { h.Output(kindSees, text(e)) })
	for op := uint64(h.Incarnation()) << 32; ; op++ {
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
			a.Answer, err = c.Get(ctx, a.Key)
		} else {
			a.Answer, err = c.Put(ctx, fmt.Sprint(h.Name(), "-", op), a.Key, a.Value)
		}
		if err == nil {
			h.Output(kindGets, text(a))
		}
	}
}

// Scenario has clients write, read and watch while nodes crash and links fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "grpckv",
		Shows:    "clients of a service over gRPC see one store, whatever fails",
		MinNodes: 2, MaxNodes: 20,
		Defaults: scenario.Params{Nodes: 4, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: time.Minute, Faults: "crash,restart,partition,lose,copy"},
		Own: []*scenario.Param{
			scenario.Int("ops", 90, 1, 2000, "how many operations clients make"),
			scenario.Choice("repeats", "once", []string{"once", "again"}, "how a request that a client repeats is carried out: once, or again, which is a mistake"),
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
	clients := b.Nodes - 1 // node 0 is the server
	forgets := b.Choice("repeats") == "again"
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			if id == 0 {
				return host.New(serve(forgets), host.Options{Salt: b.Seed})
			}
			return host.New(use, host.Options{Salt: b.Seed})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("ops")), clients),
		Until:  protocol.Time(b.Until),
	}
	var all []protocol.NodeID
	for i := range plan.Nodes {
		all = append(all, protocol.NodeID(i))
	}
	plan.Faults = b.DrawFaults(swarm.Config{Nodes: all, From: begun, To: storm, Delay: span, Most: 8})
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{once(), linearizable(), sameOrder(), seen(clients, plan.Until), answered(plan.Until)}}
}

// inputs have clients read and write two keys, until some time after the faults.
func inputs(ops uint64, clients int) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	for i := range ops {
		r := request{Key: fmt.Sprint("k", i/3%2)}
		if i%3 != 2 {
			r.Value = fmt.Sprint("v", i)
		}
		at := last / protocol.Time(ops) * protocol.Time(i)
		list = append(list, sim.Input{ID: i, At: at, Node: protocol.NodeID(1 + int(i/2)%clients), Body: text(r)})
	}
	return list
}
