package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Misfortunes adds to a trial one misfortune at each place: a crash, a lost message, a pause
// and so on, before each step with effects and after each lasting effect. If Depth is 2, it
// adds a second one to each run that did not fail, and so on. Most bugs that a sweep misses
// need one or two misfortunes at the right place, not twenty at random ones.
//
// # What is skipped
//
// Only lasting effects make separate places: a message sent, an output, records persisted or
// synced, and the beginning of a flush. After any other effect, a crash leaves the same as after the
// effect before:
//
//   - A crash loses timers, so setting or cancelling one makes no difference. Nor does a
//     Discard, which needs a Sync.
//   - A sync that fails leaves the same as a crash after the effect before it.
//   - The beginning of a flush changes no record; but the flush can fail.
//   - After a Persist, a crash that loses the new record leaves the same as a crash before it.
//   - A message that reaches a node that is down is lost already.
//   - A window (a pause, a cut) opens once the node is done for that time, so the effects of
//     one step have one window in common.
//   - Two misfortunes are tried in one order, that in which they begin.
//   - If a run consumed and put out the same as an earlier run, and kept the same records, no
//     second misfortune is added to it.
//
// Other times between two steps are not tried.
//
// # Which come first
//
// Other turns of the goroutines of hosted programs (the kinds yield, order and stall) are tried
// first, in at most half of Runs.
//
// Runs bounds the search, and a long run has more places than that. So all kinds alternate. Within a
// kind, misfortunes are divided into classes by what the node does there, such as sending a vote, and
// the classes alternate, however many places they have. Within a class, the places are spread over
// the whole run: the first, the one in the middle, those in the middle of the halves, and so on.
//
// Among pairs, those come first whose second misfortune hits a consequence of the first: a message or
// a record that does not exist without it. Then come pairs with a node in common, the earliest first,
// and then all others. Each run with one misfortune gets as many second ones as any other.
type Misfortunes struct {
	World *World
	// Trial is the run to which misfortunes are added.
	Trial *Trial
	// Kinds are the names of the MisfortuneKinds that are tried; nil is all that the nodes can have.
	Kinds []string
	// From and To bound the time of a first misfortune. A further one comes at most To - From
	// after the end of the one before. If To is 0, the search takes the time from the first
	// input until the last answer of a client, and as long again, or the whole run if no client
	// answers.
	From, To protocol.Time
	// Nodes is the number of nodes that misfortunes hit, from node 0 on. The others are
	// clients; misfortunes hit only their messages.
	Nodes int
	// Downs are the durations that a node may stay down; 0 is until the plan heals or ends. A
	// crash with a torn record has the least of them, and a window the greatest.
	Downs []time.Duration
	// Depth is the greatest number of misfortunes in a run, at least 1.
	Depth int
	// Runs, if not 0, is the number of runs after which the search gives up. Each depth has
	// an equal share of what those before have left.
	Runs int
	// Failures, if not 0, is the number of failing runs after which the search gives up.
	Failures int
	// Workers is the number of runs made at a time. It changes no result; 0 is 1.
	Workers int
	// Tell, if not nil, is called from time to time with the number of runs so far, and that
	// of all that are planned.
	Tell func(runs, planned int)

	delays map[pair]time.Duration // of the links, as far as is known
}

// MisfortuneResult is the result of a search of Misfortunes.
type MisfortuneResult struct {
	From, To protocol.Time     // of the first misfortune
	Places   int               // of the run without misfortunes
	Kinds    []MisfortuneCount // in the order of MisfortuneKinds: those that were tried
	Runs     int               // including the one without
	Skipped  int               // misfortunes with the same effect as another
	Untried  int               // misfortunes for which no runs were left
	Distinct int               // of Runs, by their digests
	Complete bool
	Failed   int            // of Runs
	First    *FailedRun     // the first with the fewest misfortunes
	FirstRun int            // its number, from 1
	What     []string       // the misfortunes of First, in words
	Checks   map[string]int // runs by the check that failed
	// Inconclusive counts the runs that neither passed nor failed. One of them makes the search
	// inconclusive, unless another run failed.
	Inconclusive int
	Unclear      map[string]int // those runs, by each check that was inconclusive
}

// MisfortuneCount counts the runs whose last misfortune is of one kind.
type MisfortuneCount struct {
	Name    string
	Places  int // of the run without misfortunes
	Runs    int
	Skipped int // with the same effect as another
	Untried int // for which no runs were left
	Failed  int // of Runs
}

