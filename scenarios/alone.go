package scenarios

import (
	"encoding/binary"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// mostPeers is the most nodes of bootstrap that are those of the ledger. Their links and their
// order keep something for each neighbour and member, which says nothing about joining: with
// more nodes each is part of a Kademlia network and nothing else.
const mostPeers = 500

// mostAlone is the most nodes of Kademlia alone. Each takes some kilobytes: see memory.go.
const mostAlone = 1_000_000

// The timetable of nodes of Kademlia alone, in longest delays. A node of a million takes some
// two hundred delays to join.
const (
	aloneJoin    = 1000 // from the last start until the first value is published
	alonePublish = 500  // from then on until the first lookup
	aloneGrace   = 5000 // for all lookups to end
)

// loneValues is the number of values that are published and looked up.
const loneValues = drawnPairs

// Bounds of what is looked at in large networks, at each step or at the end.
const (
	mostAwake = 64
	mostKept  = 10_000
)

// Questions of the workload.
var (
	kindLoneSource = protocol.KindOf("work.source")
	kindLoneSeeker = protocol.KindOf("work.seeker")
)

// alone is the world of bootstrap with nodes of Kademlia alone.
type alone struct {
	*world
	ids    []kademlia.ID
	shared *kademlia.NodeConfig // by all nodes
	seeds  []protocol.Endpoint
	nodes  []*kademlia.Node
	asked  []judge.Find
	values [][]byte
}

// alone reports whether the nodes of bootstrap are of Kademlia alone. Those of the ledger survive
// faults.
func (p *params) alone() bool { return p.Nodes > mostPeers && !p.Failing() }

func buildAlone(p params) *scenario.Run {
	a := &alone{world: &world{p: p, delay: p.Delay + p.Jitter}, nodes: make([]*kademlia.Node, p.Nodes), ids: make([]kademlia.ID, p.Nodes)}
	for i := range a.ids {
		s := a.secret("bootstrap id", uint64(i))
		a.ids[i] = kademlia.Key(s[:])
	}
	a.shared = &kademlia.NodeConfig{Config: a.config()}
	a.shared.Known = kademlia.NewKnown(protocol.SimBook{}, a.ids)
	a.seeds = []protocol.Endpoint{protocol.SimBook{}.Endpoint(0)}
	plan := a.world.plan(0)
	plan.Node, plan.Twin = a.node, a.make
	for i := range plan.Starts {
		plan.Starts[i] = a.start(i)
	}
	bound := a.workload(&plan)
	j := judge.NewFinds(judge.FindsOf{Nodes: a.nodes, IDs: a.ids, K: p.K, Asked: a.asked, Values: a.values})
	return &scenario.Run{
		Plan:  plan,
		Apart: true,
		Checks: check.Suite{
			j.Joined(bound), j.Closest(), j.Answered(bound), j.Found(bound), j.Far(), j.Placed(),
			a.queries().Sound(), p.forms().AtNodes(p.heard()), a.bounded(bound),
			check.Waits(awake, min(mostAwake, p.Nodes), func(id protocol.NodeID) protocol.Node { return a.nodes[id] }),
		},
		Nodes: a.rows,
		Facts: j.Facts,
		Measure: func(m *stats.Meter) {
			j.Measure(m)
			a.measureJoins(m, kademlia.KindJoined)
		},
	}
}

// spread returns the time over which the nodes start: two in a delay, unless so many would take
// too long.
func (a *alone) spread() time.Duration {
	return min(time.Duration(a.p.Nodes)*a.delay/2, a.p.Until/4)
}

func (a *alone) start(i int) protocol.Time {
	return protocol.Time(int64(a.spread()) / int64(a.p.Nodes) * int64(i))
}

// config returns the configuration of every node, but for what tells them apart.
func (a *alone) config() kademlia.Config {
	cfg := kademlia.Defaults(kademlia.ID{}, protocol.SimBook{}, 0)
	cfg.K, cfg.Alpha = a.p.K, a.p.Alpha
	cfg.Timeout, cfg.Pause, cfg.Tries = a.delay*5/2, a.delay*4, tries(a.p.Loss)
	return cfg
}

// node returns node id, which is from now on the one that checks look at.
func (a *alone) node(id protocol.NodeID) protocol.Node {
	a.nodes[id] = a.made(id)
	return a.nodes[id]
}

// make returns another node id, of which nobody hears.
func (a *alone) make(id protocol.NodeID) protocol.Node { return a.made(id) }

func (a *alone) made(id protocol.NodeID) *kademlia.Node {
	s, seeds := a.secret("bootstrap secret", uint64(id)), a.seeds
	if id == 0 {
		seeds = nil
	}
	return kademlia.NewMember(a.shared, a.ids[id], binary.BigEndian.Uint64(s[:]), seeds)
}

// workload draws the values and the lookups, and adds their inputs. It returns when all must have
// ended.
func (a *alone) workload(plan *sim.Plan) (bound protocol.Time) {
	n := uint64(a.p.Nodes)
	publish := a.after(protocol.Time(a.spread()), aloneJoin)
	ask := a.after(publish, askDelays+alonePublish)
	within := func(i, of int) protocol.Time {
		return protocol.Time(int64(askDelays*a.delay) / int64(of) * int64(i))
	}
	for i := range loneValues {
		value := fmt.Appendf(nil, "i%de", i)
		a.values = append(a.values, value)
		plan.Inputs = append(plan.Inputs, sim.Input{ID: valueID | uint64(i), At: publish + within(i, loneValues),
			Node: protocol.NodeID(a.choose(kindLoneSource, uint64(i), n)), Body: kademlia.PublishInput(value, 0)})
	}
	for i := range uint64(drawnPairs) {
		asker := a.choose(kindAsker, i, n)
		target := (asker + 1 + a.choose(kindTarget, i, n-1)) % n
		a.asked = append(a.asked, judge.Find{Node: protocol.NodeID(asker), Target: a.ids[target]})
	}
	for i, v := range a.values {
		a.asked = append(a.asked, judge.Find{Node: protocol.NodeID(a.choose(kindLoneSeeker, uint64(i), n)), Target: kademlia.Key(v), Value: v})
	}
	for i := range a.asked {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: ask + within(i, len(a.asked)), Node: a.asked[i].Node, Body: a.asked[i].Input(uint64(i))})
	}
	return a.after(ask, askDelays+aloneGrace)
}

