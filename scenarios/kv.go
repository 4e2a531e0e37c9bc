package scenarios

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/raft"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// keyValue is the scenario kv: a replicated key-value store under faults, whose
// client-visible history is linearizable.
func keyValue() *scenario.Scenario {
	return ours(scenario.Scenario{
		Name:     "kv",
		Shows:    "a replicated key-value store whose client histories must be linearizable",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: faultyDefaults("crash,restart,partition,lose,copy" + stale),
		Own:      []*scenario.Param{txs(30), order()},
		Repairs:  orderRepairs,
		Columns:  []scenario.Column{{Head: "applied", Key: "applied", Number: true}},
		Moot: func(p *scenario.Params) string {
			if p.Int("txs") == 0 {
				return "there are no operations"
			}
			return ""
		},
		Kinds: func() (sends, outputs []protocol.Kind) {
			return append([]protocol.Kind{kv.KindReply}, orderKinds()...),
				[]protocol.Kind{kv.KindApplied, abcast.KindDelivered, abcast.KindViewed, raft.KindTerm}
		},
	}, (*world).storeBegin, orderTraffic, buildKV)
}

// Questions of the workload, named by the operation.
var (
	kindKVOp  = protocol.KindOf("kv.op")
	kindKVKey = protocol.KindOf("kv.key")
)

const (
	kvClients = 3
	// In each round every client begins kvBurst operations at once, so that operations
	// of different clients overlap.
	kvBurst = 2
	// kvPerKey is the approximate number of operations on a key. They are judged together,
	// again and again, so there must be few.
	kvPerKey = 15
	// kvSettle is how long after the last start the replicas have formed a view, in
	// delays.
	kvSettle = 150
)

// store is the world of the scenario kv.
type store struct {
	*world
	plan     sim.Plan
	replicas []*kv.Node // current state, or that at the crash
	clients  [kvClients]*kv.Client
	judge    *judge.Store
	views    *judge.Views
	progress *judge.Progress
	bound    protocol.Time // by which all operations must have ended
}

// storeBegin returns when the clients of a store begin.
func (w *world) storeBegin() protocol.Time { return protocol.Time(w.spread() + kvSettle*w.delay) }

func buildKV(p params) *scenario.Run {
	w := &world{p: p, delay: p.Delay + p.Jitter, Network: judge.Network{Incarnations: judge.NewIncarnations(p.Nodes + kvClients)}}
	for i := range p.Nodes {
		w.Members = append(w.Members, protocol.NodeID(i))
	}
	w.begin = w.storeBegin()
	if p.Failing() {
		w.healAt(w.healTime())
	}
	x := &store{world: w, replicas: make([]*kv.Node, p.Nodes)}
	x.bound = w.after(max(w.after(w.begin, windowDelays), w.liveFrom), afterHealDelays)
	x.judge = judge.NewStore(x.replicas, w.Incarnations, x.bound)
	x.views = judge.NewViews(p.Nodes)
	x.progress = w.progress(&x.plan, func(id protocol.NodeID) uint64 { return x.replicas[id].Broadcasts() })
	x.progress.Clients(x.judge, w.delay)
	x.plan = w.plan(kvClients)
	x.plan.Node = x.node
	for i := range uint64(p.Txs) {
		x.ask(i)
	}
	w.addFaults(&x.plan)
	j, order := x.judge, judge.NewDeliveries(p.Order, x.views)
	checks := check.Suite{j.Linearizable(), j.Order(), j.Ended(), j.EqualAtEnd(), x.bounded(),
		check.Waits(awake, x.p.Nodes+kvClients, x.machine), x.overlapped(), strict(),
		x.timelyRetries([]judge.Retry{judge.OperationRetries(x.delay, p.Nodes)}, p.Nodes+kvClients, x.plan.Faults)}
	if len(traitors(x.plan.Faults)) == 0 { // a model cannot know what comes of lies
		checks = append(checks, judge.NewCallers(x.Members, x.delay).InTurn(), judge.NewServers(x.replicas).Served())
	}
	if p.Failing() {
		checks = append(checks, x.views.CameBack()) // so that an unordered read can be stale
	}
	return &scenario.Run{
		Plan:   x.plan,
		Checks: slices.Concat(checks, x.channels(x.plan.Faults), x.views.Checks(), order.Checks(), x.progress.Checks()),
		Watch:  []sim.Observer{w.Incarnations, j, x.views, order, x.progress},
		Nodes:  x.rows,
		Facts:  x.facts,
		Counts: x.counts,
		Measure: func(m *stats.Meter) {
			j.Measure(m)
			if p.Failing() {
				x.views.Measure(m)
			}
		},
	}
}

func (x *store) node(id protocol.NodeID) protocol.Node {
	order, group := x.group()
	cfg := kv.Config{Members: x.Members, Order: order, Group: group, Delay: x.delay}
	if uint64(id) >= uint64(x.p.Nodes) {
		c := kv.NewClient(cfg)
		x.clients[int(id)-x.p.Nodes] = c
		return c
	}
	x.replicas[id] = kv.New(cfg)
	return x.replicas[id]
}

// ask makes a client do operation i. Most operations of a round are on one key; without
// faults, their types alternate.
func (x *store) ask(i uint64) {
	if x.p.LeftOut(i) {
		return
	}
	const perRound = kvClients * kvBurst
	n := uint64(x.p.Txs)
	round, rounds := i/perRound, (n+perRound-1)/perRound
	at := x.begin + 1 + protocol.Time(windowDelays*x.delay)/protocol.Time(rounds)*protocol.Time(round)
	client := protocol.NodeID(x.p.Nodes) + protocol.NodeID(i%kvClients)
	x.judge.Ask(client)
	x.plan.Inputs = append(x.plan.Inputs, sim.Input{ID: i, At: at, Node: client, Body: kv.AskInput(kv.Command{
		Op:  kv.Op((i + x.choose(kindKVOp, i, 3)) % 3),
		Key: (round + x.choose(kindKVKey, i, 3)/2) % x.keys(),
		New: i + 1, // unlike all others, so that a reader can tell them apart
	})})
}

// keys returns the number of keys.
func (x *store) keys() uint64 { return (uint64(x.p.Txs) + kvPerKey - 1) / kvPerKey }

// overlapped rules the check out if there are too few operations.
func (x *store) overlapped() *check.Check {
	c := x.judge.Overlapped()
	switch {
	case x.p.Txs < 2:
		return c.Skipped("there is one operation")
	case x.p.AnyLeftOut():
		return c.Skipped("operations are left out")
	}
	return c
}

// facts returns the figures of the history, and the fault window.
func (x *store) facts(*sim.Sim) []scenario.Fact {
	facts := x.judge.Facts()
	if x.p.Failing() {
		facts = append(facts, x.windowFact())
	}
	return facts
}

// rows returns, for each replica, how much of the order its incarnation has applied.
func (x *store) rows(*sim.Sim) []scenario.Node {
	rows := make([]scenario.Node, 0, len(x.replicas))
	for i, n := range x.replicas {
		row := scenario.Node{ID: protocol.NodeID(i)}
		if n != nil {
			delivered, _ := n.State()
			row.Cells = []string{fmt.Sprint(delivered)}
		}
		rows = append(rows, row)
	}
	return rows
}

// counts returns how often things happened, for the sums of a sweep.
func (x *store) counts(s *sim.Sim) []scenario.Count {
	return slices.Concat(faultCounts(s), x.judge.Counts(), x.views.Counts())
}
