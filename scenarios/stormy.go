package scenarios

import (
	"fmt"
	"slices"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// stormy judges what holds where nodes and links fail, and counts what failed.
type stormy struct {
	m        *market
	promises *promises
	begun    []uint64 // faults that began, each once
	divided  uint64   // of them, those that divide the network
	views    *viewed
}

func newStormy(m *market) *stormy {
	return &stormy{m: m, promises: newPromises(m.commits, &m.lives), views: newViewed(m.p.Nodes)}
}

// checks gives what is judged in every scenario with a client, if there are faults.
func (x *stormy) checks() check.Suite {
	p := x.promises
	return append(check.Suite{p.exclusive(), p.once(), p.logged(x.m.treason()), p.everyoneDecides(x.m.bound)}, x.views.checks()...)
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

// counts gives what happened, for the sums of a sweep.
func (x *stormy) counts(s *sim.Sim) []scenario.Count {
	r := s.Result()
	f := &r.Faults
	return append([]scenario.Count{
		{Name: "crashes", N: r.Crashes}, {Name: "restarts", N: r.Restarts},
		{Name: "failed syncs", N: f.FailedSyncs}, {Name: "records lost", N: f.Unsynced}, {Name: "records torn", N: f.Torn},
		{Name: "partitions and cuts", N: x.divided}, {Name: "messages cut off", N: f.Cut}, {Name: "lost", N: f.Lost}, {Name: "copied", N: f.Copied},
		{Name: "corrupted", N: f.Corrupted}, {Name: "clogged", N: f.Clogged}, {Name: "slowed", N: f.Slowed},
		{Name: "pauses", N: f.Pauses}, {Name: "clock jumps", N: f.Jumps}, {Name: "clock drifts", N: f.Drifts},
		{Name: "disks damaged", N: f.Damaged},
		{Name: "long doubts", N: uint64(x.promises.long)},
	}, x.views.counts()...)
}

// facts tells of doubts, and when the calm began.
func (x *stormy) facts() []scenario.Fact {
	return append(x.promises.facts(), scenario.Fact{Name: "storm", Value: fmt.Sprintf("from %v to %v", x.m.begin, x.m.calm)})
}
