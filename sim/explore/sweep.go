package explore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/watch"
)

// MaxSeeds is the most seeds that a sweep can have.
const MaxSeeds = 1 << 40

// SweepOptions are the options of Sweep.
type SweepOptions struct {
	From, To uint64 // the seeds, both included
	Strategy Strategy
	Workers  int // runs at a time; 0 is one for each core
	// StopAfter ends the sweep at the seed by which this many have failed; 0 is never.
	StopAfter uint64
	// Budget is the time after which no more runs begin; 0 is never. It is the one use of
	// the wall clock here, and decides only how many seeds are covered.
	Budget time.Duration
	// Results, unless nil, takes the results, after those that it has.
	Results *Results
	// Process, unless nil, starts another process with that GOMAXPROCS, which calls Serve with what
	// is written and read here. Each worker has one, or one for each run: see Isolation. A
	// process whose reads or writes fail after the interruption of the sweep has ended by it.
	Process func(threads int) (io.ReadWriteCloser, error)
	// Tell, unless nil, is called with the lines that these processes pass to ServeTell, by one
	// goroutine at a time.
	Tell func(lines []string)
	// Progress, unless nil, is called after each run, by one goroutine at a time.
	Progress func(Progress)
}

// Progress is how far a sweep has come.
type Progress struct {
	Done, Total, Failed uint64
	Known               uint64 // of Done, from the results file
	// Report returns the report of the seeds so far. Only the call that gets the Progress may
	// call it, and use what it returns.
	Report func() SweepReport
}

// Shard is a part of a range of seeds.
type Shard struct {
	Index uint64 `json:"index"` // from 1 to Of
	Of    uint64 `json:"of"`
}

// Part returns the seeds of the shard: a block, since a sweep covers contiguous seeds. Blocks
// differ in size by at most one; ok is false if the block is empty.
func (s Shard) Part(from, to uint64) (first, last uint64, ok bool) {
	seeds := to - from + 1
	each, rest := seeds/s.Of, seeds%s.Of
	i := s.Index - 1
	first = from + i*each + min(i, rest)
	size := each
	if i < rest {
		size++
	}
	return first, first + size - 1, size > 0
}

// NotDeterministicError reports that two runs of a seed differ.
type NotDeterministicError struct {
	Seed          uint64
	First, Second string // their results
	// Difference is where two more runs differ first; nil if they were not made, or agree.
	Difference *Difference
}

// Error returns one line.
func (e *NotDeterministicError) Error() string {
	text := fmt.Sprintf("not deterministic: seed %d resulted in %s, then in %s", e.Seed, e.First, e.Second)
	if e.Difference != nil {
		text += "; two more runs differ from " + e.Difference.Place() + " on"
	}
	return text
}

// WriteError reports that results could not be written.
type WriteError struct{ Err error }

