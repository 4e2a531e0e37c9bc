// Package workload makes a scenario of a library and of how it is used: nodes that are programs,
// requests that come to one of them, several at an instant, and the checks that each is answered, and
// answered well.
package workload

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// kindAnswer is the output for a request: its number, and what is wrong, if anything.
var kindAnswer = protocol.KindOf("answer")

// Workload describes a scenario in a few fields.
type Workload struct {
	Name, Shows string
	Nodes       []host.Program // the last one answers the requests
	Requests    int            // how many there are
	AtOnce      int            // how many come at one instant
	Every       time.Duration  // between two such instants
	Faults      string         // by default
	For         time.Duration  // that a request may take, beside a minute
	Checks      func() []*check.Check
	From        time.Duration // when faults may begin
	Short       bool          // lives end by crashes: requests that a crash ends are not waited for
}

// accept is how long it takes until a request is begun. Each input has a step of its own; the timers
// of one instant share a step, and so do the requests that they begin: their orders can be searched.
const accept = time.Millisecond

// Answer has do carry out each request in a goroutine of its own, once it has come. An error is what
// is wrong with the library.
func Answer(ctx context.Context, h *host.Host, do func(request uint64) error) error {
	for {
		in, err := h.Input(ctx)
		if err != nil {
			return err
		}
		go func() {
			time.Sleep(accept)
			request, err := strconv.ParseUint(string(in), 10, 64)
			if err == nil {
				err = do(request)
			}
			if err != nil {
				in = fmt.Appendf(in, ": %v", err)
			}
			h.Output(kindAnswer, in)
		}()
	}
}

// Scenario returns the scenario.
func (w Workload) Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     w.Name,
		Shows:    w.Shows,
		Defaults: scenario.Params{Nodes: len(w.Nodes), Delay: time.Millisecond, Jitter: 2 * time.Millisecond, Until: time.Minute + w.For, Faults: w.Faults},
		Unused:   []string{"nodes"},
		Own: []*scenario.Param{
			scenario.Int("requests", w.Requests, 1, 1000, "how many requests there are"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo: what ext4 and XFS allow, all that POSIX permits, or nothing"),
			scenario.Int("at-once", w.AtOnce, 1, 100, "how many of them come at one instant"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: w.build,
	}
}

func (w Workload) build(b *scenario.Setup) *scenario.Run {
	last := protocol.NodeID(len(w.Nodes) - 1)
	var nodes []protocol.NodeID
	for i := range w.Nodes {
		nodes = append(nodes, protocol.NodeID(i))
	}
	plan := sim.Plan{
		Nodes: len(w.Nodes),
		Node: func(id protocol.NodeID) protocol.Node {
			return host.New(w.Nodes[id], host.Options{Salt: b.Seed, Disk: host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}})
		},
		Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:  sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Until: protocol.Time(b.Until),
	}
	at := protocol.Time(w.Every)
	for i := range uint64(b.Int("requests")) {
		if i > 0 && i%uint64(b.Int("at-once")) == 0 {
			at += protocol.Time(w.Every)
		}
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: at, Node: last, Body: fmt.Append(nil, i)})
	}
	plan.Faults = b.DrawFaults(swarm.Config{Nodes: nodes, From: protocol.Time(w.From) + 1, To: at + 1, Heal: at + 1, Delay: w.Every / 2, Most: 4})
	suite := check.Suite{right()}
	if !w.Short {
		suite = append(suite, answered(plan.Until))
	}
	if w.Checks != nil {
		suite = append(suite, w.Checks()...)
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: suite}
}

// right requires that no answer says that something is wrong.
func right() *check.Check {
	return check.Always("every answer is right", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindAnswer {
			return false, nil
		}
		if _, what, wrong := strings.Cut(string(e.Body), ": "); wrong {
			return true, errors.New(what)
		}
		return true, nil
	})
}

// answered requires that each request is answered.
func answered(until protocol.Time) *check.Check {
	asked, got := uint64(0), uint64(0)
	return check.Eventually("every request is answered", until, func() (uint64, error) {
		if got < asked {
			return got, fmt.Errorf("%d of %d requests were answered", got, asked)
		}
		return got, nil
	}).Seeing(sim.Output|sim.Received, func(e *sim.Event) {
		switch {
		case e.What == sim.Received && e.Peer == protocol.Outside:
			asked++
		case e.What == sim.Output && e.Kind == kindAnswer:
			got++
		}
	})
}
