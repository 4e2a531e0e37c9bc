package scenarios

import (
	"errors"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// byzantine: one member is a traitor, which changes its messages in one of several ways.
//
// A traitor that withholds messages is no worse than a bad link. Nor is one that sends
// made-up or altered bytes, since it cannot compute the checksum for them. Against these,
// everything holds that holds under message loss.
//
// A traitor that equivocates, or replays an old message, sends valid checksums. Links,
// two-phase commit and the orders believe it: they tolerate members that crash, not
// members that lie. What still holds is what signatures and each node's own ledger
// ensure: no money is stolen or created, since every node verifies every entry. Nothing
// is promised about which entries there are, in which order, or that anything ends. See
// scenario verify for what a lying sender can do, and doublespend for members that
// collude.
func byzantine() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "byzantine",
		Shows:    "one traitor among honest nodes, of each kind: what is promised against it, and what is not",
		MinNodes: 4,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("lose,copy"),
		Moot:     withoutFailures,
		Own:      transfers(12, 5),
	}, buildByzantine)
}

// Questions about the traitor.
var (
	kindTrait = protocol.KindOf("trait.kind")
	kindShare = protocol.KindOf("trait.share")
)

const (
	leastShare = 5 // of its messages, in percent
	mostShare  = 50
)

func buildByzantine(p params) *scenario.Run {
	m := newFaultyMarket(p, windowDelays)
	m.inject(fault.Fault{
		ID: traitorID, Op: fault.Byzantine, Node: protocol.NodeID(p.Nodes - 1),
		Trait: fault.Equivocate + fault.Trait(m.choose(kindTrait, 0, uint64(fault.Alter-fault.Equivocate)+1)),
		Rate:  protocol.Percent(leastShare + uint32(m.choose(kindShare, 0, mostShare-leastShare+1))),
		At:    m.after(m.begin, windowDelays/5), // so that something is ordered first
		For:   windowDelays * m.delay,
	})
	r := m.judged()
	f := m.treason()
	if f == nil {
		r.Checks = append(r.Checks, check.Skip("the traitor had its time", "there is none: it was removed, or the run heals first"))
		return r
	}
	if f.Trait == fault.Equivocate || f.Trait == fault.Replay {
		why := fmt.Sprintf("not promised: node %v %v, with its checksum", f.Node, f.Trait)
		r.Checks = r.Checks.Only(why, judge.Conserved, judge.Audited)
	}
	r.Checks = append(r.Checks, m.betrayed(f))
	return r
}

// treason returns the scenario's own byzantine fault, or nil if shrinking has removed it.
// Runs with other traitors, from -fault, are meant to show what breaks, so all checks
// apply to them.
func (m *market) treason() *fault.Fault {
	if i := slices.IndexFunc(m.plan.Faults, func(f fault.Fault) bool { return f.ID == traitorID && f.Op == fault.Byzantine }); i >= 0 {
		return &m.plan.Faults[i]
	}
	return nil
}

// traitors returns the nodes that are byzantine at some time.
func traitors(faults []fault.Fault) (ids []protocol.NodeID) {
	for i := range faults {
		if f := &faults[i]; f.Op == fault.Byzantine {
			ids = append(ids, f.Node)
		}
	}
	return ids
}

// lies reports whether a node is byzantine at some time.
func (m *market) lies(id protocol.NodeID) bool { return slices.Contains(m.traitors, id) }

// liar reports whether a node lies, by a fault or by its inputs.
func (m *market) liar(id protocol.NodeID) bool { return m.lies(id) || slices.Contains(m.Liars, id) }

// betrayed requires that the traitor had its time: a run that ends earlier shows little.
func (m *market) betrayed(f *fault.Fault) *check.Check {
	over := errors.New("its time is not over")
	see := func(e *sim.Event) {
		if e.Tag == traitorID {
			over = nil
		}
	}
	name := fmt.Sprintf("node %v %v %s of its messages, for %v", f.Node, f.Trait, fault.FormatRatio(f.Rate), f.For)
	return check.Eventually(name, min(f.At+protocol.Time(f.For), m.healed), func() (uint64, error) { return 1, over }).Seeing(sim.Lifted, see)
}