// Error returns one line.
func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// Sweep runs the seeds. Its report covers the seeds from o.From on without a gap, and is the
// same for any number of workers: it handles results, from deciding whether to stop to
// writing them, in the order of the seeds.
//
// Sweep makes each run that fails, and one in 64 of the others, twice, to see that they agree. If
// other processes make the runs, it makes one in 256 once more in a process that has made no other.
// If each run has a process of its own, those that fail and one in 256 are made in two processes.
//
// If ctx or the budget ends the sweep, it begins no more runs, waits for those that have begun, and
// returns a report that is not Complete. Runs of w that are interrupted end at once, since a run can
// take minutes, and do not count. An error that is of none of this package's types means a damaged
// results file.
func Sweep(ctx context.Context, w *World, o SweepOptions) (SweepReport, error) {
	if o.To < o.From || o.To-o.From >= MaxSeeds {
		panic(fmt.Sprintf("explore: sweep of seeds %d to %d, want 1 to %d of them", o.From, o.To, uint64(MaxSeeds)))
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	given := ctx
	if o.Budget > 0 {
		limited, cancel := context.WithTimeout(ctx, o.Budget)
		defer cancel()
		ctx = limited
	}
	s := &sweep{given: given, world: w, SweepOptions: o, total: o.To - o.From + 1, tally: newTally(w.Checks), ready: make(map[uint64]result)}
	s.corpus.reached = make(map[uint32]bool)
	s.moved.L = &s.mu
	if err := s.resume(); err != nil {
		return SweepReport{}, err
	}
	s.work(ctx)
	if s.panicked != nil {
		panic(s.panicked)
	}
	if s.Results != nil && s.err == nil {
		if err := s.Results.sync(); err != nil {
			s.err = &WriteError{err}
		}
	}
	r := s.report()
	r.Limited = o.Budget > 0 && !r.Complete && given.Err() == nil
	return r, s.err
}

// sweep is one call of Sweep. Workers take seeds in order and put results in any order; the
// worker that puts the next one commits it and those that follow it.
type sweep struct {
	given context.Context // without the budget
	world *World
	once  bool // a run is not made twice here: another process does that
	SweepOptions
	total uint64
	known uint64 // seeds from the results file

	telling  sync.Mutex
	mu       sync.Mutex
	moved    sync.Cond // done or stopped changed
	taken    uint64    // seeds that workers have taken
	done     uint64    // seeds that are committed
	ready    map[uint64]result
	stopped  bool
	err      error
	panicked any
	tally    *tally
	corpus   corpus
}

// result is a run that waits for the runs of earlier seeds.
type result struct {
	line        seedLine
	reached     *coverage
	err         error
	interrupted bool // there is no result
}

func (s *sweep) resume() error {
	if s.Results == nil {
		return nil
	}
	for !s.enough() {
		l, err := s.Results.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.absorb(&l)
	}
	s.taken, s.known = s.done, s.done
	s.tell()
	if s.enough() {
		return nil
	}
	if err := s.Results.begin(); err != nil {
		return &WriteError{err}
	}
	return nil
}

// enough reports whether nothing is left to do.
func (s *sweep) enough() bool {
	return s.done == s.total || s.StopAfter > 0 && s.tally.report.failed() >= s.StopAfter
}

// report returns the report of the seeds so far.
func (s *sweep) report() SweepReport {
	r := s.tally.conclude(Span{s.From, s.To})
	r.Next = s.From + s.done
	r.Complete = s.enough()
	return r
}

func (s *sweep) absorb(l *seedLine) {
	s.tally.add(l)
	if s.Strategy == Guided {
		s.corpus.learn(s.done, SeedRun{l.Seed, l.Ancestors}, l.Fresh)
	}
	s.done++
}

func (s *sweep) tell() {
	if s.Progress != nil {
		s.Progress(Progress{Done: s.done, Total: s.total, Failed: s.tally.report.failed(), Known: s.known, Report: s.report})
	}
}

// work runs the remaining seeds, until the end, an error, or ctx.
func (s *sweep) work(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.stop)
	defer stop()
	s.mu.Lock()
	s.stopped = s.stopped || s.enough() || ctx.Err() != nil
	s.mu.Unlock()
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Go(func() {
			run, end := s.runner()
			defer end()
			for {
				i, r, ok := s.take()
				if !ok {
					return
				}
				done := run(r)
				if done.interrupted {
					return
				}
				s.put(i, done)
			}
		})
	}
	workers.Wait()
}

func (s *sweep) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.moved.Broadcast()
}

// take returns the next run. It waits while workers are so far ahead of a slow run that
// results would pile up, or while the run depends on missing results.
func (s *sweep) take() (i uint64, r SeedRun, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && s.taken < s.total && s.taken >= s.horizon() {
		s.moved.Wait()
	}
	if s.stopped || s.taken == s.total {
		return 0, r, false
	}
	i = s.taken
	s.taken++
	r = SeedRun{Seed: s.From + i}
	if s.Strategy == Guided {
		r = s.corpus.mutate(r.Seed)
	}
	return i, r, true
}

// horizon is the first seed, counted from 0, that may not begin yet.
func (s *sweep) horizon() uint64 {
	if s.Strategy == Guided {
		return (s.done/generation + 1) * generation
	}
	const ahead = 64 // for each worker
	return s.done + ahead*uint64(s.Workers)
}

// put takes a result, and commits all results before which none is missing.
func (s *sweep) put(i uint64, r result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[i] = r
	for s.err == nil && !s.enough() {
		r, there := s.ready[s.done]
		if !there {
			break
		}
		delete(s.ready, s.done)
		s.commit(&r)
	}
	s.stopped = s.stopped || s.err != nil || s.enough()
	s.moved.Broadcast()
}

