package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/stats"
	"dessim/sim/swarm"
	"dessim/sim/watch"
)

// Report is the result of a run.
type Report struct {
	Scenario *Scenario
	Seed     uint64
	Params   Params
	Verdict  check.Verdict // or Failed
	Failure  string        // what went wrong within the simulation, if Verdict is Failed
	Panic    *sim.Panic    // what a node panicked with, or nil; explore.Panicked is violated then
	Stuck    *watch.Stuck  // the step that was running when the run was interrupted, or nil
	Checks   []check.Result
	Sim      sim.Result
	Nodes    []Node
	Facts    []Fact
	Faults   []fault.Fault   // of the plan; read only
	Impacts  []sim.Impact    // what each of them did
	Counts   []Count         // the names depend on the scenario alone
	Story    []string        // of a run that passed, if the scenario has one
	Written  []Impact        // what the faults did that the parameters write in words
	Drawn    []Count         // what the faults did that they have drawn, by kind
	Undrawn  []swarm.Undrawn // the kinds that they ask for, and that cannot be drawn
}

// Interrupted reports whether the run was ended from outside, so that it shows nothing.
func (r *Report) Interrupted() bool { return r.Sim.Reason == sim.Interrupted }

// Failed is the verdict of a run in which a check or the simulator panicked, so that the
// checks have no verdict. A node that panics is a violation.
const Failed = explore.Failed

// Options are what a run can be given beyond its parameters. Observers do not change the
// run; Cut does, and Stop and Until can end it early.
type Options struct {
	Observers []sim.Observer
	Cut       *Cut // a change to the run that the parameters make, or nil
	// Stop, unless nil, is called every few thousand events; true ends the run, and Execute
	// then returns false.
	Stop func(events uint64, now protocol.Time) bool
	// Every, unless 0, is the number of events between two calls of Stop.
	Every int
	// Stopped, unless nil, gets the simulation that Stop ended.
	Stopped func(m *sim.Sim)
	// Begun, unless nil, gets the simulation before the first event: for an observer that
	// looks at nodes.
	Begun func(m *sim.Sim)
	// Meter, unless nil, measures the run. If the report has a Stuck, nobody may read it.
	Meter *stats.Meter
	// Forewarn, unless nil, gets one line before a run whose faults are permanent, so that
	// no Eventually is judged.
	Forewarn func(text string)
	// Until names a check whose failure ends the run. The report has no later failures.
	Until string
	// Threads is the number of goroutines on which the run goes if it can, and at most 1 is one. It
	// changes nothing in the report.
	Threads int
	// Fewer, unless nil, gets one line if the run goes on fewer threads.
	Fewer func(text string)
	// Watchdog, unless nil, watches over the run. If it is interrupted, the run ends there,
	// and is inconclusive unless something has failed.
	Watchdog *watch.Watchdog
}

// every is the number of events after which the run checks whether to end: often if the
// failure of a check ends it.
func (o *Options) every() int {
	const seldom, often = 4096, 64
	switch {
	case o.Every != 0:
		return o.Every
	case o.Until != "":
		return often
	}
	return seldom
}

// Cut is a change to a run: it leaves inputs out, and replaces the faults.
type Cut struct {
	Without []uint64      // identities of the plan's inputs that are left out, ascending
	Faults  []fault.Fault // if not nil, exactly these
}

func (c *Cut) apply(p *sim.Plan) {
	if c == nil {
		return
	}
	p.Inputs = slices.DeleteFunc(slices.Clone(p.Inputs), func(in sim.Input) bool { return slices.Contains(c.Without, in.ID) })
	if c.Faults != nil {
		p.Faults = c.Faults
	}
}

// Setup returns the argument of Build for the run of a seed. cut may be nil.
func (s *Scenario) Setup(seed uint64, p Params, src protocol.Source, cut *Cut) *Setup {
	return &Setup{Params: s.complete(p), Seed: seed, Source: src, cut: cut, first: s.firstChances(p)}
}

// Prepare returns the run that Execute makes, built but not begun: for a runtime other than
// the simulator. Its error is a *PlanError.
func (s *Scenario) Prepare(seed uint64, p Params, src protocol.Source, cut *Cut) (*Run, error) {
	return s.build(seed, p, src, cut)
}

