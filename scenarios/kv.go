package scenarios

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// keyValue is the scenario kv: a replicated key-value store under faults, whose
// clients' history is judged as a whole.
func keyValue() *scenario.Scenario {
	return ours(scenario.Scenario{
		Name:     "kv",
		Shows:    "a replicated key-value store whose clients cannot tell it from one that does one thing at a time",
		MinNodes: 3,
		MaxNodes: mostFaulty,
		Defaults: scenario.Params{Nodes: 5, Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Until: 10 * time.Minute, Faults: "crash,restart,partition,lose,copy"},
		Own:     []*scenario.Param{txs(30), order()},
		Columns: []scenario.Column{{Head: "applied", Key: "applied", Number: true}},
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
	}, buildKV)
}

// Questions of the workload; they are named by the operation.
var (
	kindKVOp  = protocol.KindOf("kv.op")
	kindKVKey = protocol.KindOf("kv.key")
)

const (
	kvClients = 3
	// Of each round every client is asked for kvBurst operations at once, so that
	// those of different clients overlap.
	kvBurst = 2
	// kvPerKey is about how many operations a key sees: all of them are judged
	// together, again and again, so they are not to be many.
	kvPerKey = 15
	// kvSettle is when the replicas have formed a view, in delays after the last
	// start.
	kvSettle = 150
)

// store is the world of the scenario kv.
type store struct {
	*world
	plan     sim.Plan
	replicas []*kv.Node // as they are now, or were when they crashed
	history  *history
	views    *viewed
	bound    protocol.Time // by which all operations must have ended
}

func buildKV(p params) *scenario.Run {
	w := &world{p: p, delay: p.Delay + p.Jitter}
	for i := range p.Nodes {
		w.members = append(w.members, protocol.NodeID(i))
	}
	w.lives.state = make([]life, p.Nodes+kvClients)
	w.begin = protocol.Time(w.spread() + kvSettle*w.delay)
	if p.Failing() {
		w.calm = w.calmFrom()
	}
	x := &store{world: w, replicas: make([]*kv.Node, p.Nodes)}
	x.bound = w.after(max(w.after(w.begin, stormDelays), w.calm), calmDelays)
	x.history = newHistory(x)
	x.views = newViewed(p.Nodes)
	x.plan = w.plan(kvClients)
	x.plan.Node = x.node
	for i := range uint64(p.Txs) {
		x.ask(i)
	}
	w.storm(&x.plan)
	h, order := x.history, newDeliveries(p.Order, x.views)
	checks := check.Suite{h.linearizable(), x.order(), h.ended(), x.equalAtEnd(), h.overlapped()}
	if p.Failing() {
		checks = append(checks, x.views.cameBack()) // what makes an unordered read stale
	}
	return &scenario.Run{
		Plan:   x.plan,
		Checks: slices.Concat(checks, x.views.checks(), order.checks()),
		Watch:  []sim.Observer{&w.lives, h, x.views, order},
		Nodes:  x.rows,
		Facts:  h.facts,
		Counts: x.counts,
	}
}

func (x *store) node(id protocol.NodeID) protocol.Node {
	order, group := x.group()
	cfg := kv.Config{Members: x.members, Order: order, Group: group, Delay: x.delay}
	if int(id) >= x.p.Nodes {
		return kv.NewClient(cfg)
	}
	x.replicas[id] = kv.New(cfg)
	return x.replicas[id]
}

// ask has a client do operation i. A round of operations is about one key for the
// most part; without misfortunes they take turns in what they do.
func (x *store) ask(i uint64) {
	if x.p.LeftOut(i) {
		return
	}
	const perRound = kvClients * kvBurst
	n := uint64(x.p.Txs)
	round, rounds := i/perRound, (n+perRound-1)/perRound
	at := x.begin + 1 + protocol.Time(stormDelays*x.delay)/protocol.Time(rounds)*protocol.Time(round)
	keys := (n + kvPerKey - 1) / kvPerKey
	client := protocol.NodeID(x.p.Nodes) + protocol.NodeID(i%kvClients)
	x.history.ask(client)
	if at > x.plan.Until {
		return // the run is cut short before it, and will not have done it
	}
	x.plan.Inputs = append(x.plan.Inputs, sim.Input{ID: i, At: at, Node: client, Body: kv.AskInput(kv.Command{
		Op:  kv.Op((i + x.choose(kindKVOp, i, 3)) % 3),
		Key: (round + x.choose(kindKVKey, i, 3)/2) % keys,
		New: i + 1, // unlike all others, so that a reader can tell them apart
	})})
}

// order demands that all replicas do the same.
func (x *store) order() *check.Check {
	return check.SameOrder("one order: every replica applies a prefix of one sequence", sim.Output, func(e *sim.Event) (check.Position, bool) {
		if e.Kind != kv.KindApplied {
			return check.Position{}, false
		}
		a, ok := kv.DecodeApplied(e.Body)
		return check.Position{Index: a.Index, Item: fmt.Sprintf("%016x", a.State)}, ok
	}, func(item string) string { return "state " + item })
}

// equalAtEnd demands that all replicas come to the same state, also those that were
// down or cut off: a prefix of one sequence is no agreement, if it stays one.
func (x *store) equalAtEnd() *check.Check {
	return check.EventuallyBut("all replicas end in the same state", x.bound, func(excuse check.Excuse) (uint64, error) {
		first, n := -1, uint64(0)
		var delivered, fold uint64
		for i, r := range x.replicas {
			id := protocol.NodeID(i)
			switch {
			case x.lives.excused(id, excuse):
				continue
			case x.lives.stuck(x.p.Nodes):
				excuse(fmt.Sprintf("node %d, %s", i, noMajority))
				continue
			case r == nil || x.lives.down(id):
				return n, fmt.Errorf("node %d is down", i)
			}
			d, f := r.State()
			if first < 0 {
				first, delivered, fold = i, d, f
			}
			if d != delivered || f != fold {
				return n, fmt.Errorf("node %d has applied %d commands and node %d has %d, or they came to another state", first, delivered, i, d)
			}
			n++
		}
		return n, nil
	})
}

// rows gives of each replica how much of the order it has applied in this life.
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

// counts gives what faults did, for the sums of a sweep.
func (x *store) counts(s *sim.Sim) []scenario.Count {
	r := s.Result()
	f := &r.Faults
	return append([]scenario.Count{
		{Name: "crashes", N: r.Crashes}, {Name: "restarts", N: r.Restarts}, {Name: "failed syncs", N: f.FailedSyncs}, {Name: "records lost", N: f.Unsynced},
		{Name: "messages cut off", N: f.Cut}, {Name: "lost", N: f.Lost}, {Name: "copied", N: f.Copied}, {Name: "corrupted", N: f.Corrupted},
		{Name: "pauses", N: f.Pauses}, {Name: "disks damaged", N: f.Damaged},
		{Name: "operations that overlapped", N: x.history.overlaps}, {Name: "operations tried in vain", N: x.history.refused},
	}, x.views.counts()...)
}
