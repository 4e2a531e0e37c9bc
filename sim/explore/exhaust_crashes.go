package explore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Crashes searches all crash points of a trial: each node, before each step that
// does something and after each effect of it, is down for each of Downs; then, if
// Depth is 2, all of this again after each first crash, and so on.
//
// A point is named by what the node does, as "after its 2nd send of prepare", not by
// a time: so it stays what it is when a run is shortened.
//
// # What is skipped
//
// Only what lasts is a point of its own: a message sent, an output, records made
// safe. A crash after another effect leaves what one after the effect before leaves:
//
//   - Timers are lost in the crash, so a crash after they are set or cancelled is none
//     of its own; nor is one after a Discard, which needs a Sync.
//   - A record that is not synced may survive, or not. If it does not, the crash
//     leaves what it left before the record was written. So after a Persist that
//     record survives, with all before it. After what lasts, each number of unsynced
//     records survives in a run of its own. (Torn ones do not: the number of their
//     bytes would be a question too.)
//   - Two crashes come in one order, that in which they happen.
//
// Not tried are other times between two steps: the node's state is the same there,
// and only the time of its return differs.
type Crashes struct {
	World *World
	// Trial is the run into which crashes come, in addition to its faults.
	Trial *Trial
	// From and To are when a first crash comes. A further one comes no more than To -
	// From after the node has returned.
	From, To protocol.Time
	// Nodes is the number of nodes that crash; those after them are spared.
	Nodes int
	// Downs are how long a node may stay down; 0 is for good, or until the plan heals.
	Downs []time.Duration
	// Depth is the greatest number of crashes in a run, at least 1.
	Depth int
	// Runs, if not 0, is the number of runs after which the search gives up.
	Runs int
	// Workers is how many runs are made at a time; it changes no result. 0 is 1.
	Workers int
	// Tell, if not nil, is told now and then how many runs there were.
	Tell func(runs int)
}

// Crashed is what a search of Crashes came to.
type Crashed struct {
	Points   int // of the run without crashes
	Runs     int // with that one
	Skipped  int // crashes that leave what another one leaves
	Distinct int // runs among Runs, by their digests
	Complete bool
	Failed   int            // of Runs
	First    *FailedRun     // with the fewest crashes, the first of them
	Checks   map[string]int // runs by the check that failed
	// Inconclusive are those of Runs that neither passed nor failed. One is enough for
	// the search to show nothing, unless another failed.
	Inconclusive int
}

// Search makes the runs, those with fewer crashes first, until all are made, or as
// many as it may, or ctx is over. It fails if a failing run does not fail again:
// then runs are no functions of their trials.
func (c *Crashes) Search(ctx context.Context) (Crashed, error) {
	g := &crashSearch{Crashes: c, digests: make(map[uint64]bool)}
	g.found.Checks = make(map[string]int)
	level := []crashTrial{{c.Trial, c.To}}
	for depth := 0; len(level) > 0 && depth <= c.Depth; depth++ {
		next, ok, err := g.level(ctx, level, depth < c.Depth)
		if !ok || err != nil {
			return g.found, err
		}
		level = next
	}
	g.found.Complete = true
	return g.found, nil
}

type crashSearch struct {
	*Crashes
	found   Crashed
	digests map[uint64]bool
}

// crashTrial is a trial of the search. A further crash comes after those that it
// has, and not after to.
type crashTrial struct {
	trial *Trial
	to    protocol.Time
}

// crashBatch is how many runs a worker makes between two looks at what all came to.
const crashBatch = 16

// level makes the runs of one number of crashes and, if grow is set, gives those
// with one more.
func (g *crashSearch) level(ctx context.Context, level []crashTrial, grow bool) (next []crashTrial, ok bool, err error) {
	for len(level) > 0 {
		n := min(len(level), crashBatch*max(g.Workers, 1))
		if g.Runs > 0 {
			n = min(n, g.Runs-g.found.Runs)
		}
		if n <= 0 || ctx.Err() != nil {
			return nil, false, nil
		}
		done := g.batch(level[:n])
		for i := range done {
			if err := g.take(&level[i], &done[i]); err != nil {
				return nil, false, err
			}
			if grow && !done[i].outcome.Failed() && (g.Runs == 0 || len(next) < g.Runs) { // or nobody would come to them
				next = append(next, g.crashes(&level[i], done[i].points.list)...)
			}
		}
		level = level[n:]
		if g.Tell != nil {
			g.Tell(g.found.Runs)
		}
	}
	return next, true, nil
}

type crashRun struct {
	outcome Outcome
	points  crashPoints
}

func (g *crashSearch) batch(trials []crashTrial) []crashRun {
	done := make([]crashRun, len(trials))
	jobs := make(chan int)
	var wait sync.WaitGroup
	for range max(g.Workers, 1) {
		wait.Go(func() {
			for i := range jobs {
				t := &trials[i]
				done[i].points = crashPoints{from: g.From, to: t.to, wait: len(t.trial.Faults) - len(g.Trial.Faults), nodes: make([]crashNode, g.Nodes)}
				done[i].outcome = g.World.Try(t.trial, &done[i].points)
			}
		})
	}
	for i := range trials {
		jobs <- i
	}
	close(jobs)
	wait.Wait()
	return done
}

