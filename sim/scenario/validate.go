package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/swarm"
	"dessim/sim/wording"
)

// Limits of the parameters.
const (
	minDelay  = time.Microsecond // nodes wait two and a half delays, which would round to two at 1ns
	maxDelay  = 10 * time.Minute // nodes wait some hundred delays, and back off for a hundred times that
	mostFlaps = 100_000          // times that a fault can come and go
)

// NodeRange returns how many nodes the scenario can have, without clients.
func (s *Scenario) NodeRange() (least, most int) {
	return cmp.Or(s.MinNodes, s.Defaults.Nodes), cmp.Or(s.MaxNodes, s.Defaults.Nodes)
}

// Validate returns an error for the first parameter that the scenario cannot run with, as one
// line with the flag and its range.
func (s *Scenario) Validate(p *Params) error {
	least, most := s.NodeRange()
	switch {
	case p.Nodes < least || p.Nodes > most:
		return fmt.Errorf("nodes %d: scenario %s wants %d to %d", p.Nodes, s.Name, least, most)
	case p.Delay < minDelay || p.Delay > maxDelay:
		return fmt.Errorf("delay %v: want 1us to 10m", p.Delay)
	case p.Jitter < 0 || p.Jitter > maxDelay:
		return fmt.Errorf("jitter %v: want 0s to 10m", p.Jitter)
	case p.Until < 1 || p.Until > time.Duration(protocol.MaxTime):
		return fmt.Errorf("until %v: want more than 0s, at most %v", p.Until, time.Duration(protocol.MaxTime))
	}
	full := s.complete(*p)
	if s.Check != nil {
		if err := s.Check(&full); err != nil {
			return err
		}
	}
	return s.validateFaults(p)
}

// Failing reports whether the parameters ask for faults.
func (p *Params) Failing() bool { return p.Faults != "" || p.Fault != "" }

// Written returns the faults that the parameters write in words. It panics if Validate refuses
// them.
func (p *Params) Written() []fault.Fault {
	written, err := fault.Parse(p.Fault)
	if err != nil {
		panic("scenario: faults that Validate accepts: " + err.Error())
	}
	return written
}

// Draws reports whether faults of that kind are drawn.
func (p *Params) Draws(kind string) bool {
	mix, err := p.parseMix()
	return err == nil && slices.Contains(mix.Kinds(), kind)
}

// Drawn draws the faults that the parameters ask for, as c says. Config.First comes from the
// scenario's Repairs, if c has none.
func (b *Setup) Drawn(c swarm.Config) []fault.Fault {
	mix := b.mix(&c)
	return swarm.Draw(b.Source, mix, c)
}

// mix returns the kinds to draw, completes c, and notes which kinds cannot be drawn.
func (b *Setup) mix(c *swarm.Config) swarm.Mix {
	mix, err := b.parseMix()
	if err != nil {
		panic("scenario: faults that Validate accepts: " + err.Error())
	}
	if c.First == nil {
		c.First = b.first
	}
	b.undrawn = mix.Undrawn(*c)
	return mix
}

// DrawFaults returns the faults of a plan that has none of its own: those that the parameters
// write in words and those that they have drawn, as c says; or those of a search.
func (b *Setup) DrawFaults(c swarm.Config) []fault.Fault {
	mix := b.mix(&c) // a replay, which draws nothing, also reports what cannot be drawn
	return b.Faulted(func() []fault.Fault { return append(b.Written(), swarm.Draw(b.Source, mix, c)...) })
}

// parseMix returns the kinds of faults that are drawn. A scenario asks for them for each node that it
// makes, so it does not parse the faults in words.
func (p *Params) parseMix() (swarm.Mix, error) { return swarm.ParseMix(cmp.Or(p.Faults, noFaults)) }

// validateFaults returns an error for the first fault that a run cannot have.
func (s *Scenario) validateFaults(p *Params) error {
	if _, err := p.parseMix(); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	written, err := fault.Parse(p.Fault)
	if err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	for i := range written {
		f := &written[i]
		if err := s.checkKinds(f); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
		if f.Every > 0 && p.Until/f.Every > mostFlaps {
			return fmt.Errorf("fault: %v comes and goes too often; want every %v or more", f, p.Until/mostFlaps)
		}
	}
	for i := range written { // those of links may name clients, of which the plan knows
		if f := &written[i]; f.Op.OfNode() {
			if err := f.Validate(p.Nodes, protocol.Time(p.Until)); err != nil {
				return err
			}
		}
	}
	return fault.Validate(written, fault.AnyNodes, protocol.Time(p.Until), nil)
}

// checkKinds returns an error for a kind that no node ever sends or outputs: the fault would
// wait forever, or hit nothing.
func (s *Scenario) checkKinds(f *fault.Fault) error {
	if s.Kinds == nil {
		return nil
	}
	sends, outputs := s.Kinds()
	kinds := sends
	if f.On.Op == protocol.OpOutput {
		kinds = outputs
	}
	return cmp.Or(checkKind(f, f.On.Op, f.On.Kind, kinds), checkKind(f, protocol.OpSend, f.Only, sends))
}

func checkKind(f *fault.Fault, op protocol.Op, kind protocol.Kind, kinds []protocol.Kind) error {
	if kind == 0 || slices.Contains(kinds, kind) {
		return nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.String())
	}
	if near := wording.Near(kind.String(), names); near != "" {
		return fmt.Errorf("%v: no node does %v %v; did you mean %s?", f, op, kind, near)
	}
	return fmt.Errorf("%v: no node does %v %v; want one of %s", f, op, kind, strings.Join(names, ", "))
}
