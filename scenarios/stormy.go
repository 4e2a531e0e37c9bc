package scenarios

import (
	"slices"

	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// stormy judges what holds where nodes and links fail, and counts what failed.
type stormy struct {
	m        *market
	promises *judge.Promises
	begun    []uint64 // faults that began, each once
	divided  uint64   // of them, those that divide the network
	views    *judge.Views
}

func newStormy(m *market) *stormy {
	return &stormy{m: m, promises: judge.NewPromises(m.commits, m.Incarnations), views: judge.NewViews(m.p.Nodes)}
}

// checks gives what is judged in every scenario with a client, if there are faults.
func (x *stormy) checks() check.Suite {
	p := x.promises
	return append(check.Suite{p.Exclusive(), p.Once(), p.Logged(x.m.treason()), p.EveryoneDecides(x.m.bound)}, x.views.Checks()...)
}

// Watch gives what is counted.
func (x *stormy) Watch() sim.What { return sim.Injected }

// Observe counts.
func (x *stormy) Observe(e *sim.Event) { x.injected(e.Tag) }

func (x *stormy) injected(id uint64) {
	if slices.Contains(x.begun, id) {
		return
	}
	x.begun = append(x.begun, id)
	i := slices.IndexFunc(x.m.plan.Faults, func(f fault.Fault) bool { return f.ID == id })
	if x.m.plan.Faults[i].Op.Cuts() {
		x.divided++
	}
}

// counts returns how often things happened, for the sums of a sweep.
func (x *stormy) counts(s *sim.Sim) []scenario.Count {
	return slices.Concat(faultCounts(s), []scenario.Count{
		{Name: "partitions and cuts", N: x.divided}, {Name: "long doubts", N: x.promises.Long()},
	}, x.views.Counts())
}

// facts tells of doubts, and when the calm began.
func (x *stormy) facts() []scenario.Fact {
	return append(x.promises.Facts(), x.m.stormFact())
}
