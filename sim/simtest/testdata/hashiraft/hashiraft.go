// Package hashiraft puts servers of hashicorp/raft, with the library's own TCP transport, under
// dessim. Package server is the code under test.
package hashiraft

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/hashiraft/server"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	clients = 2
	storm   = protocol.Time(15 * time.Second) // faults come before
	calm    = protocol.Time(25 * time.Second)
)

// Outputs.
var (
	kindLeads = protocol.KindOf("leads") // a term
	kindAsks  = protocol.KindOf("asks")  // of a client: what it asks
	kindGets  = protocol.KindOf("gets")  // and the answer
)

// asked is an operation of a client, and its answer.
type asked struct {
	Op      uint64
	Command server.Command
	Value   string
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve runs a server on a simulated host.
func serve(members []string, local bool) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		disk, err := newRecords(h)
		if err != nil {
			return err
		}
		return server.Serve(ctx, server.Config{
			Name: h.Name(), Members: members, Logs: disk, Stable: disk, LocalReads: local,
			Leads: func(term uint64) { h.Output(kindLeads, text(term)) },
		})
	}
}

// inFiles runs a server that has its log and snapshots in files.
func inFiles(members []string, local bool, store string, snapshot uint64) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		c := server.Config{
			Name: h.Name(), Members: members, LocalReads: local,
			Leads: func(term uint64) { h.Output(kindLeads, text(term)) },
		}
		if err := c.OpenFiles("/data", store, snapshot); err != nil {
			return err
		}
		return server.Serve(ctx, c)
	}
}

// ask runs a client, whose inputs are commands.
func ask(members []string) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		c := &server.Client{Servers: members}
		for op := uint64(0); ; op++ {
			in, err := h.Input(ctx)
			if err != nil {
				return err
			}
			a := asked{Op: op}
			if err := json.Unmarshal(in, &a.Command); err != nil {
				return err
			}
			h.Output(kindAsks, text(a))
			if a.Value, err = c.Do(a.Command); err == nil {
				h.Output(kindGets, text(a))
			}
		}
	}
}

// Scenario has clients write and read while servers crash and links fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "hashiraft",
		Shows:    "a store on hashicorp/raft is linearizable, whatever fails",
		MinNodes: 1, MaxNodes: 9,
		Defaults: scenario.Params{Nodes: 3, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 50 * time.Second, Faults: "crash,restart,partition,lose,copy"},
		Own: []*scenario.Param{
			scenario.Int("ops", 40, 1, 2000, "how many operations clients make"),
			scenario.Choice("store", "records", append([]string{"records"}, server.Stores...), "where servers keep their logs: records of the host, files of raft-boltdb, or of raft-wal"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced in files: see package volume"),
			scenario.Int("snapshot", 16, 1, 10000, "entries of the log between two snapshots, for a store in files"),
			scenario.Choice("reads", "log", []string{"log", "local"}, "how the leader reads: through its log, or from its memory, which is a mistake"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

func build(b *scenario.Setup) *scenario.Run {
	var members []string
	for i := range b.Nodes {
		members = append(members, host.Name(protocol.NodeID(i)))
	}
	options := host.Options{
		Salt: b.Seed,
		Disk: host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))},
	}
	program := serve(members, b.Choice("reads") == "local")
	if store := b.Choice("store"); store != "records" {
		options.RestartAfter = time.Second // a server ends when it cannot save its term
		program = inFiles(members, b.Choice("reads") == "local", store, uint64(b.Int("snapshot")))
	}
	plan := sim.Plan{
		Nodes: b.Nodes + clients,
		Node: func(id protocol.NodeID) protocol.Node {
			if int(id) < b.Nodes {
				return host.New(program, options)
			}
			return host.New(ask(members), host.Options{Salt: b.Seed})
		},
		Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:  sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Until: protocol.Time(b.Until),
	}
	ops := uint64(b.Int("ops"))
	span := calm + protocol.Time(10*time.Second)
	for i := range ops {
		c := server.Command{Op: "put", Key: fmt.Sprint("k", i/3%2), Value: fmt.Sprint("v", i)}
		if i%3 == 2 {
			c.Op, c.Value = "get", ""
		}
		at := protocol.Time(2*time.Second) + span/protocol.Time(ops)*protocol.Time(i)
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: at, Node: protocol.NodeID(b.Nodes + int(i)%clients), Body: text(c)})
	}
	var servers []protocol.NodeID
	for i := range b.Nodes {
		servers = append(servers, protocol.NodeID(i))
	}
	plan.Faults = b.DrawFaults(swarm.Config{Nodes: servers, From: 1, To: storm, Delay: b.Delay + b.Jitter, Most: 8})
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{oneLeader(), linearizable(), answered(plan.Until)}}
}

// oneLeader requires that a term has one leader.
func oneLeader() *check.Check {
	leaders := make(map[string]protocol.NodeID)
	return check.Always("a term has one leader", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindLeads {
			return false, nil
		}
		if other, ok := leaders[string(e.Body)]; ok && other != e.Node {
			return true, fmt.Errorf("nodes %v and %v both lead term %s", other, e.Node, e.Body)
		}
		leaders[string(e.Body)] = e.Node
		return true, nil
	})
}

// register is what one key should do.
var register = linear.Model[string, server.Command, string]{
	Step: func(state string, in server.Command, out *string) (string, bool) {
		if in.Op == "put" {
			state = in.Value
		}
		return state, out == nil || *out == state
	},
	Part: func(in server.Command) string { return "key " + in.Key },
	Text: func(in server.Command, out *string) string {
		s := in.Op + " " + in.Key
		if in.Op == "put" {
			s += " " + in.Value
		} else if out != nil {
			s += ": " + *out
		}
		return s
	},
}

// linearizable requires that one order explains all answers.
func linearizable() *check.Check {
	h := linear.NewHistory(register)
	return h.Linearizable("what clients saw is linearizable").Seeing(sim.Output, func(e *sim.Event) {
		var a asked
		if json.Unmarshal(e.Body, &a) != nil {
			return
		}
		switch e.Kind {
		case kindAsks:
			h.Call(e, a.Op, a.Command)
		case kindGets:
			h.Return(e, a.Op, a.Value)
		}
	})
}

// answered requires that when all has healed, operations are answered again.
func answered(until protocol.Time) *check.Check {
	return check.Answered("after the faults, operations are answered", calm, until, kindAsks, kindGets)
}
