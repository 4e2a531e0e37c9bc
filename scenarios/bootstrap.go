package scenarios

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// Questions of the workload.
var (
	kindAsker  = protocol.KindOf("work.asker")
	kindTarget = protocol.KindOf("work.target")
)

// bootstrap: nodes join through node 0 and find each other and all keys. If nodes or links
// fail, they do so once the network has had time to recover. Many nodes are of Kademlia alone:
// see alone.go.
func bootstrap() *scenario.Scenario {
	return onLedger(scenario.Scenario{
		Name:     "bootstrap",
		Shows:    fmt.Sprintf("nodes join a Kademlia network through node 0; then every node and every key is found; up to %d are nodes of the ledger, more are of Kademlia alone", mostPeers),
		MinNodes: 1,
		MaxNodes: mostAlone,
		Defaults: defaults(40, time.Hour),
		Own:      routing(),
		Memory:   aloneTakes,
	}, bootstrapTraffic, buildBootstrap)
}

const (
	allPairs    = 64  // up to this many nodes, every node looks up every other
	drawnPairs  = 200 // beyond that, the number of pairs drawn
	askDelays   = 200 // over which the lookups are spread
	graceDelays = 2000
	mergeDelays = 6000 // after the heal, for four refreshes of every routing table or more
)

func buildBootstrap(p params) *scenario.Run {
	if p.alone() {
		return buildAlone(p)
	}
	w := newWorld(p)
	plan := w.plan(0)
	from := w.begin
	if p.Failing() {
		from = w.after(w.liveFrom, mergeDelays)
	}
	l := w.addQuests(&plan, w.quests(), from, askDelays)
	w.addFaults(&plan)
	bound := w.after(from, askDelays+graceDelays)
	whole := func(c *check.Check) *check.Check { return recovering(plan.Faults, c) }
	return &scenario.Run{
		Plan: plan,
		Checks: check.Suite{
			w.Joined(bound),
			whole(l.Closest()),
			whole(l.Answered(bound)),
			whole(l.Keys(bound)),
			whole(l.Far()),
			p.faultFree(l.Placed()),
			w.queries(plan.Faults).Sound(),
			p.forms(),
			whole(w.bounded(bound)),
			check.Waits(awake, w.p.Nodes, w.machine),
		},
		Watch: []sim.Observer{w.Incarnations},
		Apart: !p.Failing(), // else they promise what views demand
		Nodes: w.rows,
		Facts: w.withLedgers(l.Facts),
		Measure: func(m *stats.Meter) {
			l.Measure(m)
			w.measureJoins(m, peer.KindJoined)
		},
	}
}

// recovering rules a check out if faults last beyond all lookups: it judges what must hold
// some time after the heal.
func recovering(faults []fault.Fault, c *check.Check) *check.Check {
	switch {
	case len(faults) > 0 && fault.Calm(faults) == fault.Never:
		return c.Skipped("nothing heals")
	case slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Op == fault.Rot }):
		return c.Skipped("a node whose disk is damaged stays down")
	}
	return c
}

// addQuests adds the lookups as inputs, spread over that many longest delays.
func (w *world) addQuests(plan *sim.Plan, quests []judge.Quest, from protocol.Time, delays int) *judge.Lookups {
	for i, q := range quests {
		at := from + protocol.Time(int64(time.Duration(delays)*w.delay)/int64(len(quests))*int64(i))
		body := peer.LookInput(w.Owners[q.Target])
		if q.Key {
			body = peer.GetInput(w.Owners[q.Target])
		}
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: at, Node: protocol.NodeID(q.Asker), Body: body})
	}
	return judge.NewLookups(&w.Network, quests)
}

// quests returns the workload: which nodes look up which others, and which fetch whose key.
func (w *world) quests() []judge.Quest {
	var out []judge.Quest
	n := w.p.Nodes
	if n <= allPairs {
		for a := range n {
			for b := range n {
				if a != b {
					out = append(out, judge.Quest{Asker: a, Target: b})
				}
				if a != b || n == 1 {
					out = append(out, judge.Quest{Asker: a, Target: b, Key: true})
				}
			}
		}
		return out
	}
	drawn := make(map[judge.Quest]bool)
	for i := range uint64(drawnPairs) {
		q := judge.Quest{Asker: int(w.choose(kindAsker, i, uint64(n)))}
		q.Target = (q.Asker + 1 + int(w.choose(kindTarget, i, uint64(n-1)))) % n
		for drawn[q] || q.Target == q.Asker { // the next pair that is new
			if q.Target = (q.Target + 1) % n; q.Target == q.Asker {
				q.Asker = (q.Asker + 1) % n
				q.Target = (q.Asker + 1) % n
			}
		}
		drawn[q] = true
		out = append(out, q)
	}
	for b := range n {
		a := (b + 1 + int(w.choose(kindAsker, uint64(drawnPairs+b), uint64(n-1)))) % n
		out = append(out, judge.Quest{Asker: a, Target: b, Key: true})
	}
	return out
}
