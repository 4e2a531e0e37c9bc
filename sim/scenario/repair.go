package scenario

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// A Repair is a second chance of a protocol: what makes up for the loss of some message, such
// as anti-entropy for a flood. The first chance nearly always does, so a repair that never
// works is hardly missed. Under faults of the kind repair the first chance fails: a fault
// loses all messages of kind First to some node.
type Repair struct {
	Name   string          // a noun, such as "anti-entropy"
	First  protocol.Kind   // the messages that it makes up for
	Second []protocol.Kind // the messages by which it does
}

func (s *Scenario) repairsOf(p Params) []Repair {
	if s.Repairs == nil {
		return nil
	}
	full := s.complete(p)
	return s.Repairs(&full)
}

// firstChances returns the kinds of First, each once.
func (s *Scenario) firstChances(p Params) []protocol.Kind {
	var kinds []protocol.Kind
	for _, r := range s.repairsOf(p) {
		if !slices.Contains(kinds, r.First) {
			kinds = append(kinds, r.First)
		}
	}
	return kinds
}

// repairs returns the checks that each repair matters in some run of a sweep, if the faults
// that need them are drawn. A repair matters in a run if a node to which the first chance
// fails receives the second.
func (s *Scenario) repairs(p *Params, plan *sim.Plan) (checks check.Suite) {
	if !p.Draws(swarm.Repair) {
		return nil
	}
	for _, r := range s.repairsOf(*p) {
		var lost []*fault.Fault // of the first chance
		for i := range plan.Faults {
			if f := &plan.Faults[i]; f.Op == fault.Lose && f.Only == r.First && f.Rate.Sure() {
				lost = append(lost, f)
			}
		}
		watch := sim.Received
		if len(lost) == 0 {
			watch = 0
		}
		checks = append(checks, check.Sometimes("needed: "+r.Name, check.InSweep, watch, func(e *sim.Event) bool {
			return slices.Contains(r.Second, e.Kind) && slices.ContainsFunc(lost, func(f *fault.Fault) bool {
				return e.At > f.At && e.Node != e.Peer && slices.Contains(f.Groups[1], e.Node)
			})
		}).AtNodes(func(id protocol.NodeID) bool {
			return slices.ContainsFunc(lost, func(f *fault.Fault) bool { return slices.Contains(f.Groups[1], id) })
		}))
	}
	return checks
}
