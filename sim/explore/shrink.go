package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// Guard defines the same failure: that check fails. MaxEvents bounds the run; 0 is no bound.
type Guard struct {
	Check string
	// Way is how the check fails: the words of its sentence, without numbers, names and short
	// words, which may be values; "" is any way. It is set for a failure that only the end of the
	// run shows, since something can be missing there for very different reasons.
	Way       string
	MaxEvents uint64
}

// Guarded is the result of a guarded run.
type Guarded struct {
	Fails bool
	// GivenUp says that Guard.MaxEvents ended the run: the check might have failed later.
	// Then Fails is false.
	GivenUp bool
	Events  uint64                 // until it ended, which is soon after the failure
	Used    func() []source.Answer // the answers of the trial that the run asked for, in their order; not nil
}

// guarded judges t by World.Fails, or by World.Try.
func (w *World) guarded(t *Trial, g Guard) Guarded {
	if w.Fails != nil {
		return w.Fails(t, g)
	}
	o := w.Try(t)
	return Guarded{Fails: o.Fails(g), Events: o.Sim.Events, Used: func() []source.Answer { return t.Answers }}
}

// Fails reports whether the run failed as the guard says.
func (o *Outcome) Fails(g Guard) bool {
	if o.Failure != "" || g.Check == Unbroken {
		return o.Check() == g.Check
	}
	return slices.ContainsFunc(o.Checks, func(c check.Result) bool {
		return c.Name == g.Check && c.Verdict == check.Violation && (g.Way == "" || wayOf(c.Detail) == g.Way)
	})
}

// way returns Guard.Way for the first violation.
func (o *Outcome) way() string {
	if c := o.Violated(); c.Step == 0 && o.Failure == "" && o.Panic == nil {
		return wayOf(c.Detail)
	}
	return ""
}

func wayOf(sentence string) string {
	const short = 3 // letters
	words := strings.Fields(shape(sentence))
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return len(word) < short || strings.Contains(word, "#") }), " ")
}

// ShrinkOptions bound the cost of shrinking.
type ShrinkOptions struct {
	// Runs is the greatest number of runs. A time limit would make the result depend on
	// the machine.
	Runs int
	// Workers is how many runs are made at once. It changes no result.
	Workers int
}

// DefaultRuns is a budget that is ample for most failures.
const DefaultRuns = 3000

// Shrunk is a trial that was made smaller.
type Shrunk struct {
	Before, After *Trial
	// Check is what failed first before, and fails after.
	Check string
	// Was and Is are the outcomes, of runs to their ends. Another check may fail in
	// Is too; if it fails before Check does, the certificate says so.
	Was, Is Outcome
	Runs    int
	// Benign is the check that fails in the run in which every answer is benign and no fault
	// happens, or "". That run is not one of Runs.
	Benign string
	// Minimal says that removing any one remaining part, alone, was tried in a run to its
	// end, and that the check does not fail then. It does not cover a part that cannot be
	// removed alone, because the remaining faults would not be valid: the certificate says
	// so.
	Minimal bool

	decisive    map[source.Answer]bool // answers of After: see Decisive
	inputs      int                    // of the world
	stuck       bool                   // some part cannot be removed alone
	interrupted bool
	slipped     bool // the check fails in another way than before
	way         string
}

// Decisive reports whether the run of After is known to pass without its answer i alone. Of a run
// that is not minimal, some answers may be there for no reason.
func (s *Shrunk) Decisive(i int) bool { return s.decisive[s.After.Answers[i]] }

// ErrPasses is the error of Shrink for a trial that does not fail.
var ErrPasses = errors.New("the run does not fail: there is nothing to shrink")

