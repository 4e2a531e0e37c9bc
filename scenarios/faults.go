package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// The faults of a run are those that Params.Fault tells and those that Params.Faults
// has drawn. They come in the storm, which begins with the workload, and end in the
// calm: unless Params.Fault says when, the run heals when the storm is over, and
// what must come in the end must come after that.
const (
	stormDelays = 1000
	calmDelays  = 10_000 // two-phase commit asks again after as much as 6,400
	mostOfAKind = 8      // faults that are drawn
	mostFlaps   = 100_000
	mostFaulty  = 1000 // nodes: each tells all others that it lives, all the time
)

// The identities of a scenario's own faults. Those that are told are numbered from 1,
// unless they say what they are, and those that are drawn from 1000: see package swarm.
const (
	traitorID  = 700
	failoverID = 800       // of the first
	rivalID    = 900       // of the first of three
	blackoutID = 1_000_000 // of the first node in the first one
	sessionID  = 1 << 48   // of the first one of the first node
)

const nodesFail = "nodes or links fail"

// Failing reports whether the parameters ask for faults. Then nodes order through
// views and keep what they need to come back, which costs more messages.
func (p *Params) Failing() bool { return p.Faults != "" || p.Fault != "" }

// calmly rules a check out where there are faults: it judges what only nodes and
// links that do not fail can promise.
func (p *Params) calmly(c *check.Check) *check.Check {
	if p.Failing() {
		return c.Skipped(nodesFail)
	}
	return c
}

const noFaults = "none"

// parseFaults reads what the parameters tell.
func (p *Params) parseFaults() (mix swarm.Mix, told []fault.Fault, err error) {
	if mix, err = swarm.ParseMix(cmp.Or(p.Faults, noFaults)); err != nil {
		return mix, nil, err
	}
	told, err = fault.Parse(p.Fault)
	return mix, told, err
}

// validateFaults reports the first fault that a run of the scenario cannot have.
func (s *Scenario) validateFaults(p *Params) error {
	if !p.Failing() {
		return nil
	}
	if p.Nodes > mostFaulty {
		return fmt.Errorf("nodes %d: with faults want at most %d", p.Nodes, mostFaulty)
	}
	_, told, err := p.parseFaults()
	if err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	for i := range told {
		f := &told[i]
		if err := s.checkAnchor(f); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
		if f.Every > 0 && p.Until/f.Every > mostFlaps {
			return fmt.Errorf("fault: %v comes and goes too often; want every %v or more", f, p.Until/mostFlaps)
		}
	}
	return fault.Validate(told, p.Nodes, protocol.Time(p.Until), nil)
}

// calmFrom gives when the storm is over.
func (w *world) calmFrom() protocol.Time {
	_, told, err := w.p.parseFaults()
	if err != nil {
		panic(fmt.Sprintf("scenarios: faults that Validate accepts: %v", err))
	}
	calm := w.after(w.begin, stormDelays)
	for i := range told {
		f := &told[i]
		switch {
		case f.Op == fault.Heal && f.At == fault.Never:
			continue
		case f.Op == fault.Heal:
			return f.At
		}
		calm = max(calm, min(f.At+protocol.Time(f.For)+1, protocol.MaxTime))
	}
	return calm
}

// storm adds the faults that are asked for to those of the plan, of which none is left
// that would begin after the run.
func (w *world) storm(plan *sim.Plan) {
	if w.p.Failing() {
		w.misfortunes(plan)
	}
	plan.Faults = slices.DeleteFunc(plan.Faults, func(f fault.Fault) bool { return f.At > plan.Until && f.At != fault.Never })
}

// misfortunes adds the faults that are told or drawn. Of what contradicts what is told,
// by what it does or by its identity, nothing is left, be it the scenario's own or drawn.
// What is drawn hits neither clients nor liars: what they are to do would be left undone.
func (w *world) misfortunes(plan *sim.Plan) {
	if w.p.Cut != nil && w.p.Cut.Faults != nil {
		plan.Faults = slices.Clone(w.p.Cut.Faults)
		return
	}
	mix, told, _ := w.p.parseFaults()
	c := swarm.Config{Nodes: w.truthful(), From: w.begin, To: w.calm, Heal: w.calm, Delay: w.delay, Most: cmp.Or(w.most, mostOfAKind)}
	if slices.ContainsFunc(told, func(f fault.Fault) bool { return f.Op == fault.Heal }) {
		c.Heal = 0
	}
	plan.Faults = consistent(told, plan.Faults, plan.Nodes)
	if c.From < c.To {
		plan.Faults = consistent(plan.Faults, swarm.Draw(w.src, mix, c), plan.Nodes)
	}
}

// consistent gives faults, and of more, which are consistent by themselves, those that
// none of them contradicts.
func consistent(faults, more []fault.Fault, nodes int) []fault.Fault {
	all := slices.Concat(faults, more)
	if fault.Validate(all, nodes, protocol.MaxTime, nil) == nil {
		return all
	}
	all = all[:len(faults)]
	for _, f := range more {
		if fault.Validate(append(slices.Clip(faults), f), nodes, protocol.MaxTime, nil) == nil {
			all = append(all, f)
		}
	}
	return all
}

// healsWhen reports whether the parameters tell when the run heals.
func (w *world) healsWhen() bool {
	_, told, _ := w.p.parseFaults()
	return slices.ContainsFunc(told, func(f fault.Fault) bool { return f.Op == fault.Heal && f.At != fault.Never })
}

// truthful gives the members that are no liars.
func (w *world) truthful() []protocol.NodeID {
	return slices.DeleteFunc(slices.Clone(w.members), func(id protocol.NodeID) bool { return slices.Contains(w.liars, id) })
}
