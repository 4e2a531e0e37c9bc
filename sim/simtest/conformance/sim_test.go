package conformance_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/conformance"
	"dessim/sim/source"
)

const ms = time.Millisecond

// simulator plays scripts in virtual time.
type simulator struct {
	seed   uint64
	link   sim.Link
	disk   sim.Disk
	lag    time.Duration
	keep   fault.Survival
	faults []fault.Fault
}

// rest is how long a Wait takes: much longer than anything that a script begins.
const rest = protocol.Time(time.Minute)

// Play implements conformance.Runtime: each action comes 1 ns after the one before.
func (r *simulator) Play(p *conformance.Play) (err error) {
	plan := sim.Plan{Nodes: p.Nodes, Link: r.link, Disk: r.disk, Lag: r.lag, Poison: true, Starts: make([]protocol.Time, p.Nodes)}
	plan.Faults = append(plan.Faults, r.faults...)
	if r.faults == nil { // true time is that of the nodes
		p.Sync = r.disk.Sync
	}
	at := protocol.Time(1)
	begun := make([]bool, p.Nodes)
	for i, a := range p.Actions {
		f := fault.Fault{ID: uint64(i), At: at, Node: a.Node, Disk: r.keep}
		at++
		switch a.Do {
		case conformance.Wait:
			at += rest
		case conformance.Input:
			plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: f.At, Node: a.Node, Body: a.Body})
		case conformance.Start:
			if !begun[a.Node] {
				begun[a.Node], plan.Starts[a.Node] = true, f.At
				continue
			}
			f.Op, f.Disk = fault.Restart, 0
			plan.Faults = append(plan.Faults, f)
		case conformance.Crash, conformance.Stop:
			f.Op = fault.Crash
			plan.Faults = append(plan.Faults, f)
		case conformance.CrashIn:
			f.Op, f.After = fault.Crash, a.K
			plan.Faults = append(plan.Faults, f)
		case conformance.FailSync:
			f.Op = fault.FailSync
			plan.Faults = append(plan.Faults, f)
		}
	}
	plan.Until = at + rest
	plan.Node = func(id protocol.NodeID) protocol.Node {
		if !begun[id] {
			return inert{} // the script never starts it, a plan starts all
		}
		return p.Make(id)
	}
	plan.Faults = append(plan.Faults, fault.Fault{ID: 1 << 40, Op: fault.Heal, At: fault.Never})
	s, err := sim.New(plan, answers{source.Seed(r.seed), p.Source()}, &told{p})
	if err != nil {
		return err
	}
	defer func() {
		var panicked *sim.Panic
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.As(err, &panicked) {
				panic(v)
			}
			p.Down(panicked.Node, panicked.Value)
		}
	}()
	s.Run()
	return nil
}

// inert is a node that does nothing.
type inert struct{}

func (inert) Start(*protocol.Env)                            {}
func (inert) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (inert) Timeout(*protocol.Env, uint64)                  {}

// answers answers the questions of the simulator, and those of the nodes.
type answers struct{ sim, nodes protocol.Source }

func (a answers) Choose(k protocol.Key, n uint64) uint64 {
	if k.Kind == conformance.Questions {
		return a.nodes.Choose(k, n)
	}
	return a.sim.Choose(k, n)
}

func (a answers) Chance(k protocol.Key, p protocol.Ratio) bool { return a.sim.Chance(k, p) }

// told tells a play what happens.
type told struct{ p *conformance.Play }

func (told) Watch() sim.What { return sim.Output | sim.Crashed | sim.Noted }

func (o *told) Observe(e *sim.Event) {
	switch e.What {
	case sim.Output:
		o.p.Output(e.Node, e.Body)
	case sim.Crashed:
		o.p.Down(e.Node, nil)
	}
}

func TestTheSimulatorKeepsTheContract(t *testing.T) {
	drift := []fault.Fault{{ID: 1 << 41, Op: fault.Drift, Node: 0, PPM: -150_000}, {ID: 1<<41 + 1, Op: fault.Drift, At: rest / 2, Node: 0, PPM: 40_000}}
	for name, r := range map[string]simulator{
		"plain":    {link: sim.Link{Delay: ms}},
		"quick":    {link: sim.Link{Delay: 1}},
		"slow":     {link: sim.Link{Delay: ms, Jitter: 30 * ms}, disk: sim.Disk{Sync: ms, Jitter: 10 * ms}},
		"lossy":    {link: sim.Link{Delay: ms, Jitter: 10 * ms, Shape: sim.HeavyTail, Loss: protocol.Percent(20), Copy: protocol.Percent(30)}, disk: sim.Disk{Jitter: 3 * ms}},
		"in order": {link: sim.Link{Delay: ms, Jitter: ms, Shape: sim.Exponential, FIFO: true}, disk: sim.Disk{Sync: 1}, keep: fault.KeepTorn},
		"torn":     {link: sim.Link{Delay: ms}, disk: sim.Disk{Sync: ms}, keep: fault.KeepScattered},
		"drifting": {link: sim.Link{Delay: ms, Jitter: ms}, disk: sim.Disk{Sync: ms}, faults: drift},
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				t.Parallel()
				r := r
				r.seed = seed
				conformance.Run(t, func(testing.TB) conformance.Runtime { return &r })
			})
		}
	}
}