// ErrEnded says that the run without misfortunes was ended by a bound on its events, so its places
// are not known.
var ErrEnded = errors.New("the run without misfortunes does not come to its end")

// Search makes the runs, those with fewer misfortunes first, until all are made, or Runs of
// them, or ctx ends. It returns an error if a failing run does not fail again: then runs
// are not functions of their trials. Other errors are ErrEnded, and that of a kind that does
// not exist.
func (c *Misfortunes) Search(ctx context.Context) (MisfortuneResult, error) {
	g := &misfortuneSearch{Misfortunes: *c, digests: make(map[uint64]bool), did: make(map[sim.Digest]bool)}
	g.found.Checks, g.found.Unclear = make(map[string]int), make(map[string]int)
	if err := g.prepare(); err != nil {
		return g.found, err
	}
	if err := g.measure(); err != nil {
		return g.found, err
	}
	if ok, err := g.turns(ctx); !ok || err != nil {
		return g.found, err
	}
	level := []*candidate{{trial: g.Trial, to: g.To}}
	for depth := 0; len(level) > 0 && depth <= g.Depth; depth++ {
		next, ok, err := g.level(ctx, level, depth)
		if !ok || err != nil {
			return g.found, err
		}
		level = next
	}
	g.found.Complete = g.found.Untried == 0
	return g.found, nil
}

type misfortuneSearch struct {
	Misfortunes
	kinds   []MisfortuneKind
	tries   []bool // of kinds: it is tried
	found   MisfortuneResult
	digests map[uint64]bool
	did     map[sim.Digest]bool // the digests of runs that were grown: see isNew
	usual   map[uint64]bool     // place.same of the run without misfortunes
}

// prepare checks which kinds are tried.
func (g *misfortuneSearch) prepare() error {
	g.kinds = MisfortuneKinds()
	for _, name := range g.Kinds {
		if !slices.ContainsFunc(g.kinds, func(k MisfortuneKind) bool { return k.Name == name }) {
			return fmt.Errorf("explore: no misfortune is called %q", name)
		}
	}
	if g.Kinds == nil && g.World.Turns == nil { // no node has goroutines
		g.kinds = g.kinds[:len(g.kinds)-len(turnKinds())]
	}
	for _, k := range g.kinds {
		g.tries = append(g.tries, g.Kinds == nil || slices.Contains(g.Kinds, k.Name))
		g.found.Kinds = append(g.found.Kinds, MisfortuneCount{Name: k.Name})
	}
	return nil
}

// measure finds From and To, unless they are given.
func (g *misfortuneSearch) measure() error {
	if g.To == 0 {
		w := &period{clients: protocol.NodeID(g.Nodes)}
		calm := g.World.Try(g.Trial, w)
		switch {
		case calm.Sim.Reason == sim.Bounded:
			return ErrEnded
		case w.to > 0:
			g.From, g.To = w.from, w.to+w.to-w.from
		default:
			g.From, g.To = 0, calm.Sim.End
		}
	}
	g.found.From, g.found.To = g.From, g.To
	return nil
}

// searchBatch is the number of runs that a worker makes before their results are taken.
const searchBatch = 16

// level makes the runs of one depth and returns those of the next, in their order. ok is
// false if the search must stop.
func (g *misfortuneSearch) level(ctx context.Context, level []*candidate, depth int) (next []*candidate, ok bool, err error) {
	most := g.share(len(level), depth)
	grows := depth < g.Depth
	var grown [][]*candidate // by each run of the level
	ok, err = g.inBatches(ctx, level, func(from, to int) []misfortuneRun { return g.batch(level[from:to], grows) }, func(c *candidate, r *misfortuneRun) {
		if grows && !r.outcome.Failed() && g.isNew(c, &r.outcome) {
			grown = append(grown, g.grow(c, r.places.list, most, len(level)))
		}
	})
	if !ok || err != nil {
		return nil, false, err
	}
	return g.cut(inTurn(grown), most), true, nil
}

// inBatches makes the runs of candidates, a batch at a time, and takes their results in order; done
// is called after each. ok is false if the search must stop.
func (g *misfortuneSearch) inBatches(ctx context.Context, all []*candidate, batch func(from, to int) []misfortuneRun, done func(c *candidate, r *misfortuneRun)) (ok bool, err error) {
	size := searchBatch * max(g.Workers, 1)
	for from := 0; from < len(all); from += size {
		if ctx.Err() != nil {
			return false, nil
		}
		to := min(from+size, len(all))
		runs := batch(from, to)
		if slices.ContainsFunc(runs, func(r misfortuneRun) bool { return r.outcome.Interrupted() }) {
			return false, nil
		}
		for i := range runs {
			if err := g.take(all[from+i], &runs[i]); err != nil {
				return false, err
			}
			if g.Failures > 0 && g.found.Failed >= g.Failures {
				return false, nil
			}
			done(all[from+i], &runs[i])
		}
		if g.Tell != nil {
			g.Tell(g.found.Runs, g.found.Runs+len(all)-to)
		}
	}
	return true, nil
}

