// Package once has a program that fills a package's cache: its first run in a process differs from
// those that follow, as with many libraries.
package once

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

var kindAnswer = protocol.KindOf("answer")

// cache belongs to the process: no run empties it.
var cache sync.Map

// lookup computes the answer to a question once a process.
func lookup(question string) (answer string, filled bool) {
	if a, ok := cache.Load(question); ok {
		return a.(string), true
	}
	answer = strings.ToUpper(question)
	cache.Store(question, answer)
	return answer, false
}

func program(ctx context.Context, h *host.Host) error {
	for {
		question, err := h.Input(ctx)
		if err != nil {
			return err
		}
		answer, filled := lookup(string(question))
		h.Output(kindAnswer, fmt.Appendf(nil, "%s, filled %v", answer, filled))
	}
}

// Scenario has the program answer a question. Of the values of blame, the check objects to the
// runs that fill the cache (first), to the others (later), or to none.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "once",
		Shows:    "what is done once a process",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute},
		Own: []*scenario.Param{
			scenario.Choice("process", "run", []string{"run", "worker"}, "what has a process of its own: each run, or each worker of a sweep"),
			scenario.Choice("blame", "none", []string{"none", "first", "later"}, "which runs the check objects to: the first of a process, or later ones"),
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{
				Nodes:  b.Nodes,
				Node:   func(protocol.NodeID) protocol.Node { return host.New(program, host.Options{Salt: b.Seed}) },
				Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter},
				Until:  protocol.Time(b.Until),
				Inputs: []sim.Input{{ID: 0, At: protocol.Time(10 * time.Millisecond), Body: []byte("why")}, {ID: 1, At: protocol.Time(20 * time.Millisecond), Body: []byte("how")}},
			}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0}, From: 1, To: protocol.Time(30 * time.Millisecond), Delay: 5 * time.Millisecond, Most: 4})
			isolation := scenario.EachRun
			if b.Choice("process") == "worker" {
				isolation = scenario.EachWorker
			}
			return &scenario.Run{Plan: plan, Isolation: isolation, Unable: host.Unable(), Checks: check.Suite{blameless(b.Choice("blame"))}}
		},
	}
}

// blameless objects to an answer that was computed, or to one that was in the cache.
func blameless(blame string) *check.Check {
	return check.Always("no answer is to blame", sim.Output, func(e *sim.Event) (bool, error) {
		filled := strings.HasSuffix(string(e.Body), "true")
		if blame == "first" && !filled || blame == "later" && filled {
			return true, fmt.Errorf("the answer is %q", e.Body)
		}
		return true, nil
	})
}
