package explore

import (
	"context"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// Small is a world so small that all its runs can be made: few nodes, few messages,
// and few answers to each question.
//
// # What all means
//
// All runs are those in which each message takes one of the delays that it is tried
// with. They are not all orders in which messages can be received: for that, a message
// must be able to take longer than whatever happens meanwhile. ISIS without the line
// that raises its clock passes all runs of two broadcasts if each message takes one or
// two delays, and fails with three. So try more delays until the result no longer
// changes, or let an Adversary choose the order, which needs no delays.
//
// # What is skipped
//
// The order of what happens at one time to different nodes is never a question:
// package sim has one order for it, and any other would give the same run. So of
// the orders in which simultaneous messages reach different nodes, one is made, and
// only those that reach one node are made in all orders that the delays allow. To
// profit, let the delays be multiples of one unit.
//
// Messages that reach different nodes at different times commute too, once both are
// there: both orders lead to one state. So with Merge, a run that comes into a state
// from which another run went on before joins it: it is given up. That is sound, as
// all that follows is a function of the state and of the answers to come, under four
// conditions.
//
//   - The state is whole. sim.Sim.State folds what the simulator knows, and
//     protocol.Stateful the rest. Two states count as one if their 64-bit folds are
//     equal.
//   - The time is part of the state, unless Timeless.
//   - What is asked again is answered as before, so an old answer could be part of
//     what follows. The questions that recur are known only when they do: then the
//     search begins again, with their answers and the names of all questions as part
//     of the state. When it ends, none has recurred but these. A run that joined would
//     have gone on as the other did, with some questions answered already that were
//     open there: its ways on are among those that were tried.
//   - Under a bound on misfortunes, what is left of it is part of the state: a run
//     joins another that had at least as many left.
//
// What is lost is how a run came there. So the checks may depend only on what the
// state holds: on the nodes, and on what each node has put out, in its order; not on
// how the outputs of different nodes interleave, nor on when they came. And a run that
// goes in circles for ever joins itself, and is no failure.
type Small struct {
	// Make makes the plan of one run and the checks that judge it, all anew each time;
	// and, perhaps, observers on which the checks rely, which see events before them.
	// What src answers may decide about inputs, starts and faults, which have IDs of
	// their own if they differ; all else must be the same each time.
	Make func(src protocol.Source) (sim.Plan, check.Suite, []sim.Observer)
	// Merge lets runs that come into one state go on once. All nodes must be
	// protocol.Stateful; the search panics of another one.
	Merge bool
	// Timeless says that nothing but pending events depends on the time: no node reads
	// its clock, no fault has a window, and Until is far. Then states that differ in
	// their time alone are one.
	Timeless bool
	// Delays is with how many delays each message is tried, and each sync: the least, the
	// greatest, and others at equal distances. 0 is with all that there are.
	Delays int
	// Values, if not nil, gives the answers that any other choice among n shall get: see
	// source.Exhaust, as for Most and Free.
	Values func(k protocol.Key, n uint64) []uint64
	Most   int
	Free   func(k protocol.Key) bool
	// Runs, if not 0, is the number of runs after which the search gives up, and Failures
	// that of runs that fail.
	Runs, Failures int
	// Tell, if not nil, is told now and then how many runs there were.
	Tell func(runs int)
}

// Exhausted is what the search of a Small came to.
type Exhausted struct {
	Runs     int    // that came to an end
	Joined   int    // that came into a state from which another went on
	States   int    // that are known
	Repeated int    // runs of searches that had to begin again
	Complete bool   // nothing is left
	Within   string // which runs all are: the delays, and the bound on misfortunes
	Failed   int    // of Runs and Joined
	// First is the failing run with the fewest misfortunes, the first of them.
	First *FailedRun
	// Inconclusive are those of Runs that ended before it was clear whether they pass.
	Inconclusive int
	// Checks are what the checks came to in all runs together. One that was exercised in
	// no run is inconclusive.
	Checks []check.Result

	misfortunes int // of First
}

// FailedRun is a run that failed, and all that it was made of.
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
		return check.Inconclusive // it happens in no run
	}
	return check.Conclude(r.Checks)
}

// String gives the figures, and what they are figures of.
func (r *Exhausted) String() string {
	how := "all"
	if !r.Complete {
		how = "not all"
	}
	s := wording.Count(r.Runs+r.Joined, "run")
	if r.States > 0 {
		s += ", " + wording.Count(r.States, "state")
	}
	s += fmt.Sprintf(": %s there are %s; %d failed", how, r.Within, r.Failed)
	if r.Inconclusive > 0 {
		s += fmt.Sprintf(", %d inconclusive", r.Inconclusive)
	}
	return s
}

// Exhaust makes all runs, or as many as it may until ctx is over. It makes one at a
// time, so that its figures are the same on every machine.
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

// search is an Exhaust under way. It is the Source of its runs, so that it sees
// what recurs.
type search struct {
	*Small
	answers *source.Exhaust
	seen    map[uint64]int // misfortunes of the luckiest run in that state
	recur   map[recurring]bool
	again   bool // something recurs that did not before
}

type recurring struct {
	key protocol.Key
	n   uint64 // 0 of a Chance
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

// The choices that Delays is about.
var kindsOfDelay = []protocol.Kind{protocol.KindOf("net.delay"), protocol.KindOf("disk.sync")}

// values gives the answers that a choice among n gets.
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

// tellEvery is after how many runs Tell is told.
const tellEvery = 64

// once goes through all runs, or until something new recurs and states matter.
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
		if g.again = g.again && g.Merge; g.again {
			r.Joined++ // it counts among the repeated
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

// merge adds what the checks of a run came to.
func (r *Exhausted) merge(run *smallRun) {
	open := false
	for i, c := range run.outcome.Checks {
		if i == len(r.Checks) {
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

// undecided is the gravity of a check that had something to judge and not enough time.
const undecided = 3

// gravity orders what checks come to in one run by what it says about all.
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
		s = "for every order of messages"
	case n == 1:
		s = fmt.Sprintf("for a delay of %v", l.Delay)
	case l.Shape != sim.Uniform:
		s = fmt.Sprintf("for %d delays of each message", n)
	default:
		s = fmt.Sprintf("for %d delays of each message, from %v to %v", n, l.Delay, l.Delay+l.Jitter)
	}
	if len(run.plan.Links) > 0 {
		s += ", or those of its own link"
	}
	if g.Most > 0 {
		s += " and at most " + wording.Count(g.Most, "misfortune")
	}
	return s
}
