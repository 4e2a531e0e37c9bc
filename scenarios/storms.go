package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// stormDefaults are what the scenarios of failing nodes begin with.
func stormDefaults(faults string) scenario.Params {
	return scenario.Params{Nodes: 5, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 10 * time.Minute, Faults: faults}
}

// withoutFailures is the moot of a scenario that is about failures, be they drawn or its
// own: nodes are made to survive them only if -faults says that there are any.
func withoutFailures(p *scenario.Params) string {
	if !p.Failing() {
		return "there are no -faults and no -fault, so nodes keep nothing to come back with"
	}
	return withoutTransfers(p)
}

// newStorm makes a market whose storm lasts for that many longest delays, over which
// the client's wishes are spread.
func newStorm(p params, delays int) *market {
	m := newMarket(p)
	m.abort = func(twopc.ID) protocol.Ratio { return p.Abort }
	m.lengthen(delays)
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1+protocol.Time(int64(time.Duration(delays)*m.delay)/int64(p.Txs)*int64(i)), m.transfer(i))
	}
	return m
}

// lengthen has the storm last for that many longest delays, unless the run is told
// when to heal.
func (m *market) lengthen(delays int) {
	if !m.p.Failing() || m.healsWhen() {
		return
	}
	m.calm = max(m.calm, m.after(m.begin, delays))
	m.bound = max(m.bound, m.after(m.calm, calmDelays))
	m.most = mostOfAKind * max(1, delays/stormDelays/2)
}

// judged gives the run with the checks of all that must hold, whatever fails.
func (m *market) judged(more ...*check.Check) *scenario.Run {
	c := m.commits
	return m.run(slices.Concat(check.Suite{
		m.Joined(m.bound),
		c.Agreement(), c.Stability(), c.Validity(),
	}, m.whole(), check.Suite{m.history.Linearizable()}, more))
}

// crashed demands that some node crashed in the middle of a step.
func (m *market) crashed() *check.Check {
	return check.Sometimes("a node crashed within a step", check.InSweep, sim.Crashed, withinStep)
}

// divided demands that the network fell apart.
func (m *market) divided() *check.Check {
	return check.Sometimes("the network was divided", check.InSweep, sim.Injected, func(*sim.Event) bool { return m.stormy.divided > 0 })
}
