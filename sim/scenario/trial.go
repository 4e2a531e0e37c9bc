package scenario

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// World returns the runs of the scenario with these parameters, which Validate accepts, for
// package explore to sweep, shrink and search. seed salts the identities of all trials. World
// panics with a *PlanError if the plan cannot run.
func (s *Scenario) World(seed uint64, p Params) *explore.World { return s.WorldUnder(nil, seed, p) }

// WorldUnder is World, with a Watchdog that watches over the runs.
func (s *Scenario) WorldUnder(watchdog *watch.Watchdog, seed uint64, p Params) *explore.World {
	return s.WorldOn(Options{Watchdog: watchdog}, seed, p)
}

// WorldOn is WorldUnder the Watchdog of o, with runs of seeds that go on o.Threads. Nothing else of
// o counts but Fewer, which several goroutines may call at once.
func (s *Scenario) WorldOn(o Options, seed uint64, p Params) *explore.World {
	watchdog := o.Watchdog
	least, _ := s.NodeRange()
	run, err := s.build(seed, p, source.Seed(seed), nil)
	if err != nil {
		panic(err)
	}
	w := &explore.World{MinNodes: least, Isolation: run.isolation(), Salt: seed, Inputs: run.inputs(), Checks: run.Checks.Names()}
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		r, _ := s.Try(seed, p, t, source.NewReplay(t.Answers), Options{Observers: observers, Watchdog: watchdog})
		return r.Outcome()
	}
	w.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded {
		replay := source.NewReplay(t.Answers)
		r, ok := s.Try(seed, p, t, replay, Options{Until: g.Check, Watchdog: watchdog, Stop: func(events uint64, _ protocol.Time) bool {
			return g.MaxEvents > 0 && events > g.MaxEvents
		}})
		o := r.Outcome()
		if o.Interrupted() {
			return explore.Guarded{GivenUp: true, Events: r.Sim.Events, Used: func() []source.Answer { return t.Answers }}
		}
		return explore.Guarded{GivenUp: !ok, Fails: ok && o.Fails(g), Events: r.Sim.Events, Used: replay.Used}
	}
	if w.Isolation == EachRun { // ordinary Go programs
		w.Turns = func(t *explore.Trial) (explore.Outcome, []source.Answer) {
			src := &turnsAsked{Source: source.NewReplay(t.Answers), seen: make(map[source.Answer]bool)}
			r, _ := s.Try(seed, p, t, src, Options{Watchdog: watchdog})
			if r.Stuck != nil {
				return r.Outcome(), nil // the source is not ours any more
			}
			return r.Outcome(), src.asked
		}
	}
	w.Seed = func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		if src == nil {
			src = source.Seed(seed)
		}
		if !record {
			r, _ := s.Execute(seed, p, src, Options{Observers: observers, Watchdog: watchdog, Threads: o.Threads, Fewer: o.Fewer})
			return r.Outcome(), nil
		}
		recorder := &source.Recorder{Source: src}
		r, _ := s.Execute(seed, p, recorder, Options{Observers: observers, Watchdog: watchdog})
		if r.Stuck != nil {
			return r.Outcome(), nil // the recorder is not ours any more
		}
		return r.Outcome(), &explore.Trial{Nodes: p.Nodes, Faults: r.Faults, Answers: undrawn(recorder.Answers())}
	}
	return w
}

// isolation returns the isolation of the run: at least EachWorker with Plan.Random.
func (run *Run) isolation() Isolation {
	if run.Plan.Random != nil {
		return max(run.Isolation, EachWorker)
	}
	return run.Isolation
}

// Isolation returns which runs with these parameters, which Validate accepts, share a process.
func (s *Scenario) Isolation(seed uint64, p Params) Isolation {
	run, err := s.build(seed, p, source.Seed(seed), nil)
	if err != nil {
		return Shared // it is refused anyway
	}
	return run.isolation()
}

// How long misfortunes last, in longest delays. The long ones are to outlast the patience of
// those that wait, and give others the time to do without.
const (
	shortDown = 2
	longDown  = 400
)

