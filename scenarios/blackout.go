package scenarios

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// blackout: all nodes lose power at the same moment, and restart one after the other.
//
// While a majority lives, its memory outlives the nodes that crash, whether they synced or
// not. Here no memory is left, and only the disks say what was voted, decided, ordered and
// delivered. So this is where a missing sync shows. Half of the blackouts come right after
// a send or an output, which depends on state that must be on a disk by then.
func blackout() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "blackout",
		Shows:    "all nodes lose power at once, repeatedly, and restart; nothing acknowledged is lost",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("crash,restart,disk,partition,lose" + stale),
		Moot:     withoutFailures,
		Own:      transfers(20, 5),
	}, buildBlackout)
}

// Questions about a blackout, named by its number; those about a node in it, also by the node.
var (
	kindDark      = protocol.KindOf("dark.at")
	kindDarkOn    = protocol.KindOf("dark.on")
	kindDarkOf    = protocol.KindOf("dark.of")
	kindDarkWhat  = protocol.KindOf("dark.what")
	kindDarkCount = protocol.KindOf("dark.count")
	kindDarkFor   = protocol.KindOf("dark.for")
	kindDarkKeep  = protocol.KindOf("dark.keep")
)

const (
	blackouts    = 6  // each in the first half of its share of the fault window
	darkDelays   = 80 // the longest that a node is down, which is less than the other half
	darkGrain    = 16 // parts of a delay, the unit in which moments are drawn
	darkWindow   = windowDelays / blackouts
	idsABlackout = mostFaulty
)

func buildBlackout(p params) *scenario.Run {
	m := newFaultyMarket(p, windowDelays)
	for i := range uint64(blackouts) {
		at, on := m.after(m.begin, int(i)*darkWindow), m.lastWords(i)
		if on.N == 0 {
			at += protocol.Time(m.choose(kindDark, i, darkGrain*darkWindow/2)) * protocol.Time(m.delay) / darkGrain
		}
		for id := range uint64(p.Nodes) {
			about := i*idsABlackout + id
			m.inject(fault.Fault{
				ID: blackoutID + about, Op: fault.Crash, At: at, On: on, Node: protocol.NodeID(id),
				For:  time.Duration(1+m.choose(kindDarkFor, about, darkDelays)) * m.delay,
				Disk: fault.Survival(m.choose(kindDarkKeep, about, uint64(fault.KeepScattered)+1)),
			})
		}
	}
	return m.judged(m.dark())
}

// lastWords returns the effect that blackout i follows, or the zero Anchor if it comes at
// a fixed time.
func (m *market) lastWords(i uint64) fault.Anchor {
	if m.choose(kindDarkOn, i, 2) == 0 {
		return fault.Anchor{}
	}
	const few = 4 // so that it happens soon
	on := fault.Anchor{Op: protocol.OpOutput, N: 1 + m.choose(kindDarkCount, i, few), Other: true, Of: protocol.NodeID(m.choose(kindDarkOf, i, uint64(m.p.Nodes)))}
	kinds := []protocol.Kind{abcast.KindDelivered, abcast.KindViewed, twopc.KindDecided}
	outputs := uint64(len(kinds))
	kinds = append(kinds, twopc.KindVote, twopc.KindDecision)
	for _, d := range deadlyKinds(m.p.Order) {
		kinds = append(kinds, d.kind)
	}
	what := m.choose(kindDarkWhat, i, uint64(len(kinds)))
	if what >= outputs {
		on.Op = protocol.OpSend
	}
	on.Kind = kinds[what]
	return on
}

func (m *market) dark() *check.Check {
	return check.Sometimes("all nodes are down at once", check.InSweep, sim.Crashed, func(*sim.Event) bool {
		return !slices.ContainsFunc(m.Members, func(id protocol.NodeID) bool { return !m.Incarnations.Down(id) })
	})
}
