package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// blackout: all nodes lose power at the same moment, and come back one after the other.
//
// While a majority lives, what it knows outlives those who crash, whether they wrote it
// down or not. Here nobody's memory is left, and the disks alone say what was voted,
// decided, ordered and delivered. So this is where a sync that is missing shows.
func blackout() *Scenario {
	return &Scenario{
		Name:     "blackout",
		Shows:    "all nodes lose power at once, again and again, and come back; what anybody was told is still so",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: stormDefaults(20, "crash,restart,disk,partition,lose"),
		moot:     withoutFailures,
		build:    buildBlackout,
	}
}

// Questions of a blackout, named by its number; of the nodes in it, by that and the node.
var (
	kindDark     = protocol.KindOf("dark.at")
	kindDarkFor  = protocol.KindOf("dark.for")
	kindDarkKeep = protocol.KindOf("dark.keep")
)

const (
	blackouts    = 6  // each in the first half of its part of the storm
	darkDelays   = 80 // a node is down for so long at the most, which is less than the other half
	darkGrain    = 16 // parts of a delay, to the moment
	darkStorm    = stormDelays / blackouts
	idsABlackout = mostFaulty
)

func buildBlackout(seed uint64, p Params, src protocol.Source) *Run {
	m := newStorm(seed, p, src, stormDelays)
	for i := range uint64(blackouts) {
		at := m.after(m.begin, int(i)*darkStorm) + protocol.Time(m.choose(kindDark, i, darkGrain*darkStorm/2))*protocol.Time(m.delay)/darkGrain
		for id := range uint64(p.Nodes) {
			about := i*idsABlackout + id
			m.inject(sim.Fault{
				ID: blackoutID + about, Op: sim.Crash, At: at, Node: protocol.NodeID(id),
				For:  time.Duration(1+m.choose(kindDarkFor, about, darkDelays)) * m.delay,
				Disk: sim.Survival(m.choose(kindDarkKeep, about, uint64(sim.KeepScattered)+1)),
			})
		}
	}
	return m.judged(m.dark())
}

// dark demands that a moment came at which no node was up.
func (m *market) dark() *check.Check {
	return check.Sometimes("no node was up", check.InSweep, sim.Crashed, func(*sim.Event) bool {
		return !slices.ContainsFunc(m.members, func(id protocol.NodeID) bool { return !m.lives.down(id) })
	})
}
