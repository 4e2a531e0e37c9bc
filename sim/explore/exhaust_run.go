package explore

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

type smallRun struct {
	plan    sim.Plan
	suite   check.Suite
	sim     *sim.Sim
	joined  bool // ended early, in a known state
	outcome Outcome
}

// run makes a run, up to its end or to a known state. A node that panics fails it. The run may
// be interrupted.
func (g *search) run() *smallRun {
	r := &smallRun{}
	var observers []sim.Observer
	r.plan, r.suite, observers = g.Make(g)
	plan := r.plan
	if plan.Done == nil {
		plan.Done = r.suite.Done
		plan.Bound = r.suite.Bound(&plan)
	}
	s, err := sim.New(plan, g, append(observers, r.suite.Observers()...)...)
	if err != nil {
		panic(fmt.Sprintf("explore: the plan cannot run: %v", err))
	}
	r.sim = s
	p, stuck := g.Watchdog.Run(g.Seed, s, func() { g.drive(r) })
	if stuck != nil {
		r.outcome = Outcome{Verdict: check.Inconclusive, Sim: sim.Result{Reason: sim.Interrupted}}
		return r
	}
	r.outcome.Sim = s.Result()
	r.outcome.Digest = r.outcome.Sim.Digest
	r.conclude(p)
	return r
}

// drive steps until the run is over, is interrupted, or joins another.
func (g *search) drive(r *smallRun) {
	for {
		if g.Merge && g.answers.Fresh() && g.known(r.sim) {
			r.joined = true
			return
		}
		if !r.sim.Advance(1) {
			return
		}
		if g.Watchdog.Interrupted() {
			r.sim.Interrupt()
		}
	}
}

// conclude collects the checks' verdicts. For a run that joined another, only safety
// checks count, since the other run decides what happens in the end. A run that ended in a
// panic has no other verdict.
func (r *smallRun) conclude(p *sim.Panic) {
	switch {
	case p == nil:
	case p.Node == protocol.Outside:
		r.outcome.Verdict, r.outcome.Failure = check.Inconclusive, p.Error()
		return
	default:
		r.outcome.Panic, r.outcome.Checks, r.outcome.Verdict = p, []check.Result{PanicResult(p)}, check.Violation
		return
	}
	suite, end := r.suite, r.sim.Now()
	switch {
	case r.joined:
		suite = suite.Safety("the run goes on as another does")
	case r.outcome.Sim.Reason == sim.Quiet:
		end = protocol.MaxTime // nothing more can happen
	}
	r.outcome.Checks = suite.Results(end)
	if c, ended := Unended(&r.outcome.Sim); ended {
		r.outcome.Checks = append(r.outcome.Checks, c)
	}
	r.outcome.Verdict = check.Conclude(r.outcome.Checks)
}

// known reports whether another run has continued from this state with at least as many
// misfortunes left.
func (g *search) known(s *sim.Sim) bool {
	state, ok := s.State(stateOf, len(g.recur) > 0)
	if !ok {
		return false
	}
	if !g.Timeless {
		state = protocol.Hash2(state, uint64(s.Now()))
	}
	if len(g.recur) > 0 {
		old := uint64(0) // a sum, since the order of asking is not part of the state
		g.answers.Given(func(k protocol.Key, n, answer uint64) {
			if g.recur[recurring{k, n}] {
				old += protocol.Hash3(protocol.Hash3(uint64(k.Kind), uint64(k.A)<<32|uint64(k.B), k.N), n, answer)
			}
		})
		state = protocol.Hash2(state, old)
	}
	spent := g.answers.Spent()
	if g.Most == 0 {
		spent = 0
	}
	least, seen := g.seen[state]
	if seen && least <= spent {
		return true
	}
	g.seen[state] = spent
	return false
}

// stateOf folds everything that a machine's steps depend on.
func stateOf(id protocol.NodeID, m protocol.Node) uint64 {
	if m == nil {
		return 0
	}
	whole, ok := m.(protocol.Stateful)
	if !ok {
		panic(fmt.Sprintf("explore: node %v is a %T, which is not protocol.Stateful", id, m))
	}
	return protocol.HashBytes(whole.AppendState(nil))
}