// build makes the run and applies the cut. Its error is a *PlanError.
func (s *Scenario) build(seed uint64, p Params, src protocol.Source, cut *Cut) (*Run, error) {
	b := s.Setup(seed, p, src, cut)
	run := s.make(b)
	run.undrawn = b.undrawn
	if s.Exhaust != nil && b.Choice(adversary) == on {
		a := s.Exhaust.Adversary
		a.Members = min(cmp.Or(a.Members, b.Nodes), b.Nodes) // clients do not crash
		run.Plan = a.Plan(run.Plan)
	}
	err := end(&run.Plan, p.Timing == Recorded)
	cut.apply(&run.Plan)
	run.Checks = append(run.Checks, s.repairs(&p, &run.Plan)...)
	if p.Events > 0 {
		run.Plan.Events = p.Events
	}
	if p.Timing == Recorded {
		free(&run.Plan)
	}
	if err == nil {
		err = cmp.Or(run.Unable, run.Plan.Validate())
	}
	if err != nil {
		return run, &PlanError{s.Name, err}
	}
	return run, nil
}

// make calls Build. A panic of it is a *watch.Broken that names the scenario.
func (s *Scenario) make(b *Setup) *Run {
	defer func() {
		if v := recover(); v != nil {
			broken := watch.Wrap(v)
			broken.Who = "Build of scenario " + s.Name
			panic(broken)
		}
	}()
	return s.Build(b)
}

// end takes from the plan of a run that is cut short what comes after its end. It returns an
// error if nothing is left to do, unless the run was live, and may have ended at any time.
func end(p *sim.Plan, live bool) error {
	last := p.Until
	if last <= 0 {
		return nil // which is no valid plan
	}
	late := func(in sim.Input) bool { return in.At > last }
	if n := len(p.Inputs); n > 0 && !live && !slices.ContainsFunc(p.Inputs, func(in sim.Input) bool { return !late(in) }) {
		first := slices.MinFunc(p.Inputs, func(a, b sim.Input) int { return cmp.Compare(a.At, b.At) }).At
		return fmt.Errorf("until %s: the first input comes at %s; want that or later", fault.FormatSpan(time.Duration(last)), fault.FormatSpan(time.Duration(first)))
	}
	p.Inputs = slices.DeleteFunc(slices.Clone(p.Inputs), late)
	p.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f fault.Fault) bool { return f.At > last && f.At != fault.Never })
	p.Starts = slices.Clone(p.Starts)
	for i := range p.Starts {
		p.Starts[i] = min(p.Starts[i], last)
	}
	return nil
}

// PlanError reports that the plan which a scenario builds from some parameters cannot run.
type PlanError struct {
	Scenario string
	Err      error
}

// Error returns one line.
func (e *PlanError) Error() string { return fmt.Sprintf("scenario %s: %v", e.Scenario, e.Err) }

// Unwrap returns the cause.
func (e *PlanError) Unwrap() error { return e.Err }

// Plannable returns a *PlanError if the scenario cannot run with parameters that Validate
// accepts. It builds a run, which takes time.
func (s *Scenario) Plannable(seed uint64, p Params) error {
	_, err := s.build(seed, p, source.Seed(seed), nil)
	return err
}

// Execute makes a run with parameters that Validate accepts. src answers its questions; seed
// salts identities. A node that panics violates explore.Panicked. Execute panics with a
// *PlanError if the plan that Build makes cannot run. ok is false if Options.Stop ended the
// run: then the report has no verdict.
func (s *Scenario) Execute(seed uint64, p Params, src protocol.Source, o Options) (r Report, ok bool) {
	run, err := s.build(seed, p, src, o.Cut)
	if err != nil {
		panic(err)
	}
	return s.execute(run, seed, p, src, o)
}