// queries returns a judge of what the nodes ask each other.
func (a *alone) queries() *judge.Queries {
	return judge.NewQueries(judge.QueriesOf{
		DHT: func(id protocol.NodeID) *kademlia.DHT {
			if n := a.nodes[id]; n != nil {
				return n.DHT()
			}
			return nil
		},
		IDs: a.ids, Config: a.config(), Seed: a.p.Seed,
	})
}

// bounded requires that nodes hold no more than must be kept. Of many, it looks at some.
func (a *alone) bounded(bound protocol.Time) *check.Check {
	stride := protocol.NodeID((a.p.Nodes + mostKept - 1) / mostKept)
	return check.Bounded(over, bound, check.Held{
		Nodes: a.p.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			if id%stride != 0 {
				return nil
			}
			return a.nodes[id]
		},
		Most: func(_ protocol.NodeID, name string) int {
			switch name {
			case "dht.items", "dht.published", check.OnDisk:
				return loneValues
			}
			return 0
		},
	})
}

// rows returns the nodes' names; they have no ledgers.
func (a *alone) rows(*sim.Sim) []scenario.Node {
	rows := make([]scenario.Node, 0, len(a.ids))
	for i := range a.ids {
		rows = append(rows, scenario.Node{ID: protocol.NodeID(i), Cells: []string{a.ids[i].String()}})
	}
	return rows
}