// Shrink removes from t what its failure does not need: nodes, inputs, faults, losses and
// copies, other answers, delays. The check that failed first keeps failing, since its violation is
// the one that a user saw; if only the end of the run shows it, in the same way. The order puts
// first what helps a reader most and makes runs shorter.
//
// Each sort is reduced by delta debugging (Zeller & Hildebrandt 2002) on items that have
// names: removing one changes no answer of the others. Then Shrink makes the remaining items
// smaller, and repeats all that until nothing changes. So at the end it has tried each item
// alone, unless the budget ended before.
//
// A trial from which nothing can be removed need not be small: a run without a fault takes
// another course, and may miss the failure unless two more items go as well. So if much is
// left, Shrink tries other orders from the start, and pairs on the best result.
//
// The result depends on t and the budget alone. Workers try later candidates while an
// earlier one is running; Shrink takes the first in order that fails, and neither counts
// nor remembers runs beyond it.
//
// If ctx ends first, Shrink returns its error, with the smallest trial so far, which fails as
// t does and is not called minimal. Which trial that is depends on the time. Shrunk.Is is
// interrupted then, if the runs of w are.
func Shrink(ctx context.Context, w *World, t *Trial, o ShrinkOptions) (Shrunk, error) {
	if o.Runs < 1 || o.Workers < 1 {
		panic(fmt.Sprintf("explore: shrinking in %d runs by %d workers, want at least 1 and 1", o.Runs, o.Workers))
	}
	out := Shrunk{Before: t, After: t, inputs: len(w.Inputs)}
	x := watchStrikes(t)
	if x == nil {
		out.Was = w.Try(t)
	} else {
		out.Was = w.Try(t, x)
	}
	if out.Was.Interrupted() {
		return out, ctx.Err()
	}
	if !out.Was.Failed() {
		return out, ErrPasses
	}
	out.Check = out.Was.Check()
	s := &shrinker{ctx: ctx, w: w, o: o, now: t, runs: 1, passing: make(map[uint64]bool), strikes: x}
	s.guard = Guard{Check: out.Check, Way: out.Was.way(), MaxEvents: bound(out.Was.Sim.Events)}
	s.prune()
	s.search()
	s.settle()
	err := ctx.Err()
	out.After, out.Runs, out.interrupted = s.now, s.runs, err != nil
	if err == nil {
		out.Minimal, out.stuck = s.minimal()
		benign := w.Try(t.benign())
		out.Benign = benign.Check()
	}
	out.decisive = s.decisive()
	out.Is = out.Was
	if s.now != t {
		out.Is = w.Try(s.now)
	}
	out.way = s.guard.Way
	out.slipped = !out.Is.Interrupted() && !out.Is.Fails(Guard{Check: out.Check, Way: s.guard.Way})
	return out, err
}

// bound returns the number of events after which a run is given up, if one that fails takes
// that many.
func bound(events uint64) uint64 { return 4*events + 1000 }

// shrinker is a trial that fails, and what is known about smaller ones.
type shrinker struct {
	ctx   context.Context
	w     *World
	o     ShrinkOptions
	guard Guard
	now   *Trial
	runs  int
	spent bool // the runs ended before the candidates did
	// passing has the trials that did not fail, by hash: false if the run was given up, so
	// that it might fail later.
	passing map[uint64]bool
	strikes *strikes // the effects that crashes followed; nil if no crash can be anchored
}

func (s *shrinker) over() bool { return s.spent || s.ctx.Err() != nil }

// first takes the first of n candidates that fails, and returns its number. It skips nil
// candidates. ok is false if none fails.
func (s *shrinker) first(n int, candidate func(i int) *Trial) (taken int, ok bool) {
	if s.over() {
		return 0, false
	}
	h := &hunt{shrinker: s, n: n, candidate: candidate}
	h.best = -1
	var all sync.WaitGroup
	for range s.o.Workers {
		all.Go(h.work)
	}
	all.Wait()
	for i := range h.tried {
		s.runs++
		if i == h.best {
			s.take(h.tried[i].trial, h.tried[i].result)
			return h.tried[i].number, true
		}
		s.passing[h.tried[i].hash] = !h.tried[i].result.GivenUp
	}
	s.spent = s.spent || h.spent
	return 0, false
}

// hunt is the search for the first of some candidates that fails.
type hunt struct {
	*shrinker
	n         int
	candidate func(i int) *Trial

	lock  sync.Mutex
	next  int
	tried []attempt // in the order of their numbers
	best  int       // index in tried of the first that failed, or -1
	spent bool      // there are more candidates than runs
}

type attempt struct {
	number int
	hash   uint64
	trial  *Trial // until it is known that the run passes
	result Guarded
}

// work tries the next candidate until there are no more, or until one has failed. Then all
// before that one have been tried.
func (h *hunt) work() {
	for {
		i := h.begin()
		if i < 0 {
			return
		}
		h.lock.Lock()
		t := h.tried[i].trial
		h.lock.Unlock()
		h.end(i, h.w.guarded(t, h.guard))
	}
}

