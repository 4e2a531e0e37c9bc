package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Questions of the workload.
var (
	kindAsker  = protocol.KindOf("work.asker")
	kindTarget = protocol.KindOf("work.target")
)

// bootstrap: nodes join through node 0 and find each other and all keys.
func bootstrap() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "bootstrap",
		Shows:    "nodes join a Kademlia network through node 0; then every node and every key is found",
		MinNodes: 1,
		MaxNodes: 100_000,
		Defaults: scenario.Params{Nodes: 40, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: time.Minute},
	}, buildBootstrap)
}

const (
	allPairs    = 64  // up to so many nodes every node looks up every other
	drawnPairs  = 200 // beyond it, so many pairs are drawn
	tableK      = 8   // kademlia.Defaults
	askDelays   = 200 // over which the questions are spread
	graceDelays = 2000
)

// quest is an input that has one node look for another or its key.
type quest struct {
	asker, target int
	key           bool
}

func buildBootstrap(p params) *scenario.Run {
	w := newWorld(p)
	plan := w.plan(0)
	quests := w.quests()
	for i, q := range quests {
		at := w.begin + protocol.Time(int64(askDelays*w.delay)/int64(len(quests))*int64(i))
		body := peer.LookInput(w.owners[q.target])
		if q.key {
			body = peer.GetInput(w.owners[q.target])
		}
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: at, Node: protocol.NodeID(q.asker), Body: body})
	}
	plan.Inputs = w.inputs(plan.Inputs)
	w.storm(&plan)
	bound := w.after(max(w.begin, w.calm), askDelays+graceDelays)
	l := newLookups(w, quests)
	return &scenario.Run{
		Plan: plan,
		Checks: check.Suite{
			w.joinedCheck(bound),
			p.calmly(l.closestCheck()),
			p.calmly(l.answeredCheck(bound)),
			p.calmly(l.keysCheck(bound)),
			p.calmly(l.farCheck()),
		},
		Watch: []sim.Observer{&w.lives},
		Nodes: w.rows,
		Facts: w.withLedgers(l.facts),
	}
}

// quests gives the workload: who looks up whom, and who fetches whose key.
func (w *world) quests() []quest {
	var out []quest
	n := w.p.Nodes
	if n <= allPairs {
		for a := range n {
			for b := range n {
				if a != b {
					out = append(out, quest{a, b, false})
				}
				if a != b || n == 1 {
					out = append(out, quest{a, b, true})
				}
			}
		}
		return out
	}
	drawn := make(map[quest]bool)
	for i := range uint64(drawnPairs) {
		q := quest{asker: int(w.choose(kindAsker, i, uint64(n)))}
		q.target = (q.asker + 1 + int(w.choose(kindTarget, i, uint64(n-1)))) % n
		for drawn[q] || q.target == q.asker { // the next pair that is new
			if q.target = (q.target + 1) % n; q.target == q.asker {
				q.asker = (q.asker + 1) % n
				q.target = (q.asker + 1) % n
			}
		}
		drawn[q] = true
		out = append(out, q)
	}
	for b := range n {
		a := (b + 1 + int(w.choose(kindAsker, uint64(drawnPairs+b), uint64(n-1)))) % n
		out = append(out, quest{a, b, true})
	}
	return out
}

// joinedCheck demands that every node joins.
func (w *world) joinedCheck(bound protocol.Time) *check.Check {
	return check.EventuallyBut("every node has joined", bound, func(excuse check.Excuse) (uint64, error) {
		count := uint64(0)
		for i, n := range w.nodes {
			if w.lives.excused(protocol.NodeID(i), excuse) {
				continue
			}
			if n == nil || !n.Joined() {
				if w.lives.stuck(w.p.Nodes) {
					excuse(fmt.Sprintf("node %d, %s", i, noMajority))
					continue
				}
				return count, fmt.Errorf("node %d has not joined", i)
			}
			count++
		}
		return count, nil
	})
}