// Misfortunes returns a search that adds one misfortune at each place of a run with these
// parameters. Nodes that need to be told that others fail must be: see Params.Failing. Depth,
// Runs and Workers are the caller's to set, and all else may be changed.
func (s *Scenario) Misfortunes(watchdog *watch.Watchdog, seed uint64, p Params) *explore.Misfortunes {
	delay := p.Delay + p.Jitter
	return &explore.Misfortunes{
		World: s.WorldUnder(watchdog, seed, p),
		Trial: &explore.Trial{Nodes: p.Nodes},
		Nodes: p.Nodes,
		Downs: []time.Duration{shortDown * delay, longDown * delay},
		Depth: 1,
	}
}

// inputs returns the identities of the inputs that a search may leave out, ascending.
func (run *Run) inputs() []uint64 {
	all := make(map[uint64]bool, len(run.Plan.Inputs))
	for i := range run.Plan.Inputs {
		all[run.Plan.Inputs[i].ID] = true
	}
	if run.Inputs == nil {
		return protocol.SortedKeys(all)
	}
	// The run has none that come after its end.
	return slices.DeleteFunc(slices.Clone(run.Inputs), func(id uint64) bool { return !all[id] })
}

// Try makes the run of a trial under src, which answers as the trial says. A trial whose plan
// is not valid is inconclusive.
func (s *Scenario) Try(seed uint64, p Params, t *explore.Trial, src protocol.Source, o Options) (Report, bool) {
	faults := t.Faults
	if faults == nil {
		faults = []fault.Fault{}
	}
	if t.Nodes < p.Nodes {
		// A client that takes a removed node's number must not inherit its faults.
		faults = fault.Within(faults, t.Nodes)
	}
	p.Nodes = t.Nodes
	o.Cut = &Cut{Without: t.Without, Faults: faults}
	run, err := s.build(seed, p, src, o.Cut)
	if err != nil {
		return Report{Scenario: s, Seed: seed, Params: p, Verdict: check.Inconclusive}, true
	}
	return s.execute(run, seed, p, src, o)
}

// SmallWorld returns the search of all runs under the adversary, with parameters that are
// otherwise these: for a scenario that has an Exhaust. A trial that it finds is one of the
// World of the parameters that it returns.
func (s *Scenario) SmallWorld(seed uint64, p Params) (*explore.Small, Params) {
	p.put(adversary, on, off)
	x := s.Exhaust.Small
	x.Seed = seed
	x.Make = func(src protocol.Source) (sim.Plan, check.Suite, []sim.Observer) {
		run, err := s.build(seed, p, src, nil)
		if err != nil {
			panic(err)
		}
		return run.Plan, run.Checks, run.Watch
	}
	return &x, p
}

// Outcome returns the part of a report that package explore needs. A sweep adds up the runs
// that Params.Events ended.
func (r *Report) Outcome() explore.Outcome {
	o := explore.Outcome{Verdict: r.Verdict, Failure: r.Failure, Panic: r.Panic, Checks: r.Checks, Digest: r.Sim.Digest, Sim: r.Sim, Counts: r.Counts, Impacts: r.impacts()}
	if r.Verdict == Failed {
		o.Verdict = check.Inconclusive
	}
	if r.Sim.Reason == sim.Bounded {
		o.Counts = append(slices.Clip(o.Counts), explore.Count{Name: "ended by -events", N: 1})
	}
	return o
}

// turnsAsked is a Source that notes the questions about turns of goroutines.
type turnsAsked struct {
	protocol.Source
	asked []source.Answer // with Value 0
	seen  map[source.Answer]bool
}

func (x *turnsAsked) Choose(k protocol.Key, n uint64) uint64 {
	x.note(k, n)
	return x.Source.Choose(k, n)
}

func (x *turnsAsked) Chance(k protocol.Key, p protocol.Ratio) bool {
	x.note(k, 0)
	return x.Source.Chance(k, p)
}

func (x *turnsAsked) note(k protocol.Key, n uint64) {
	if a := (source.Answer{Key: k, Range: n}); sim.AsksOfTurns(k.Kind) && !x.seen[a] {
		x.seen[a] = true
		x.asked = append(x.asked, a)
	}
}
