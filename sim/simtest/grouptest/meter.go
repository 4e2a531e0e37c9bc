package grouptest

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
)

// OneDelay is how long every message of a quiet run takes, so that times can be counted in
// delays.
const OneDelay = time.Millisecond

// A Meter counts what a quiet group does over a period.
type Meter struct {
	From, Until protocol.Time
	Kind        protocol.Kind // of the outputs of interest

	Sent   map[protocol.Kind]int
	Syncs  int
	Delays []int // from From to each output, ascending
}

// Quiet runs a group of that size without faults until m.Until, and meters it.
func (m *Meter) Quiet(p *Protocol, size int, inputs ...sim.Input) *Meter {
	m.Sent = map[protocol.Kind]int{}
	RunQuiet(sim.Plan{
		Nodes:  size,
		Node:   func(protocol.NodeID) protocol.Node { return p.NewHost(size) },
		Inputs: inputs,
		Until:  m.Until,
	}, m)
	slices.Sort(m.Delays)
	return m
}

// RunQuiet runs a plan to its end, with benign answers and equal links.
func RunQuiet(plan sim.Plan, o sim.Observer) {
	plan.Link = sim.Link{Delay: OneDelay}
	plan.Done = func() bool { return false }
	plan.Poison = true
	s, err := sim.New(plan, nil, o)
	if err != nil {
		panic(err)
	}
	s.Run()
}

// Watch returns the events that are counted.
func (m *Meter) Watch() sim.What { return sim.Sent | sim.Synced | sim.Output }

// Observe counts.
func (m *Meter) Observe(e *sim.Event) {
	switch {
	case e.At < m.From:
	case e.What == sim.Sent:
		m.Sent[e.Kind]++
	case e.What == sim.Synced:
		m.Syncs++
	case e.What == sim.Output && e.Kind == m.Kind:
		m.Delays = append(m.Delays, int(e.At.Sub(m.From)/OneDelay))
	}
}