// begin returns the index of the next attempt, or -1. It skips candidates that are known to
// pass, and those that were given up, unless the run is now unbounded.
func (h *hunt) begin() int {
	h.lock.Lock()
	defer h.lock.Unlock()
	for h.best < 0 && h.next < h.n && h.ctx.Err() == nil {
		number := h.next
		t := h.candidate(number)
		if t == nil {
			h.next++
			continue
		}
		hash := t.hash()
		if passes, tried := h.passing[hash]; passes || tried && h.guard.MaxEvents > 0 {
			h.next++
			continue
		}
		if h.runs+len(h.tried) >= h.o.Runs {
			h.spent = true
			return -1
		}
		h.next++
		h.tried = append(h.tried, attempt{number: number, hash: hash, trial: t})
		return len(h.tried) - 1
	}
	return -1
}

func (h *hunt) end(i int, r Guarded) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.tried[i].result = r
	if !r.Fails {
		h.tried[i].trial, h.tried[i].result.Used = nil, nil // they may hold much memory
		return
	}
	if h.best < 0 || i < h.best {
		h.best = i
	}
}

// take continues with a trial that fails, without the answers that its run did not ask for.
func (s *shrinker) take(t *Trial, g Guarded) {
	next := *t
	next.Answers = g.Used()
	s.now = &next
	s.guard.MaxEvents = bound(g.Events)
}

func (s *shrinker) afford() bool {
	if s.runs >= s.o.Runs {
		s.spent = true
	}
	if s.over() {
		return false
	}
	s.runs++
	return true
}

// prune makes the run once more, up to its failure.
func (s *shrinker) prune() {
	if !s.afford() {
		return
	}
	if g := s.w.guarded(s.now, s.guard); g.Fails {
		s.take(s.now, g)
	}
}

// hash identifies a trial within one call of Shrink.
func (t *Trial) hash() uint64 {
	h := protocol.Hash3(uint64(t.Nodes), uint64(len(t.Without)), uint64(len(t.Faults)))
	for _, id := range t.Without {
		h = protocol.Hash2(h, id)
	}
	for i := range t.Faults {
		h = protocol.Hash3(h, t.Faults[i].ID, protocol.HashBytes([]byte(t.Faults[i].String())))
	}
	for i := range t.Answers {
		a := &t.Answers[i]
		h = protocol.Hash3(h, uint64(a.Key.Kind), uint64(a.Key.A)<<32|uint64(a.Key.B))
		h = protocol.Hash3(h, a.Key.N, a.Range<<1^a.Value)
	}
	return h
}

// benign returns the trial without faults, except a heal, and with every answer benign.
func (t *Trial) benign() *Trial {
	faults := slices.DeleteFunc(slices.Clone(t.Faults), func(f fault.Fault) bool { return f.Op != fault.Heal })
	return &Trial{Nodes: t.Nodes, Faults: faults}
}

// Warning says in one sentence why the result may mean nothing, or is "".
func (s *Shrunk) Warning() string {
	if s.Benign == "" {
		return ""
	}
	return fmt.Sprintf("a benign run without a fault fails %q, too: it needs no misfortune, or answer 0 of some question is not benign "+
		"and shrinking means nothing", s.Benign)
}

// Certificate says in one sentence what is known about the result.
func (s *Shrunk) Certificate() string {
	switch first := s.Is.Check(); {
	case s.slipped:
		return s.minimality() + "; before, the check failed in another way: " + s.Was.Violated().Detail
	case first != s.Check && !s.Is.Interrupted():
		return s.minimality() + "; now another check fails first: " + first
	}
	return s.minimality()
}

func (s *Shrunk) minimality() string {
	t := s.After
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{s.inputs - len(t.Without), "input"}, {removable(t), "fault"}, {len(t.Answers), "answer"}} {
		if p.n > 0 {
			parts = append(parts, wording.Count(p.n, p.word))
		}
	}
	rest, effect := strings.Join(parts, ", "), "makes the check pass: "
	if s.way != "" {
		effect = "makes the check pass, or fail in another way: "
	}
	switch {
	case s.interrupted:
		return fmt.Sprintf("perhaps not minimal: interrupted after %s", wording.Count(s.Runs, "run"))
	case !s.Minimal:
		return fmt.Sprintf("perhaps not minimal: %d runs were not enough to try removing each of these alone", s.Runs)
	case len(parts) == 0:
		return "nothing is left to remove: it fails without any fault"
	case s.stuck:
		return "removing any one of these that can be removed alone " + effect + rest
	}
	return "removing any one of these " + effect + rest
}
