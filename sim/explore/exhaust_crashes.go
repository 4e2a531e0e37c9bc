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

// Crashes searches all crash points of a trial: it crashes each node before each step
// that has effects, and after each effect, for each duration of Downs. If Depth is 2, it
// does so again after each first crash, and so on.
//
// A point is named by what the node does, such as "after its 2nd send of prepare", not by
// a time, so its name still holds when the run is shortened.
//
// # What is skipped
//
// Only lasting effects make separate crash points: a message sent, an output, records
// synced. After any other effect, a crash leaves the same as after the effect before:
//
//   - A crash loses timers, so setting or cancelling one makes no difference. Nor does a
//     Discard, which needs a Sync.
//   - An unsynced record may survive or not. If it does not, the crash leaves what it
//     would have left before the record was written. So in a crash after a Persist, that
//     record and all before it survive. After a lasting effect, each number of surviving
//     unsynced records gets a run of its own. (Torn records do not survive: the number of
//     their bytes would be a question too.)
//   - Two crashes are tried in one order, that in which they happen.
//
// Other times between two steps are not tried: the node's state is the same, and only the
// time of its restart differs.
type Crashes struct {
	World *World
	// Trial is the run to which crashes are added.
	Trial *Trial
	// From and To bound the time of a first crash. A further one comes at most To - From
	// after the restart.
	From, To protocol.Time
	// Nodes is the number of nodes that crash, from node 0 on.
	Nodes int
	// Downs are the durations that a node may stay down; 0 is until the plan heals or ends.
	Downs []time.Duration
	// Depth is the greatest number of crashes in a run, at least 1.
	Depth int
	// Runs, if not 0, is the number of runs after which the search gives up.
	Runs int
	// Workers is the number of runs made at a time. It changes no result; 0 is 1.
	Workers int
	// Tell, if not nil, is called from time to time with the number of runs so far.
	Tell func(runs int)
}

// Crashed is the result of a search of Crashes.
type Crashed struct {
	Points   int // crash points of the run without crashes
	Runs     int // including that one
	Skipped  int // crashes equal in effect to another
	Distinct int // of Runs, by their digests
	Complete bool
	Failed   int            // of Runs
	First    *FailedRun     // the first with the fewest crashes
	Checks   map[string]int // runs by the check that failed
	// Inconclusive counts those of Runs that neither passed nor failed. One is enough to
	// make the search inconclusive, unless another failed.
	Inconclusive int
}

// Search makes the runs, those with fewer crashes first, until all are made, or Runs of
// them, or ctx ends. It returns an error if a failing run does not fail again: then runs
// are not functions of their trials.
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

// crashTrial is a trial of the search. A further crash comes after those in trial, and
// at to at the latest.
type crashTrial struct {
	trial *Trial
	to    protocol.Time
}

// crashBatch is the number of runs that a worker makes before their results are taken.
const crashBatch = 16

// level makes the runs with one number of crashes and, if grow is set, returns the
// trials with one more. ok is false if the search must stop.
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
		if slices.ContainsFunc(done, func(r crashRun) bool { return r.outcome.Interrupted() }) {
			return nil, false, nil
		}
		for i := range done {
			if err := g.take(&level[i], &done[i]); err != nil {
				return nil, false, err
			}
			if grow && !done[i].outcome.Failed() && (g.Runs == 0 || len(next) < g.Runs) { // no more can be run
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
	if again := g.World.Try(t.trial); again.Interrupted() {
		return nil // and with it the search, before the next batch
	} else if again.Digest != r.outcome.Digest || again.Check() != r.outcome.Check() {
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

// crashes returns the trials that have one more crash than t, and counts the skipped
// ones.
func (g *crashSearch) crashes(t *crashTrial, points []crashPoint) (out []crashTrial) {
	for i := range points {
		p := &points[i]
		least := 0
		if p.on.Op == protocol.OpPersist {
			least = p.unsynced // with fewer, the record might as well not have been written
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

// crashPoint is a point at which a node can crash: after the effect on, or, if on is
// zero, before the node's step at that time.
type crashPoint struct {
	node     protocol.NodeID
	at       protocol.Time
	on       fault.Anchor
	unsynced int // records
}

// crashPoints is the Observer that collects them.
type crashPoints struct {
	from, to protocol.Time
	wait     int // crashes of the trial that are still to come
	nodes    []crashNode
	list     []crashPoint
}

// crashNode is what is known about a node.
type crashNode struct {
	did     []fault.Anchor // effects by sort, with their counts since crashPoints.from
	next    uint64         // index of the next record
	safe    uint64         // records below this index survive a crash
	crashed bool           // since its last write: all remaining records are safe
	step    protocol.Time
	fresh   bool // the step has had no crash point yet
}

func (p *crashPoints) Watch() sim.What {
	return sim.Started | sim.Received | sim.Fired | sim.Sent | sim.Output | sim.Persisted | sim.Synced | sim.Crashed
}

func (p *crashPoints) Observe(e *sim.Event) {
	if e.What == sim.Crashed && p.wait > 0 {
		p.wait--
	}
	if uint64(e.Node) >= uint64(len(p.nodes)) {
		return
	}
	n := &p.nodes[e.Node]
	before := n.unsynced()
	switch e.What {
	case sim.Started:
		n.fresh = false // the node is down before it starts
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

// did counts an effect and lists the crash point after it; if it is the first of its
// step, also the point before the step. before is the number of unsynced records then.
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