// share returns how many runs the next depth may have after those of a level, or -1.
func (g *misfortuneSearch) share(level, depth int) int {
	if g.Runs == 0 {
		return -1
	}
	return max(0, g.Runs-g.found.Runs-level) / max(1, g.Depth-depth)
}

// cut leaves at most that many, if it is not -1, and counts the others.
func (g *misfortuneSearch) cut(all []*candidate, most int) []*candidate {
	if most < 0 || len(all) <= most {
		return all
	}
	for _, c := range all[most:] {
		g.untried(c.last.kind, 1)
	}
	return all[:most]
}

type misfortuneRun struct {
	outcome Outcome
	places  places
}

// batch makes runs side by side, and collects their places if they are to grow.
func (g *misfortuneSearch) batch(trials []*candidate, grow bool) []misfortuneRun {
	done := make([]misfortuneRun, len(trials))
	g.sideBySide(len(trials), func(i int) {
		c := trials[i]
		c.begin()
		if !grow {
			done[i].outcome = g.World.Try(c.trial)
			return
		}
		p := &done[i].places
		*p = places{from: g.From, to: c.to, wait: c.wait, nodes: make([]doer, g.Nodes),
			sent: make(map[passage]sending), delays: make(map[pair]time.Duration)}
		if c.last == nil && g.Depth > 1 { // for near
			p.all = make(map[uint64]bool)
		}
		done[i].outcome = g.World.Try(c.trial, p)
	})
	return done
}

// sideBySide calls do with the numbers below n, as many at a time as there are workers.
func (g *misfortuneSearch) sideBySide(n int, do func(i int)) {
	jobs := make(chan int)
	var wait sync.WaitGroup
	for range max(g.Workers, 1) {
		wait.Go(func() {
			for i := range jobs {
				do(i)
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wait.Wait()
}

// take counts a run.
func (g *misfortuneSearch) take(c *candidate, r *misfortuneRun) error {
	g.found.Runs++
	if digest := r.outcome.Digest.Sum(); !g.digests[digest] {
		g.digests[digest] = true
		g.found.Distinct++
	}
	kind := new(MisfortuneCount) // not reported
	if c.last == nil {
		g.found.Places, g.usual, g.delays = len(r.places.list), r.places.all, r.places.delays
	} else {
		kind = &g.found.Kinds[c.last.kind]
	}
	kind.Runs++
	if !r.outcome.Failed() {
		if r.outcome.Verdict != check.Pass {
			g.found.Inconclusive++
			g.unclear(&r.outcome)
		}
		return nil
	}
	name := r.outcome.Check()
	if g.found.Checks[name] == 0 { // more of them would cost too much
		if again := g.World.Try(c.trial); again.Interrupted() {
			return nil // and with it the search, before the next batch
		} else if again.Digest != r.outcome.Digest || again.Check() != name {
			return fmt.Errorf("explore: not deterministic: with %s check %q fails, and the next time %q", describe(c.trial.Faults), name, again.Check())
		}
	}
	kind.Failed++
	g.found.Failed++
	g.found.Checks[name]++
	if g.found.First == nil {
		g.found.First, g.found.FirstRun, g.found.What = &FailedRun{c.trial, r.outcome}, g.found.Runs, c.words()
	}
	return nil
}

// unclear counts the checks that make a run inconclusive.
func (g *misfortuneSearch) unclear(o *Outcome) {
	for _, c := range o.Checks {
		if c.Verdict == check.Inconclusive {
			g.found.Unclear[c.Name]++
		}
	}
}

func describe(faults []fault.Fault) string { return fmt.Sprintf("faults %q", fault.Format(faults)) }

// isNew reports whether no run that was grown did the same. The records that a crash leaves need not
// show in the run, so the decisions count if there is one.
func (g *misfortuneSearch) isNew(c *candidate, o *Outcome) bool {
	did := o.Digest
	if !slices.ContainsFunc(c.trial.Faults, func(f fault.Fault) bool { return f.Op == fault.Crash }) {
		did.Decisions = 0
	}
	if g.did[did] {
		return false
	}
	g.did[did] = true
	return true
}
