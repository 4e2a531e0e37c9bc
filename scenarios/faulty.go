package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// stale adds the kinds of faults by which something outlives what it was about, and those that
// leave the work to repairs.
const stale = ",late,echo,latetimer,repair,gone"

// faultyDefaults returns the default parameters of the scenarios with faults.
func faultyDefaults(faults string) scenario.Params {
	p := defaults(5, 10*time.Minute)
	p.Faults = faults
	return p
}

// withoutFailures is the Moot of a scenario that is about failures, whether drawn or its
// own: without -faults or -fault, nodes are built without the means to survive them.
func withoutFailures(p *scenario.Params) string {
	if !p.Failing() {
		return "there are no -faults and no -fault, so nodes keep nothing to restart from"
	}
	return withoutTransfers(p)
}

// newFaultyMarket makes a market whose fault window lasts for that many longest delays,
// over which the client's requests are spread.
func newFaultyMarket(p params, delays int) *market {
	m := newMarket(p)
	m.lengthen(delays)
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1+protocol.Time(int64(time.Duration(delays)*m.delay)/int64(p.Txs)*int64(i)), m.transfer(i))
	}
	return m
}

// lengthen makes the fault window last for that many longest delays, unless the parameters
// set when the run heals.
func (m *market) lengthen(delays int) {
	if !m.p.Failing() || m.healsWhen() {
		return
	}
	m.healAt(max(m.healed, m.after(m.begin, delays)))
	m.bound = max(m.bound, m.after(m.liveFrom, afterHealDelays))
	m.most = mostOfAKind * max(1, delays/windowDelays/2)
}

// progress returns a judge of what a majority must do that stays connected.
func (w *world) progress(plan *sim.Plan, broadcasts func(id protocol.NodeID) uint64) *judge.Progress {
	return judge.NewProgress(plan, w.p.Nodes, w.p.Order == orderRaft, w.delay, broadcasts)
}

// judged returns the run with the checks that must hold whatever fails, and more.
func (m *market) judged(more ...*check.Check) *scenario.Run {
	c := m.commits
	return m.run(slices.Concat(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(),
	}, m.whole(), check.Suite{m.history.Linearizable()}, more))
}

// crashed requires that some node crashes within a step.
func (m *market) crashed() *check.Check {
	return check.Sometimes("a node crashes within a step", check.InSweep, sim.Crashed, withinStep)
}

func (m *market) divided() *check.Check {
	return check.Sometimes("the network is divided", check.InSweep, sim.Injected, func(*sim.Event) bool { return m.faulty.divided > 0 })
}

// faulty judges what must hold when nodes and links fail, and counts the failures.
type faulty struct {
	m        *market
	promises *judge.Promises
	begun    []uint64 // faults that began, each once
	divided  uint64   // of begun, those that divide the network
	views    *judge.Views
	progress *judge.Progress
}

func newFaulty(m *market) *faulty {
	x := &faulty{m: m, promises: judge.NewPromises(m.commits, m.Incarnations), views: judge.NewViews(m.p.Nodes),
		progress: m.progress(&m.plan, func(id protocol.NodeID) uint64 { return m.Nodes[id].Broadcasts() })}
	x.progress.Places(m.outcomes, m.delay)
	x.progress.Doubts(m.commits, m.delay, m.liar, m.forgot)
	return x
}

// checks returns the checks of every scenario that has a client and faults.
func (x *faulty) checks() check.Suite {
	p := x.promises
	return slices.Concat(check.Suite{
		p.Exclusive(), p.Once(), p.Logged(&x.m.plan), p.Over(x.m.p.Nodes, x.m.lies), p.Needed(x.m.p.Nodes, x.m.lies),
		p.Hosted(x.m.p.Nodes, x.m.liar), p.EveryoneDecides(x.m.bound, x.m.ledgers.Again), judge.Disks(x.m.p.Nodes),
	}, x.m.channels(x.m.plan.Faults), x.views.Checks(), x.progress.Checks())
}

func (x *faulty) Watch() sim.What { return sim.Injected }

func (x *faulty) Observe(e *sim.Event) {
	if slices.Contains(x.begun, e.Tag) {
		return
	}
	x.begun = append(x.begun, e.Tag)
	i := slices.IndexFunc(x.m.plan.Faults, func(f fault.Fault) bool { return f.ID == e.Tag })
	if x.m.plan.Faults[i].Op.Cuts() {
		x.divided++
	}
}

// counts returns how often things happened, for the sums of a sweep.
func (x *faulty) counts(s *sim.Sim) []scenario.Count {
	return slices.Concat(faultCounts(s), []scenario.Count{
		{Name: "partitions and cuts", N: x.divided}, {Name: "long doubts", N: x.promises.Long()},
	}, x.views.Counts())
}

// facts returns the figures of doubts, and the fault window.
func (x *faulty) facts() []scenario.Fact {
	return append(x.promises.Facts(), x.m.windowFact())
}

// channels returns the checks of the channels of views, and of the heartbeats, which raft has
// none of.
func (w *world) channels(faults []fault.Fault) check.Suite {
	if w.p.Order == orderRaft {
		const why = "raft has no views with channels"
		return check.Suite{check.Skip(judge.NameChannels, why), check.Skip(judge.NameBallots, why)}
	}
	return judge.NewChannels(w.p.Nodes, w.p.Seed, traitors(faults)).Checks()
}
