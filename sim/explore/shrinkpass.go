package explore

import (
	"cmp"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// part is one sort of item in a trial, in an order.
type part struct {
	count   func(t *Trial) int
	without func(t *Trial, from, to int) *Trial
}

// A pass removes items of some sort, and reports whether it could.
type pass func(s *shrinker) bool

func (s *shrinker) fewerInputs() bool  { return s.reduce(s.inputs()) }
func (s *shrinker) fewerFaults() bool  { return s.reduce(faults()) }
func (s *shrinker) fewerChances() bool { return s.reduce(answers(isChance)) }
func (s *shrinker) fewerChoices() bool { return s.reduce(answers(isChoice)) }
func (s *shrinker) fewerDelays() bool  { return s.reduce(answers(isDelay)) }

// way is an order of passes, and whether crashes are anchored before.
type way struct {
	anchored bool
	passes   []pass
}

// ways are tried until one leads to a small trial. The first makes runs shorter soonest.
// Without anchors a crash keeps its time, which is right where it coincides with another
// fault. With faults first, they are removed from the original run.
func ways() []way {
	usual := []pass{(*shrinker).nodes, (*shrinker).fewerInputs, (*shrinker).fewerFaults,
		(*shrinker).answersAtOnce, (*shrinker).fewerChances, (*shrinker).fewerChoices, (*shrinker).fewerDelays}
	faultsFirst := []pass{(*shrinker).fewerFaults, (*shrinker).fewerInputs, (*shrinker).nodes,
		(*shrinker).answersAtOnce, (*shrinker).fewerChances, (*shrinker).fewerChoices, (*shrinker).fewerDelays}
	answersFirst := []pass{(*shrinker).answersAtOnce, (*shrinker).fewerChances, (*shrinker).fewerFaults, (*shrinker).fewerInputs, (*shrinker).nodes,
		(*shrinker).fewerChoices, (*shrinker).fewerDelays}
	return []way{{true, usual}, {false, usual}, {true, faultsFirst}, {false, faultsFirst}, {true, answersFirst}, {false, answersFirst}}
}

// search tries the ways and keeps the smallest trial. It leaves a way whose first round of
// passes leads to nothing smaller than the best so far. It tries pairs on the best trial at
// the end, since there are many.
func (s *shrinker) search() {
	start := s.mark()
	var best *mark
	for _, w := range ways() {
		s.back(start)
		if w.anchored {
			s.anchor()
		} else if best != nil && s.strikes == nil {
			continue // without crashes to anchor, this way has been tried
		}
		again := s.round(w.passes)
		for again && (best == nil || s.weight(s.now) < s.weight(best.now)) {
			again = s.round(w.passes)
		}
		best = s.better(best)
		if s.over() || s.small(best.now) {
			break
		}
	}
	if best == nil {
		return
	}
	s.back(best)
	for !s.over() && s.pairs() {
		for s.round(ways()[0].passes) {
		}
		best = s.better(best)
	}
	s.back(best)
}

// mark is a trial to come back to, and the bound of its run.
type mark struct {
	now       *Trial
	maxEvents uint64
}

func (s *shrinker) mark() *mark  { return &mark{s.now, s.guard.MaxEvents} }
func (s *shrinker) back(m *mark) { s.now, s.guard.MaxEvents = m.now, m.maxEvents }

// better returns the smaller of best and the current trial, which counts only if there were
// runs enough to try each of its items alone. After an interruption nothing is called
// minimal, and the smaller one is better.
func (s *shrinker) better(best *mark) *mark {
	if (!s.over() || s.ctx.Err() != nil) && (best == nil || s.weight(s.now) < s.weight(best.now)) {
		return s.mark()
	}
	return best
}

// round makes all passes once. It reports whether another round is worth it.
func (s *shrinker) round(passes []pass) (again bool) {
	for _, p := range passes {
		again = p(s) || again
	}
	if !again {
		again = s.values()
	}
	return again && !s.over()
}

// weight is how much a reader has to keep in mind.
func (s *shrinker) weight(t *Trial) int {
	return 4*removable(t) + 2*s.inputs().count(t) + len(t.Answers) + t.Nodes
}

// small reports whether other ways are not worth their runs.
func (s *shrinker) small(t *Trial) bool {
	return removable(t) <= 3 && len(t.Answers) <= 4 && s.inputs().count(t) <= 4
}

// pairs tries to remove two items at once, if few are left: a crash and its restart, or a
// loss and the delay that makes up for it, cannot go singly.
func (s *shrinker) pairs() bool {
	const few = 30
	now, things := s.now, s.things()
	n := len(things)
	if n < 2 || n > few || s.small(now) {
		return false
	}
	_, ok := s.first(n*n, func(k int) *Trial {
		i, j := k/n, k%n
		if i >= j {
			return nil
		}
		t := things[i](now)
		if t == nil {
			return nil
		}
		return things[j](t)
	})
	return ok
}

// things returns, for each remaining item, a function that removes it. The last of each sort
// comes first, so that removing two of a sort does not shift their places.
func (s *shrinker) things() (things []func(t *Trial) *Trial) {
	for _, p := range []part{faults(), s.inputs(), answers(func(*source.Answer) bool { return true })} {
		for i := p.count(s.now) - 1; i >= 0; i-- {
			things = append(things, func(t *Trial) *Trial { return p.without(t, i, i+1) })
		}
	}
	return things
}

// settle makes unbounded runs of the trials with one item less that were given up: a run
// without some fault may fail much later. If one fails, shrinking continues from it.
func (s *shrinker) settle() {
	for s.longer() {
		for s.round(ways()[0].passes) {
		}
	}
}

// longer takes the first trial with one item less that fails in an unbounded run.
func (s *shrinker) longer() bool {
	now, less, maxEvents := s.now, s.less(), s.guard.MaxEvents
	s.guard.MaxEvents = 0
	_, ok := s.first(len(less), func(i int) *Trial { return less[i](now) })
	if !ok {
		s.guard.MaxEvents = maxEvents
	}
	return ok
}

// less returns functions that remove one item each, or the last node, if possible.
func (s *shrinker) less() []func(t *Trial) *Trial {
	fewer := func(t *Trial) *Trial { return t.withNodes(t.Nodes - 1) }
	if s.now.Nodes <= max(1, s.w.MinNodes) || fewer(s.now) == nil {
		return s.things()
	}
	return append(s.things(), fewer)
}

// minimal reports whether all trials with one item less are known to pass, and whether some
// of them are not valid, and so were never tried.
func (s *shrinker) minimal() (minimal, stuck bool) {
	for _, without := range s.less() {
		t := without(s.now)
		if t == nil {
			stuck = true
			continue
		}
		if !s.passing[t.hash()] {
			return false, false
		}
	}
	return true, stuck
}

// decisive returns the answers without each of which, alone, the trial is known to pass.
func (s *shrinker) decisive() map[source.Answer]bool {
	known := make(map[source.Answer]bool)
	if len(s.now.Answers) > len(s.passing) {
		return known // most were never tried alone, and to look would take long
	}
	all := answers(func(*source.Answer) bool { return true })
	for i, a := range s.now.Answers {
		if s.passing[all.without(s.now, i, i+1).hash()] {
			known[a] = true
		}
	}
	return known
}

// reduce removes chunks: all items, a half, a quarter ... down to single ones. It begins at
// the end: late items are needed less often.
func (s *shrinker) reduce(p part) (changed bool) {
	for size := p.count(s.now); size > 0 && !s.over(); size /= 2 {
		// Chunks end here, at size less, and so on.
		for end := p.count(s.now); end > 0 && !s.over(); {
			now, last := s.now, end
			n := (end + size - 1) / size
			i, ok := s.first(n, func(i int) *Trial {
				to := last - i*size
				return p.without(now, max(0, to-size), to)
			})
			if !ok {
				break
			}
			changed = true
			end = min(last-(i+1)*size, p.count(s.now))
		}
	}
	return changed
}

// nodes tries fewer nodes: the fewest first, since most failures need no more, and one less
// last, which a minimal result requires.
func (s *shrinker) nodes() bool {
	now, least := s.now, max(1, s.w.MinNodes)
	if now.Nodes <= least {
		return false
	}
	var counts []int
	for more := 0; least+more < now.Nodes; more += 1 + more/4 {
		counts = append(counts, least+more)
	}
	if counts[len(counts)-1] != now.Nodes-1 {
		counts = append(counts, now.Nodes-1)
	}
	_, ok := s.first(len(counts), func(i int) *Trial { return now.withNodes(counts[i]) })
	return ok
}

// withNodes returns the trial with n nodes and the faults that are valid among them.
func (t *Trial) withNodes(n int) *Trial {
	next := *t
	next.Nodes, next.Faults = n, fault.Within(t.Faults, n)
	return valid(&next)
}

// inputs returns the inputs that are not left out yet.
func (s *shrinker) inputs() part {
	left := func(t *Trial) []uint64 {
		return slices.DeleteFunc(slices.Clone(s.w.Inputs), func(id uint64) bool {
			_, out := slices.BinarySearch(t.Without, id)
			return out
		})
	}
	return part{
		count: func(t *Trial) int { return len(s.w.Inputs) - len(t.Without) },
		without: func(t *Trial, from, to int) *Trial {
			next := *t
			next.Without = append(slices.Clone(t.Without), left(t)[from:to]...)
			slices.Sort(next.Without)
			return &next
		},
	}
}

// faults returns all faults but the Heal, which liveness checks need.
func faults() part {
	return part{
		count: removable,
		without: func(t *Trial, from, to int) *Trial {
			next := *t
			next.Faults = make([]fault.Fault, 0, len(t.Faults))
			n := 0
			for _, f := range t.Faults {
				gone := f.Op != fault.Heal && from <= n && n < to
				if f.Op != fault.Heal {
					n++
				}
				if !gone {
					next.Faults = append(next.Faults, f)
				}
			}
			return valid(&next)
		},
	}
}

// removable counts the faults that can be taken away.
func removable(t *Trial) int {
	n := 0
	for i := range t.Faults {
		if t.Faults[i].Op != fault.Heal {
			n++
		}
	}
	return n
}

// valid returns t if its faults are valid together, else nil: without a Restart, for
// instance, a pause may come while its node is down. They may hit clients, which Nodes does not count.
func valid(t *Trial) *Trial {
	if fault.Validate(t.Faults, fault.AnyNodes, protocol.MaxTime, nil) != nil {
		return nil
	}
	return t
}

// Answers are of three sorts.
func isChance(a *source.Answer) bool { return a.Range == 0 }
func isChoice(a *source.Answer) bool { return a.Range != 0 && !OfTime(a.Key.Kind) }
func isDelay(a *source.Answer) bool  { return a.Range != 0 && OfTime(a.Key.Kind) }

// OfTime reports whether links, disks, the lag of nodes or stalls ask questions of that kind, with a
// range. Nearly all of them ask how long something takes.
func OfTime(k protocol.Kind) bool {
	return sim.AsksOfMessage(k) || sim.AsksOfDisk(k) || sim.AsksLag(k) || sim.AsksTime(k)
}

// answers returns the answers of a sort, in the order of their questions.
func answers(of func(a *source.Answer) bool) part {
	return part{
		count: func(t *Trial) int {
			n := 0
			for i := range t.Answers {
				if of(&t.Answers[i]) {
					n++
				}
			}
			return n
		},
		without: func(t *Trial, from, to int) *Trial {
			n := -1
			return t.but(func(a *source.Answer) bool {
				if of(a) {
					n++
					return from <= n && n < to
				}
				return false
			})
		},
	}
}

func (t *Trial) but(gone func(a *source.Answer) bool) *Trial {
	next := *t
	next.Answers = make([]source.Answer, 0, len(t.Answers))
	for i := range t.Answers {
		if !gone(&t.Answers[i]) {
			next.Answers = append(next.Answers, t.Answers[i])
		}
	}
	return &next
}

// answersAtOnce tries to do without any answer, then without those of one kind: most
// failures need hardly any.
func (s *shrinker) answersAtOnce() (changed bool) {
	if len(s.now.Answers) == 0 {
		return false
	}
	now := s.now
	if _, ok := s.first(1, func(int) *Trial { return now.but(func(*source.Answer) bool { return true }) }); ok {
		return true
	}
	for _, kind := range now.kinds() {
		now := s.now
		of := func(a *source.Answer) bool { return a.Key.Kind == kind }
		if !slices.ContainsFunc(now.Answers, func(a source.Answer) bool { return of(&a) }) {
			continue
		}
		_, ok := s.first(1, func(int) *Trial { return now.but(of) })
		changed = ok || changed
	}
	return changed
}

// kinds returns the kinds of the answers, in the order of their names.
func (t *Trial) kinds() []protocol.Kind {
	var kinds []protocol.Kind
	for i := range t.Answers {
		if k := t.Answers[i].Key.Kind; !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	slices.SortFunc(kinds, func(a, b protocol.Kind) int { return cmp.Compare(a.String(), b.String()) })
	return kinds
}
