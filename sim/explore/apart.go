package explore

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/source"
)

// Processes makes the processes of World.Apart.
type Processes struct {
	// Context interrupts all runs when it is done.
	Context context.Context
	// Start starts a process with that GOMAXPROCS, which calls Serve with the other ends of the
	// result.
	Start func(threads int) (io.ReadWriteCloser, error)
	// Tell, unless nil, is called with the lines that processes pass to ServeTell, by one goroutine
	// at a time.
	Tell func(lines []string)
	// Fail is called with the error of the first process that fails, a *ProcessError. From then on,
	// all runs are interrupted.
	Fail func(err error)
}

// Apart returns a World whose runs are those of w, each made in a process that has made no
// other. Observers run in this process: they see the events, after they have happened, and cannot
// look at nodes. A run of Seed under a source that is neither that seed's nor a source.Replay is made
// in this process.
func (w *World) Apart(p Processes) *World {
	x := &apart{World: w, Processes: p}
	next := *w
	next.Try = func(t *Trial, observers ...sim.Observer) Outcome {
		a, _ := x.ask(&request{Trial: t}, observers)
		return a.outcome()
	}
	next.Fails = func(t *Trial, g Guard) Guarded {
		a, ok := x.ask(&request{Trial: t, Guard: &g}, nil)
		if !ok {
			return Guarded{GivenUp: true, Used: func() []source.Answer { return t.Answers }}
		}
		return Guarded{Fails: a.Guarded.Fails, GivenUp: a.Guarded.GivenUp, Events: a.Guarded.Events, Used: func() []source.Answer { return a.Guarded.Used }}
	}
	next.made = func(strategy Strategy, r SeedRun, record bool, observers ...sim.Observer) (Outcome, *Trial) {
		a, _ := x.ask(&request{Strategy: strategy, Run: r, Record: record}, observers)
		return a.outcome(), a.Trial
	}
	next.Seed = func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (Outcome, *Trial) {
		r := &request{Run: SeedRun{Seed: seed}, Record: record}
		switch s := src.(type) {
		case nil:
		case source.Seed:
			if uint64(s) != seed {
				return w.Seed(seed, src, record, observers...)
			}
		case *source.Replay:
			r.Replay, r.Answers = true, append(s.Used(), s.Unused()...)
		default:
			return w.Seed(seed, src, record, observers...)
		}
		a, _ := x.ask(r, observers)
		return a.outcome(), a.Trial
	}
	if w.Told != nil {
		next.Told = func(t *Trial) (Outcome, *Trial, []string) {
			a, _ := x.ask(&request{Trial: t, Told: true}, nil)
			return a.outcome(), a.Trial, a.Story
		}
	}
	if w.Turns != nil {
		next.Turns = func(t *Trial) (Outcome, []source.Answer) {
			a, _ := x.ask(&request{Trial: t, Turns: true}, nil)
			return a.outcome(), a.Asked
		}
	}
	return &next
}

type apart struct {
	*World
	Processes
	failed  atomic.Bool
	telling sync.Mutex
}

// ask has a process make a run. ok is false if the run was interrupted.
func (x *apart) ask(r *request, observers []sim.Observer) (a served, ok bool) {
	if x.failed.Load() || x.Context.Err() != nil {
		return served{}, false
	}
	r.Salt = x.Salt
	for _, o := range observers {
		r.Watch |= o.Watch()
	}
	p, err := x.Start(1)
	if err != nil {
		x.fail(err)
		return served{}, false
	}
	defer p.Close()
	a, err = newProcess(p).ask(r, func(a *served) {
		if a.Told != nil && x.Tell != nil {
			x.telling.Lock()
			x.Tell(a.Told)
			x.telling.Unlock()
		}
		for i := range a.Events {
			show(&a.Events[i], observers)
		}
	})
	switch {
	case err == nil && a.Panic == "":
		return a, true
	case x.Context.Err() != nil: // and so the process has ended
	case err == nil:
		x.fail(errors.New(a.Panic))
	default:
		x.fail(err)
	}
	return served{}, false
}

// show shows an event to the observers that watch for it.
func show(e *sim.Event, observers []sim.Observer) {
	for _, o := range observers {
		if o.Watch()&e.What != 0 {
			o.Observe(e)
		}
	}
}

// fail ends the search.
func (x *apart) fail(err error) {
	if !x.failed.Swap(true) && x.Fail != nil {
		x.Fail(&ProcessError{x.Salt, err})
	}
}

// outcome returns the outcome of the run, which is interrupted if there is none.
func (a *served) outcome() Outcome {
	if a.Outcome == nil {
		return Outcome{Verdict: check.Inconclusive, Sim: sim.Result{Reason: sim.Interrupted}}
	}
	return *a.Outcome
}