func (g *crashSearch) take(t *crashTrial, r *crashRun) error {
	first := g.found.Runs == 0
	g.found.Runs++
	if digest := r.outcome.Digest.Sum(); !g.digests[digest] {
		g.digests[digest] = true
		g.found.Distinct++
	}
	if first {
		g.found.Points = len(r.points.list)
	}
	if !r.outcome.Failed() {
		if r.outcome.Verdict != check.Pass {
			g.found.Inconclusive++
		}
		return nil
	}
	if again := g.World.Try(t.trial); again.Digest != r.outcome.Digest || again.Check() != r.outcome.Check() {
		return fmt.Errorf("explore: not deterministic: with %s check %q fails, and the next time %q", describe(t.trial.Faults), r.outcome.Check(), again.Check())
	}
	g.found.Failed++
	g.found.Checks[r.outcome.Check()]++
	if g.found.First == nil {
		g.found.First = &FailedRun{t.trial, r.outcome}
	}
	return nil
}

func describe(faults []fault.Fault) string { return fmt.Sprintf("faults %q", fault.Format(faults)) }

// crashes gives the trials that have one more crash than t, and counts those that
// would leave what another one leaves.
func (g *crashSearch) crashes(t *crashTrial, points []crashPoint) (out []crashTrial) {
	for i := range points {
		p := &points[i]
		least := 0
		if p.on.Op == protocol.OpPersist {
			least = p.unsynced // with fewer, the record is as never written
			g.found.Skipped += least * len(g.Downs)
		}
		for survive := least; survive <= p.unsynced; survive++ {
			for _, down := range g.Downs {
				out = append(out, g.crash(t.trial, p, down, survive))
			}
		}
	}
	return out
}

func (g *crashSearch) crash(t *Trial, p *crashPoint, down time.Duration, survive int) crashTrial {
	f := fault.Fault{ID: 1, Op: fault.Crash, At: p.at, For: down, Node: p.node}
	if p.on.N > 0 {
		f.At, f.On = g.From, p.on
	}
	for i := range t.Faults {
		f.ID = max(f.ID, t.Faults[i].ID+1)
	}
	more := *t
	if survive > 0 {
		f.Disk = fault.KeepTorn
		more.Answers = append(slices.Clip(t.Answers),
			source.Answer{Key: sim.Survivors(&f), Range: uint64(p.unsynced) + 1, Value: uint64(survive)})
	}
	more.Faults = append(slices.Clip(t.Faults), f)
	return crashTrial{&more, p.at + protocol.Time(down) + g.To - g.From}
}

// crashPoint is where a node can crash: after the effect on, or, if there is none,
// before what it does at that time.
type crashPoint struct {
	node     protocol.NodeID
	at       protocol.Time
	on       fault.Anchor
	unsynced int // records
}

// crashPoints is the Observer that collects them.
type crashPoints struct {
	from, to protocol.Time
	wait     int // crashes that must come before
	nodes    []crashNode
	list     []crashPoint
}

// crashNode is what is known of a node.
type crashNode struct {
	did     []fault.Anchor // how often it did what, from the time on from which anchors count
	next    uint64         // index of the next record
	safe    uint64         // records below survive a crash
	crashed bool           // since it wrote last: all records that are left are safe
	step    protocol.Time
	fresh   bool // the step has done nothing yet that is a point
}

func (p *crashPoints) Watch() sim.What {
	return sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Output | sim.Persisted | sim.Synced | sim.Crashed
}

func (p *crashPoints) Observe(e *sim.Event) {
	if e.What == sim.Crashed && p.wait > 0 {
		p.wait--
	}
	if int(e.Node) >= len(p.nodes) {
		return
	}
	n := &p.nodes[e.Node]
	before := n.unsynced()
	switch e.What {
	case sim.Started:
		n.fresh = false // before it starts, the node is down
	case sim.Received, sim.Fired:
		n.fresh, n.step = n.step != e.At, e.At // a step at the same time follows the last effect of the one before
	case sim.Crashed:
		n.crashed, n.safe = true, n.next
	case sim.Persisted:
		if n.crashed {
			n.crashed, n.safe = false, e.Tag
		}
		n.next = e.Tag + 1
		p.did(e, n, fault.Anchor{Op: protocol.OpPersist}, before)
	case sim.Synced:
		n.crashed, n.safe, n.next = false, e.Tag, max(n.next, e.Tag)
		p.did(e, n, fault.Anchor{Op: protocol.OpSync}, before)
	case sim.Sent:
		p.did(e, n, fault.Anchor{Op: protocol.OpSend, Kind: e.Kind}, before)
	case sim.Output:
		p.did(e, n, fault.Anchor{Op: protocol.OpOutput, Kind: e.Kind}, before)
	}
}

// unsynced counts the records that a crash could lose.
func (n *crashNode) unsynced() int { return int(n.next - n.safe) }

// did counts an effect, before which so many records were unsynced, and lists the
// points before its step, if it is the first of it, and after it.
func (p *crashPoints) did(e *sim.Event, n *crashNode, on fault.Anchor, before int) {
	if e.At < p.from {
		return
	}
	i := slices.IndexFunc(n.did, func(a fault.Anchor) bool { return a.Op == on.Op && a.Kind == on.Kind })
	if i < 0 {
		i = len(n.did)
		n.did = append(n.did, on)
	}
	n.did[i].N++
	if p.wait > 0 || e.At > p.to {
		return
	}
	if n.fresh {
		p.list = append(p.list, crashPoint{node: e.Node, at: e.At, unsynced: before})
		n.fresh = false
	}
	p.list = append(p.list, crashPoint{e.Node, e.At, n.did[i], n.unsynced()})
}