// commit handles the result of the next seed.
func (s *sweep) commit(r *result) {
	if s.err = r.err; s.err != nil {
		return
	}
	if r.reached != nil {
		r.line.Fresh = s.corpus.fresh(r.reached)
	}
	if s.Results != nil {
		if err := s.Results.append(&r.line); err != nil {
			s.err = &WriteError{err}
			return
		}
	}
	s.absorb(&r.line)
	s.tell()
}

// One in sampled runs that did not fail is made twice.
const sampled = 64

// run makes a run, and makes it again if it failed or is in the sample.
func (s *sweep) run(r SeedRun) (out result) {
	defer func() {
		// A panic of the world itself, not of a node, is for Sweep's caller.
		if v := recover(); v != nil {
			broken := watch.Wrap(v)
			broken.Value = fmt.Sprintf("seed %d: %v", r.Seed, broken.Value)
			s.panicWith(broken)
			out.err = errPanicked
		}
	}()
	var observers []sim.Observer
	if s.Strategy == Guided {
		out.reached = &coverage{reached: make(map[uint32]bool)}
		observers = append(observers, out.reached)
	}
	once, _ := s.world.Made(s.Strategy, r, false, observers...)
	if out.interrupted = once.Interrupted(); out.interrupted {
		return out
	}
	out.line = s.lineOf(r, &once)
	if !s.once && (once.Failed() || r.Seed%sampled == 0) {
		twice, _ := s.world.Made(s.Strategy, r, false)
		if out.interrupted = twice.Interrupted(); out.interrupted {
			return out
		}
		if a, b := out.line.came(), s.lineOf(r, &twice); a != b.came() {
			out.err = &NotDeterministicError{r.Seed, a, b.came(), s.difference(r)}
		}
	}
	return out
}

var errPanicked = errors.New("panicked")

// panicWith ends the sweep by a panic.
func (s *sweep) panicWith(v any) {
	s.mu.Lock()
	s.panicked = v
	s.mu.Unlock()
	s.stop()
}

// pairs is how often a run that was not repeatable is made twice more, to find where.
const pairs = 4

// difference returns where.
func (s *sweep) difference(r SeedRun) *Difference {
	for range pairs {
		d := FirstDifference(func(o sim.Observer) bool {
			out, _ := s.world.Made(s.Strategy, r, false, o)
			return !out.Interrupted()
		})
		if d != nil {
			return d
		}
	}
	return nil
}

// lineOf returns a run's line in the results.
func (s *sweep) lineOf(r SeedRun, o *Outcome) seedLine {
	l := seedLine{Seed: r.Seed, Verdict: string(o.Judgement()), Check: o.Check(), Signature: o.Signature(), Doubt: o.Doubt(),
		Digest: o.Digest.String(), Events: o.Sim.Events, Sent: o.Sim.Sent, End: uint64(o.Sim.End), Unjudged: o.unjudged(), Counts: o.Counts, Impacts: o.Impacts, Ancestors: r.Ancestors}
	l.Checks, l.Others = verdictsOf(s.world.Checks, o)
	if o.Sim.MisaddressedText() != "" {
		l.Misaddressed = o.Sim.Misaddressed.Sent
	}
	for i := range o.Checks {
		if o.Checks[i].Verdict == check.Unseen {
			l.Unseen = append(l.Unseen, o.Checks[i].Name)
		}
	}
	return l
}

// unjudged reports whether the run ended before its checks could judge it.
func (o *Outcome) unjudged() bool {
	return o.Failure != "" || o.Panic != nil || o.Sim.Reason == sim.Bounded
}

// came says how the run ended.
func (l *seedLine) came() string {
	if l.Signature != "" {
		return fmt.Sprintf("%q with digest %s", l.Signature, l.Digest)
	}
	return fmt.Sprintf("%s with digest %s", l.Verdict, l.Digest)
}

// Record makes the smallest run of a group of that strategy again, and returns its Trial, or
// nil if that run was interrupted. g.Smallest.Salt salts its identities.
func (w *World) Record(strategy Strategy, g *Group) (*Trial, error) {
	o, t := w.Made(strategy, g.Smallest, true)
	if o.Interrupted() {
		return nil, nil
	}
	if o.Signature() != g.Signature || o.Digest.String() != g.Digest {
		return nil, &NotDeterministicError{Seed: g.Smallest.Seed, First: fmt.Sprintf("%q with digest %s", g.Signature, g.Digest),
			Second: fmt.Sprintf("%q with digest %v", o.Signature(), o.Digest)}
	}
	return t, nil
}
