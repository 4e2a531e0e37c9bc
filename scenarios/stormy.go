package scenarios

import (
	"fmt"
	"slices"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
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
	switch x.m.plan.Faults[i].Op {
	case fault.Partition, fault.Cut, fault.Ring:
		x.divided++
	}
}

// counts gives what happened, for the sums of a sweep.
func (x *stormy) counts(s *sim.Sim) []Count {
	r := s.Result()
	f := &r.Faults
	return append([]Count{
		{"crashes", r.Crashes}, {"restarts", r.Restarts},
		{"failed syncs", f.FailedSyncs}, {"records lost", f.Unsynced}, {"records torn", f.Torn},
		{"partitions and cuts", x.divided}, {"messages cut off", f.Cut}, {"lost", f.Lost}, {"copied", f.Copied},
		{"corrupted", f.Corrupted}, {"clogged", f.Clogged}, {"slowed", f.Slowed},
		{"pauses", f.Pauses}, {"clock jumps", f.Jumps}, {"clock drifts", f.Drifts},
		{"disks damaged", f.Damaged},
		{"long doubts", uint64(x.promises.long)},
	}, x.views.counts()...)
}

// facts tells of doubts, and when the calm began.
func (x *stormy) facts() []Fact {
	return append(x.promises.facts(), Fact{"storm", fmt.Sprintf("from %v to %v", x.m.begin, x.m.calm)})
}
