package explore

import (
	"context"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/source"
	"dessim/sim/watch"
	"dessim/sim/wording"
)

// Small is a world small enough for an exhaustive search: few nodes, few messages, and
// few answers to each question.
//
// # What "all" means
//
// All runs are those in which each message takes one of the delays that the search
// tries. They do not cover every order in which messages can be received: for that, a
// message must be able to take longer than everything that happens meanwhile. ISIS
// without the line that advances its clock passes all runs of two broadcasts with one or
// two delays, and fails with three. So try more delays until the result no longer
// changes, or let an Adversary choose the order, which needs no delays.
//
// # What is skipped
//
// The order of simultaneous events on different nodes is never a question: package sim
// has one order for them, and any other would lead to the same run. So the search makes
// one order of simultaneous messages to different nodes, and all orders that the delays
// allow of messages to the same node. This saves most if the delays are multiples of
// one unit.
//
// Messages that reach different nodes at different times commute too: once both have
// arrived, both orders lead to the same state. So with Merge, a run ends early when it
// reaches a state that another run has already continued from: it joins that run. This
// is sound because everything that follows is a function of the state and of future
// answers, under four conditions.
//
//   - The state is complete. sim.Sim.State folds what the simulator knows, and
//     protocol.Stateful the rest. Two states are equal if their 64-bit folds are.
//   - The time is part of the state, unless Timeless.
//   - A question that is asked again gets the same answer, so an old answer can affect
//     what follows. Recurring questions are known only once they recur: then the search
//     starts over, with their answers and the names of all questions as part of the
//     state. When it ends, no other question has recurred. A run that joined would have
//     continued as the other run did, with some of that run's open questions already
//     answered: its continuations are among those that were tried.
//   - If misfortunes are bounded, the remaining number is part of the state: a run joins
//     another that had at least as many left.
//
// A merged run loses its history. So checks may depend only on what the state holds:
// the nodes, and each node's outputs in its own order. They may not depend on how the
// outputs of different nodes interleave, or on their times. And a run that loops for
// ever joins itself, which is not a failure.
type Small struct {
	// Make returns the plan of one run, the checks that judge it, and any observers that
	// the checks rely on, which see events first. All are new each time. Answers of src
	// may decide inputs, starts and faults, which need different IDs if they differ;
	// everything else must be the same each time.
	Make func(src protocol.Source) (sim.Plan, check.Suite, []sim.Observer)
	// Merge continues only one of the runs that reach the same state. All nodes must be
	// protocol.Stateful, or the search panics.
	Merge bool
	// Timeless says that nothing but pending events depends on the time: no node reads
	// its clock, no fault has a window, and Until is far away. Then states that differ
	// only in their time are equal.
	Timeless bool
	// Delays is the number of delays to try for each message and each sync: the least,
	// the greatest, and others evenly spaced between. 0 tries every possible delay.
	Delays int
	// Values, if not nil, returns the answers to try for any other choice among n. Most
	// bounds the misfortunes of a run: its answers that are neither benign nor Free. See
	// source.Exhaust for all three.
	Values func(k protocol.Key, n uint64) []uint64
	Most   int
	Free   func(k protocol.Key) bool
	// Runs and Failures, if not 0, are the numbers of runs and of failing runs after
	// which the search gives up.
	Runs, Failures int
	// Tell, if not nil, is called from time to time with the number of runs so far.
	Tell func(runs int)
	// Watchdog, unless nil, watches over the runs. Seed is what it calls them, and is used
	// for nothing else.
	Watchdog *watch.Watchdog
	Seed     uint64
}

// Exhausted is the result of the search of a Small.
type Exhausted struct {
	Runs     int    // runs that reached their end
	Joined   int    // runs that reached a state that another run had continued from
	States   int    // distinct states
	Repeated int    // runs of searches that had to start over
	Complete bool   // the search tried everything
	Within   string // what bounds the runs: the delays, and the bound on misfortunes
	Failed   int    // of Runs and Joined
	// First is the failing run with the fewest misfortunes, the first of them.
	First *FailedRun
	// Inconclusive counts those of Runs that ended before it was clear whether they pass.
	Inconclusive int
	// Checks are the results over all runs. A check that no run exercised is
	// inconclusive.
	Checks []check.Result

	misfortunes int // of First
}

// FailedRun is a run that failed, and the trial that reproduces it.
type FailedRun struct {
	Trial   *Trial
	Outcome Outcome
}

// Verdict is a pass if all runs were made, none failed, and each check was exercised
// in some run.
func (r *Exhausted) Verdict() check.Verdict {
	if r.Failed > 0 {
		return check.Violation
	}
	if !r.Complete || r.Inconclusive > 0 {
		return check.Inconclusive
	}
	if slices.ContainsFunc(r.Checks, func(c check.Result) bool { return c.Verdict == check.Unseen }) {
		return check.Inconclusive // it happened in no run
	}
	return check.Conclude(r.Checks)
}

// String returns the counts in words, with the bounds that they hold for.
func (r *Exhausted) String() string {
	how := "all runs"
	if !r.Complete {
		how = "not all runs"
	}
	s := wording.Count(r.Runs+r.Joined, "run")
	if r.States > 0 {
		s += ", " + wording.Count(r.States, "state")
	}
	s += fmt.Sprintf(": %s %s; %d failed", how, r.Within, r.Failed)
	if r.Inconclusive > 0 {
		s += fmt.Sprintf(", %d inconclusive", r.Inconclusive)
	}
	return s
}

