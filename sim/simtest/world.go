package simtest

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/swarm"
)

// A Maker makes the plan of one run and the checks that judge it: both anew each
// time, and from p alone, since runs are repeated and go side by side. What happens
// while the nodes run must not reach another run.
type Maker func(p Params) (sim.Plan, check.Suite)

// Params is what a Maker is told.
type Params struct {
	// Nodes is how many nodes the plan is to have, clients apart: as many as Options
	// say, or fewer, when shrinking has taken the last ones away.
	Nodes int
	// Seed is what identities derive from: keys, secrets. Misfortunes do not.
	Seed uint64
	// Source answers the questions of the workload, and Faults. Each question wants a
	// key of its own.
	Source protocol.Source

	told bool // which faults there are is decided, so that none is drawn
}

// Faults draws faults of a mix in words, such as "crash,disk" or "swarm": see
// swarm.ParseMix. It panics if the mix or c makes no sense.
//
// Whoever draws by themselves can as well. But where a trial tells its faults,
// whatever the plan has is replaced by them, and to draw is to ask in vain: those
// questions would pass for misfortunes that shrinking has to remove.
func (p *Params) Faults(mix string, c swarm.Config) []fault.Fault {
	m, err := swarm.ParseMix(mix)
	if err != nil {
		panic(err.Error())
	}
	if p.told {
		return nil
	}
	return swarm.Draw(p.Source, m, c)
}

// World gives the runs that m makes, for package explore: to shrink one, to sweep
// seeds, to search. seed is Params.Seed of all trials. Of o it uses Nodes and
// MinNodes.
//
// Inputs are taken away by their identities, faults and answers one by one, nodes
// from the end. A trial whose plan cannot run proves nothing: it is inconclusive.
func World(seed uint64, o Options, m Maker) *explore.World {
	if err := o.checkNodes(); err != nil {
		panic(err)
	}
	w := &explore.World{MinNodes: o.least()}
	plan, _ := m(Params{Nodes: o.Nodes, Seed: seed, Source: source.Seed(seed)})
	for _, in := range plan.Inputs {
		w.Inputs = append(w.Inputs, in.ID)
	}
	slices.Sort(w.Inputs)
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		outcome, _ := try(seed, o, m, t, observers...)
		return outcome
	}
	w.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded { return fails(seed, o, m, t, g) }
	w.Seed = func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		if src == nil {
			src = source.Seed(seed)
		}
		recorder := &source.Recorder{Source: src}
		if record {
			src = recorder
		}
		plan, suite := m(Params{Nodes: o.Nodes, Seed: seed, Source: src})
		if err := plan.Validate(); err != nil {
			panic(fmt.Sprintf("simtest: the plan of seed %d cannot run: %v", seed, err))
		}
		outcome := Execute(plan, suite, src, observers...)
		if !record {
			return outcome, nil
		}
		return outcome, &explore.Trial{Nodes: o.Nodes, Faults: plan.Faults, Answers: recorder.Answers()}
	}
	return w
}

// trial gives the plan of a trial.
func trial(seed uint64, o Options, m Maker, t *explore.Trial) (sim.Plan, check.Suite, *source.Replay) {
	src := source.NewReplay(t.Answers)
	plan, suite := m(Params{Nodes: t.Nodes, Seed: seed, Source: src, told: true})
	plan.Faults = t.Faults
	if t.Nodes < o.Nodes {
		// A client that has taken a lost node's number is not to inherit its faults.
		plan.Faults = fault.Within(t.Faults, t.Nodes)
	}
	plan.Inputs = slices.DeleteFunc(slices.Clone(plan.Inputs), func(in sim.Input) bool {
		return slices.Contains(t.Without, in.ID)
	})
	return plan, suite, src
}

// try makes the run of a trial. It gives how the trial's answers fitted, too.
func try(seed uint64, o Options, m Maker, t *explore.Trial, observers ...sim.Observer) (explore.Outcome, source.ReplayStats) {
	plan, suite, src := trial(seed, o, m, t)
	if plan.Validate() != nil {
		return explore.Outcome{Verdict: check.Inconclusive}, src.Stats()
	}
	return Execute(plan, suite, src, observers...), src.Stats()
}

// fails makes the run of a trial until the check has failed, or for as many events as
// it is worth.
func fails(seed uint64, o Options, m Maker, t *explore.Trial, g explore.Guard) (out explore.Guarded) {
	plan, suite, src := trial(seed, o, m, t)
	out.Used = src.Used
	if plan.Validate() != nil {
		return out
	}
	outcome, ended := execute(plan, suite, src, func(m *sim.Sim) bool {
		return g.MaxEvents > 0 && m.Events() > g.MaxEvents
	}, g.Check)
	out.Events, out.GivenUp = outcome.Sim.Events, !ended
	out.Fails = ended && outcome.Fails(g.Check)
	return out
}

// Execute makes the run of plan under src and lets suite judge it. It ends the plan
// by Suite.Done and Suite.Bound, unless the plan has a Done of its own. A node that
// panics is a failure of the run and not of the caller. It panics if the plan cannot run.
func Execute(plan sim.Plan, suite check.Suite, src protocol.Source, observers ...sim.Observer) explore.Outcome {
	o, _ := execute(plan, suite, src, nil, "", observers...)
	return o
}

// execute ends a run also when the check of that name has failed, or stop tells it to:
// then ended is false.
func execute(plan sim.Plan, suite check.Suite, src protocol.Source, stop func(*sim.Sim) bool, until string, observers ...sim.Observer) (o explore.Outcome, ended bool) {
	if plan.Done == nil {
		plan.Done = suite.Done
		plan.Bound = suite.Bound(&plan)
	}
	m, err := sim.New(plan, src, append(suite.Observers(), observers...)...)
	if err != nil {
		panic(fmt.Sprintf("simtest: the plan cannot run: %v", err))
	}
	stopped := false
	o.Failure = drive(m, func() bool {
		stopped = stop != nil && stop(m)
		return stopped || suite.Failed(until)
	})
	o.Sim = m.Result()
	o.Digest = o.Sim.Digest
	if o.Failure != "" {
		o.Verdict = check.Inconclusive
		return o, !stopped
	}
	end := o.Sim.End
	if o.Sim.Reason == sim.Quiet {
		end = protocol.MaxTime // nothing that has not come ever will
	}
	o.Checks = suite.Results(end)
	o.Verdict = check.Conclude(o.Checks)
	return o, !stopped
}

// askEvery is after how many events a run is asked whether it shall end.
const askEvery = 16

// drive runs to the end, until over says so, or to what a node panicked with.
func drive(m *sim.Sim, over func() bool) (failure string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *sim.Panic:
			failure = v.Error()
		default:
			failure = fmt.Sprint(v)
		}
	}()
	for m.Advance(askEvery) && !over() {
	}
	return ""
}

// TB is what Judge needs of a *testing.T, *testing.F or *rapid.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Judge makes one run under src and fails t unless it passes: for property tests,
// whose src is Rapid or Sparse and whose plan is drawn too, and for fuzz targets,
// whose src is source.Bytes. What runs it again is theirs to say.
func Judge(t TB, plan sim.Plan, suite check.Suite, src protocol.Source) {
	t.Helper()
	if err := plan.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	o := Execute(plan, suite, src)
	if o.Failed() || o.Verdict != check.Pass {
		t.Fatalf("%s", told(&o))
	}
}
