// Package interleavings has programs with mistakes that only some order of their goroutines
// shows: a lost update, a deadlock, a lost wakeup, a data race, and an update lost to a request that
// comes later. In the order of arrival none does.
package interleavings

import (
	"context"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

var kindDone = protocol.KindOf("done")

// program does a job for each input, in a goroutine of its own, as a server does.
func program(begin func() job) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		do := begin()
		for {
			if _, err := h.Input(ctx); err != nil {
				return err
			}
			go func() { h.Output(kindDone, fmt.Append(nil, do())) }()
		}
	}
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{
		mistake("lostupdate", "an update between two locks is lost", "order,yield", lostUpdate),
		mistake("deadlock", "two locks in two orders", "order,yield", deadlock),
		mistake("lostwakeup", "a condition is looked at before the lock is taken", "order,yield", lostWakeup),
		mistake("datarace", "a value is made twice", "order,yield", dataRace),
		mistake("overtaken", "an update is lost to one that comes later", "order,yield,stall", overtaken),
	}
}

func mistake(name, shows, faults string, begin func() job) *scenario.Scenario {
	return &scenario.Scenario{
		Name:     name,
		Shows:    shows,
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Minute, Faults: faults},
		Own:      []*scenario.Param{scenario.Int("jobs", 10, 1, 1000, "how often the program does its job")},
		Build: func(b *scenario.Setup) *scenario.Run {
			jobs := uint64(b.Int("jobs"))
			plan := sim.Plan{
				Nodes: b.Nodes,
				Node:  func(protocol.NodeID) protocol.Node { return host.New(program(begin), host.Options{Salt: b.Seed}) },
				Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter},
				Until: protocol.Time(b.Until),
			}
			for i := range jobs {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(10*time.Millisecond)})
			}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0}, From: 1, To: protocol.Time(jobs+1) * protocol.Time(10*time.Millisecond), Delay: 5 * time.Millisecond, Most: 4})
			return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{right(), done(plan.Until)}}
		},
	}
}

// right requires that each job ends as it should.
func right() *check.Check {
	return check.Always("the outcome is right", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind == kindDone && string(e.Body) != "true" {
			return true, fmt.Errorf("the outcome is wrong")
		}
		return true, nil
	})
}

// done requires that each job ends.
func done(until protocol.Time) *check.Check {
	begun, ended := uint64(0), uint64(0)
	return check.Eventually("every job ends", until, func() (uint64, error) {
		if ended < begun {
			return ended, fmt.Errorf("%d of %d jobs ended", ended, begun)
		}
		return ended, nil
	}).Seeing(sim.Output|sim.Received, func(e *sim.Event) {
		if e.What == sim.Received {
			begun++
		} else if e.Kind == kindDone {
			ended++
		}
	})
}