func (s *Scenario) execute(run *Run, seed uint64, p Params, src protocol.Source, o Options) (r Report, ok bool) {
	r = Report{Scenario: s, Seed: seed, Params: p, Faults: run.Plan.Faults, Undrawn: run.undrawn}
	s.restrict(run, &p, &o)
	run.shadow(s.shadowed(&p))
	serial := s.part(run, &o)
	sent := new(traffic)
	observers := slices.Concat(run.Watch, run.Checks.Observers(), []sim.Observer{sent}, run.measured(o.Meter), o.Observers)
	if run.Plan.Done == nil {
		run.Plan.Done = run.Checks.Done
		run.Plan.Bound = run.Checks.Bound(&run.Plan)
	}
	if p.Timing == Recorded {
		src = &source.Numbered{Source: src}
	}
	m, err := sim.New(run.Plan, src, observers...)
	if err != nil {
		panic(fmt.Sprintf("scenario: %s: %v", s.Name, err)) // build has validated the plan
	}
	parts, why := m.Threads()
	o.fewer(parts, cmp.Or(serial, why))
	if o.Begun != nil {
		o.Begun(m)
	}
	d := driver{Options: &o, m: m, checks: run.Checks}
	panicked, stuck := o.Watchdog.Run(seed, m, d.drive)
	if stuck != nil {
		r.abandon(stuck)
		return r, true
	}
	if r.Sim = m.Result(); parts > 1 && why == "" {
		parts, why = m.Threads()
		o.fewer(parts, why)
	}
	if d.stopped {
		return r, false
	}
	r.Nodes = nodes(run, m, p.Nodes, sent)
	did := m.Impacts()
	r.Impacts = did
	r.Written, r.Drawn = written(&p, o.Cut, run.Plan.Faults, did), drawn(&p, run.undrawn, run.Plan.Faults, did)
	if panicked != nil && parts > 1 {
		return s.Execute(seed, p, src, o.serially())
	}
	if panicked != nil {
		r.fail(panicked, run.Checks)
		return r, true
	}
	r.conclude(run, m)
	r.unended(sent.most(&r.Sim))
	r.Verdict = check.Conclude(r.Checks)
	if run.Story != nil && r.Verdict == check.Pass {
		r.Story = run.Story()
	}
	return r, true
}

// restrict rules out the checks that do not apply to a run with these parameters.
func (s *Scenario) restrict(run *Run, p *Params, o *Options) {
	full, moot := s.complete(*p), ""
	if s.Moot != nil {
		moot = s.Moot(&full)
	}
	if moot != "" {
		run.Checks = run.Checks.Skipped(moot)
	} else if why := unhealed(&run.Plan, p.Nodes); why != "" {
		run.Checks = run.Checks.Safety(why)
		if o.Forewarn != nil {
			o.Forewarn(why + ": checks that need a heal do not apply")
		}
	}
}

// measured returns the observers with which m measures the run.
func (run *Run) measured(m *stats.Meter) []sim.Observer {
	if m == nil {
		return nil
	}
	m.Traffic.Nodes = make([]stats.Node, run.Plan.Nodes)
	if run.Measure != nil {
		run.Measure(m)
	}
	return m.Observers()
}

// conclude has the checks judge a run that came to an end.
func (r *Report) conclude(run *Run, m *sim.Sim) {
	end := r.Sim.End
	if r.Sim.Reason == sim.Quiet {
		end = protocol.MaxTime // what is still missing never happens
	}
	r.Checks = run.Checks.Results(end)
	for i := range r.Checks { // readers are told when that was, and not the end of all time
		r.Checks[i].At = min(r.Checks[i].At, r.Sim.End)
	}
	if n := len(r.Checks) - 1; run.Plan.Shadow.Num > 0 && r.Checks[n].Verdict == check.NotApplicable {
		r.Checks = r.Checks[:n] // no node promises anything
	}
	if run.Facts != nil {
		r.Facts = run.Facts(m)
	}
	if run.Counts != nil {
		r.Counts = run.Counts(m)
	}
}

func nodes(run *Run, m *sim.Sim, n int, sent *traffic) []Node {
	var rows []Node
	if run.Nodes != nil {
		rows = run.Nodes(m)
	} else {
		for id := range protocol.NodeID(n) {
			rows = append(rows, Node{ID: id})
		}
	}
	for i := range rows {
		rows[i].Messages = sent.of(rows[i].ID)
	}
	return rows
}
