// Package nats puts a cluster of nats servers with a stream under dessim. Package server is the code under
// test.
package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/nats/server"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	begun = protocol.Time(15 * time.Second) // faults come after
	storm = protocol.Time(45 * time.Second)
	calm  = protocol.Time(85 * time.Second) // what is asked from now on is done
	last  = protocol.Time(95 * time.Second)
	span  = 20 * time.Millisecond // the unit of the lengths of faults, which are up to 486 times as long
)

// Outputs of a node.
var (
	kindAsks  = protocol.KindOf("asks")  // for a text to be stored, or for all
	kindDoes  = protocol.KindOf("does")  // it is
	kindReads = protocol.KindOf("reads") // them

	kindFailed = protocol.KindOf("failed") // a note
)

// told is an input, to store a text or to read all, and what is said of it.
type told struct {
	Text   string            `json:",omitempty"`
	Number uint64            `json:",omitempty"` // of Text
	Read   uint64            `json:",omitempty"` // which one it is
	Texts  map[uint64]string `json:",omitempty"` // that were read
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve returns a program that has inputs carried out by its server.
func serve(c server.Config) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		own := c
		own.Name = h.Name()
		s, err := server.Start(own)
		if err != nil {
			return err
		}
		go s.Prepare(ctx)
		for {
			in, err := h.Input(ctx)
			if err != nil {
				return err
			}
			var t told
			if err := json.Unmarshal(in, &t); err != nil {
				return err
			}
			go do(ctx, h, s, t)
		}
	}
}

func do(ctx context.Context, h *host.Host, s *server.Server, t told) {
	h.Output(kindAsks, text(t))
	kind, err := kindReads, error(nil)
	if t.Text == "" {
		t.Texts, err = s.Read(ctx)
	} else {
		kind = kindDoes
		t.Number, err = s.Publish(ctx, t.Text)
	}
	if err != nil {
		h.Note(kindFailed, err.Error())
		return
	}
	h.Output(kind, text(t))
}

// Scenario has servers store texts while they crash and links fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "nats",
		Shows:    "a stream of nats servers keeps what it acknowledged, in one order",
		MinNodes: 3, MaxNodes: 5,
		Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 110 * time.Second, Faults: "crash,restart,partition,lose,order"},
		Own: []*scenario.Param{
			scenario.Int("texts", 120, 1, 10000, "how many texts are stored"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced: see package volume"),
			scenario.Choice("sync", "always", []string{"always", "lazy"}, "when files are synced: at each write, or every two minutes, the library's default, which is a mistake if all lose power"),
			scenario.Choice("broken", "exits", []string{"exits", "stays"}, "what a server does when it cannot write: it is started again, or takes part no longer, the library's default"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

func build(b *scenario.Setup) *scenario.Run {
	c := server.Config{Dir: "/data", Lazy: b.Choice("sync") == "lazy", Stays: b.Choice("broken") == "stays"}
	var ids []protocol.NodeID
	for i := range b.Nodes {
		ids = append(ids, protocol.NodeID(i))
		c.Members = append(c.Members, host.Name(protocol.NodeID(i)))
	}
	disk := host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(serve(c), host.Options{Salt: b.Seed, RestartAfter: time.Second, Disk: disk})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("texts")), ids),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: ids, From: begun, To: storm, Heal: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{kept(), writes(plan.Until, b.Nodes)}}
}

// inputs has servers asked in turn, and each for all texts: soon after the faults, and at the end.
func inputs(texts uint64, nodes []protocol.NodeID) (list []sim.Input) {
	add := func(at protocol.Time, node protocol.NodeID, t told) {
		list = append(list, sim.Input{ID: uint64(len(list)), At: at, Node: node, Body: text(t)})
	}
	for i := range texts {
		at := begun + (last-begun)/protocol.Time(texts)*protocol.Time(i)
		add(at, nodes[i%uint64(len(nodes))], told{Text: fmt.Sprint("t", i)})
	}
	for i, n := range nodes {
		later := protocol.Time(time.Second) * protocol.Time(i)
		add(storm+later, n, told{Read: uint64(2*i + 1)})
		add(last+later, n, told{Read: uint64(2*i + 2)})
	}
	return list
}