// Exhaust makes all runs, unless Runs, Failures or the end of ctx stops it. It makes one
// run at a time, so its counts are the same on every machine.
func (x *Small) Exhaust(ctx context.Context) (r Exhausted) {
	g := &search{Small: x, recur: make(map[recurring]bool)}
	for {
		repeated := r.Repeated + r.Runs + r.Joined
		r = Exhausted{Repeated: repeated}
		g.again = false
		if g.once(ctx, &r); !g.again {
			return r
		}
	}
}

// search is an Exhaust in progress. It is the Source of its runs, so it sees which
// questions recur.
type search struct {
	*Small
	answers *source.Exhaust
	seen    map[uint64]int // fewest misfortunes of a run that reached the state
	recur   map[recurring]bool
	again   bool // a question has recurred that is not in recur yet
}

type recurring struct {
	key protocol.Key
	n   uint64 // 0 for a Chance
}

func (g *search) Choose(k protocol.Key, n uint64) uint64 {
	asked := g.answers.Asked()
	v := g.answers.Choose(k, n)
	g.note(recurring{k, n}, asked)
	return v
}

func (g *search) Chance(k protocol.Key, p protocol.Ratio) bool {
	asked := g.answers.Asked()
	v := g.answers.Chance(k, p)
	g.note(recurring{key: k}, asked)
	return v
}

func (g *search) note(q recurring, asked int) {
	if g.answers.Asked() == asked && !g.recur[q] {
		g.recur[q] = true
		g.again = true
	}
}

// kindsOfDelay are the choices that Delays applies to.
var kindsOfDelay = []protocol.Kind{protocol.KindOf("net.delay"), protocol.KindOf("disk.sync")}

// values returns the answers to try for a choice among n.
func (x *Small) values(k protocol.Key, n uint64) []uint64 {
	switch {
	case !slices.Contains(kindsOfDelay, k.Kind):
		if x.Values != nil {
			return x.Values(k, n)
		}
	case x.Delays == 1:
		return []uint64{0}
	case x.Delays > 1:
		return source.Parts(uint64(x.Delays-1))(k, n)
	}
	return nil
}

// tellEvery is the number of runs between two calls of Tell.
const tellEvery = 64

// once makes all runs, but stops when another question recurs and states are merged.
func (g *search) once(ctx context.Context, r *Exhausted) {
	g.answers = &source.Exhaust{Values: g.values, Most: g.Most, Free: g.Free}
	g.seen = make(map[uint64]int)
	for g.answers.Next() {
		made := r.Runs + r.Joined + r.Repeated
		if ctx.Err() != nil || g.Runs > 0 && made >= g.Runs {
			return
		}
		if g.Tell != nil && made%tellEvery == 0 {
			g.Tell(made)
		}
		run := g.run()
		if run.outcome.Interrupted() {
			return
		}
		if g.again = g.again && g.Merge; g.again {
			r.Joined++ // so that it counts as repeated
			return
		}
		r.States = len(g.seen)
		if g.take(r, run); g.Failures > 0 && r.Failed >= g.Failures {
			return
		}
	}
	r.Complete = true
}

func (g *search) take(r *Exhausted, run *smallRun) {
	if r.Within == "" {
		r.Within = g.within(run)
	}
	if run.joined {
		r.Joined++
	} else {
		r.Runs++
	}
	r.merge(run)
	if !run.outcome.Failed() {
		return
	}
	r.Failed++
	if n := g.answers.Spent(); r.First == nil || n < r.misfortunes {
		r.misfortunes = n
		r.First = &FailedRun{&Trial{Nodes: run.plan.Nodes, Faults: run.plan.Faults, Answers: g.answers.Answers()}, run.outcome}
	}
}

// merge adds the check results of a run.
func (r *Exhausted) merge(run *smallRun) {
	open := false
	for i, c := range run.outcome.Checks {
		if i >= len(r.Checks) || r.Checks[i].Name != c.Name { // a run that did not come to its end has others
			i = slices.IndexFunc(r.Checks, func(all check.Result) bool { return all.Name == c.Name })
		}
		if i < 0 {
			i = len(r.Checks)
			r.Checks = append(r.Checks, check.Result{Name: c.Name, Verdict: check.NotApplicable})
		}
		all := &r.Checks[i]
		n := all.Exercised + c.Exercised
		if gravity(&c) > gravity(all) {
			*all = c
		}
		all.Exercised = n
		open = open || gravity(&c) == undecided
	}
	if open && !run.outcome.Failed() {
		r.Inconclusive++
	}
}

// undecided is the gravity of a check that was exercised but not decided by the end.
const undecided = 3

// gravity orders a check's results in single runs: the gravest is its result over all.
func gravity(c *check.Result) int {
	switch {
	case c.Verdict == check.Violation:
		return 4
	case c.Verdict == check.Inconclusive && c.Exercised > 0:
		return undecided
	case c.Verdict == check.Pass:
		return 2
	case c.Verdict == check.NotApplicable:
		return 0
	}
	return 1 // there was nothing to judge
}

func (g *search) within(run *smallRun) (s string) {
	l := &run.plan.Link
	n := uint64(l.Jitter) + 1
	if g.Delays > 0 {
		n = min(n, uint64(g.Delays))
	}
	switch {
	case anyOrder(run.sim):
		s = "with messages in any order"
	case n == 1:
		s = fmt.Sprintf("with a delay of %v", l.Delay)
	case l.Shape != sim.Uniform:
		s = fmt.Sprintf("with %d delays for each message", n)
	default:
		s = fmt.Sprintf("with %d delays for each message (%v to %v)", n, l.Delay, l.Delay+l.Jitter)
	}
	if len(run.plan.Links) > 0 {
		s += ", or those of its link"
	}
	switch {
	case g.Most == 1:
		s += " and at most 1 fault or loss"
	case g.Most > 1:
		s += fmt.Sprintf(" and at most %d faults or losses", g.Most)
	}
	return s
}
