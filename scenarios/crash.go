package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// crash: transfers while nodes crash at any effect and restart, disks tear unsynced
// records, and messages are lost and copied.
func crash() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "crash",
		Shows:    "transfers while nodes crash at any effect and come back, with torn disks, loss and copies",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("crash,restart,disk,lose,copy" + stale),
		Moot:     withoutFailures,
		Own:      transfers(10, 5),
	}, buildCrash)
}

func buildCrash(p params) *scenario.Run {
	m := newMarket(p)
	m.absence()
	m.forget()
	draw := m.honest
	if p.Nodes < rivalNodes {
		draw = m.transfer
	}
	for i := range uint64(p.Txs) {
		window := int64(windowDelays * m.delay)
		m.ask(m.begin+1+protocol.Time(window/int64(p.Txs)*int64(i)), draw(i))
	}
	m.rival()
	return m.judged(m.crashed(), m.forgets())
}

var kindAbsent = protocol.KindOf("absent") // questions about a coordinator that is away for long

// absence has, in some runs where faults of the kind gone are drawn, a coordinator crash as it
// tells its decision, and stay away until those in doubt have asked as often as pauses grow.
// The other faults end as early as without, and leave it alone.
func (m *market) absence() {
	if !m.p.Draws(swarm.Gone) || m.healsWhen() || m.choose(kindAbsent, 0, 4) != 1 {
		return
	}
	const fewDecisions = 2 // each is sent to two others: it crashes between them
	m.drawTo = m.healed
	m.lengthen(windowDelays + absentDelays)
	m.most = mostOfAKind
	m.spared = protocol.NodeID(m.choose(kindAbsent, 1, uint64(m.p.Nodes)))
	m.inject(fault.Fault{
		ID: absentID, Op: fault.Crash, At: m.begin, Node: m.spared,
		On: fault.Anchor{Op: protocol.OpSend, Kind: twopc.KindDecision, N: 1 + 2*m.choose(kindAbsent, 2, fewDecisions)},
	})
}

// absentDelays are more than five questions take: 80, 160, 320, 640 and 1,280 delays, and a
// quarter more.
const absentDelays = 3500

// withinStep reports whether a crash cut a step short.
func withinStep(e *sim.Event) bool { return e.Text != "between steps" }

// rival makes the last node, a liar, spend one coin twice. In the first spend the second
// endorser is cut off, so that the first, which has voted yes, is in doubt; it crashes and
// restarts. Then it is asked to vote on the second spend. An honest sender never does
// that, so no other transfer shows a reservation that a crash lost.
func (m *market) rival() {
	liar := protocol.NodeID(m.p.Nodes - 1)
	at := m.after(m.begin, windowDelays/4)
	if m.p.Nodes < rivalNodes || m.after(at, rivalDelays) >= m.healed {
		return // too few nodes, or the run heals too early
	}
	m.Liars = []protocol.NodeID{liar}
	m.spend(at, liar, 0, [2]protocol.NodeID{0, 1}, m.payment(liar, 0, 1, 0, 1))
	m.spend(m.after(at, 25), liar, 1, [2]protocol.NodeID{0, 2}, m.payment(liar, 0, 2, 0, 2))
	m.plan.Faults = append(m.plan.Faults,
		fault.Fault{ID: rivalID, Op: fault.Cut, At: at, For: rivalDelays * m.delay, Groups: [][]protocol.NodeID{{liar}, {1}}},
		fault.Fault{ID: rivalID + 1, Op: fault.Crash, At: m.after(at, 6), Node: 0, For: 5 * m.delay})
}

const (
	rivalDelays = 40
	rivalNodes  = 4 // the liar, the endorser that crashes, and one more for each spend
)
