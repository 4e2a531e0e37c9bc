package scenario

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Report is what a run came to.
type Report struct {
	Scenario *Scenario
	Seed     uint64
	Params   Params
	Verdict  check.Verdict // or Failed
	Failure  string        // what went wrong within the simulation, if Verdict is Failed
	Checks   []check.Result
	Sim      sim.Result
	Nodes    []Node
	Facts    []Fact
	Faults   []fault.Fault // of the plan; not to be changed
	Counts   []Count       // the names depend on the scenario alone
	Story    []string      // of a run that passed, if the scenario tells one
}

// Failed is the verdict of a run in which a node panicked: neither the protocol nor the
// checks came to an end.
const Failed check.Verdict = "error"

// Options are what a run can be given beyond its parameters. Only Cut changes the digest.
type Options struct {
	Observers []sim.Observer
	Cut       *Cut // what is changed of the run that the parameters make, or nil
	// Stop, if it is not nil, is asked every few thousand events; true ends the run, and
	// Execute then returns false.
	Stop func(events uint64, now protocol.Time) bool
	// Every is after how many events Stop is asked, if it is not 0.
	Every int
	// Stopped, if it is not nil, is shown a run that Stop ended.
	Stopped func(m *sim.Sim)
	// Forewarn, if it is not nil, is told before the run, in one line, if its faults are
	// there for good, so that no liveness is demanded.
	Forewarn func(text string)
	// Until names a check whose failure ends the run: what it has come to by then is the
	// report. Later failures are not in it.
	Until string
}

// every is after how many events the run looks whether it shall end. Whether a check has
// failed is worth looking often.
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

// Cut is what a search changes of a run: it leaves inputs out, and tells the faults.
type Cut struct {
	Without []uint64      // identities of the plan's inputs that are left out, ascending
	Faults  []fault.Fault // if not nil, exactly these
}

// apply changes the plan.
func (c *Cut) apply(p *sim.Plan) {
	if c == nil {
		return
	}
	p.Inputs = slices.DeleteFunc(slices.Clone(p.Inputs), func(in sim.Input) bool { return slices.Contains(c.Without, in.ID) })
	if c.Faults != nil {
		p.Faults = c.Faults
	}
}

// Setup returns what Build makes the run of a seed from. cut may be nil.
func (s *Scenario) Setup(seed uint64, p Params, src protocol.Source, cut *Cut) *Setup {
	return &Setup{Params: s.complete(p), Seed: seed, Source: src, cut: cut}
}

// build makes the run and applies the cut. The error is the plan's.
func (s *Scenario) build(seed uint64, p Params, src protocol.Source, cut *Cut) (*Run, error) {
	b := s.Setup(seed, p, src, cut)
	run := s.Build(b)
	if s.Exhaust != nil && b.Choice(adversary) == on {
		run.Plan = s.Exhaust.Adversary.Plan(run.Plan)
	}
	cut.apply(&run.Plan)
	return run, run.Plan.Validate()
}

// Execute makes the run of a seed with parameters that Validate accepts. src answers;
// seed salts identities and is what a seeded src was made of. A node that panics is a
// failure of the run, not of the caller. It panics if Build makes a plan that cannot
// run. ok is false if Options.Stop ended the run: then the report is not to be used.
func (s *Scenario) Execute(seed uint64, p Params, src protocol.Source, o Options) (r Report, ok bool) {
	run, err := s.build(seed, p, src, o.Cut)
	if err != nil {
		panic(fmt.Sprintf("scenario: %s builds a plan that cannot run: %v", s.Name, err))
	}
	return s.execute(run, seed, s.complete(p), src, o)
}

func (s *Scenario) execute(run *Run, seed uint64, p Params, src protocol.Source, o Options) (r Report, ok bool) {
	r = Report{Scenario: s, Seed: seed, Params: p, Faults: run.Plan.Faults}
	if s.Moot != nil && s.Moot(&p) != "" {
		run.Checks = run.Checks.Skipped(s.Moot(&p))
	} else if why := unhealed(&run.Plan, p.Nodes); why != "" {
		run.Checks = run.Checks.Safety(why)
		if o.Forewarn != nil {
			o.Forewarn(why + ": the run is judged on safety alone")
		}
	}
	sent, never := new(sentCounter), newUnfired(&p, run.Plan.Faults)
	observers := slices.Concat(run.Watch, run.Checks.Observers(), []sim.Observer{sent, never}, o.Observers)
	if run.Plan.Done == nil {
		run.Plan.Done = run.Checks.Done
		run.Plan.Bound = run.Checks.Bound(&run.Plan)
	}
	m, err := sim.New(run.Plan, src, observers...)
	if err != nil {
		panic(fmt.Sprintf("scenario: %s: %v", s.Name, err)) // build has validated the plan
	}
	if r.Failure = drive(m, &o, run.Checks, &ok); r.Failure == "" && !ok {
		r.Sim = m.Result()
		return r, false
	}
	r.Sim = m.Result()
	r.Nodes = nodes(run, m, p.Nodes, sent)
	if r.Failure != "" {
		r.Verdict = Failed
		return r, true
	}
	end := r.Sim.End
	if r.Sim.Reason == sim.Quiet {
		end = protocol.MaxTime // nothing that has not come ever will
	}
	r.Checks = run.Checks.Results(end)
	r.Verdict = check.Conclude(r.Checks)
	if run.Facts != nil {
		r.Facts = run.Facts(m)
	}
	r.Facts = append(r.Facts, never.facts()...)
	if run.Counts != nil {
		r.Counts = run.Counts(m)
	}
	if run.Story != nil && r.Verdict == check.Pass {
		r.Story = run.Story()
	}
	return r, true
}

// nodes returns the summary's rows.
func nodes(run *Run, m *sim.Sim, n int, sent *sentCounter) []Node {
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

// drive steps to the end, or until the check that o names has failed. It returns what a
// node panicked with, and sets finished unless o.Stop ended the run.
func drive(m *sim.Sim, o *Options, checks check.Suite, finished *bool) (failure string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *sim.Panic:
			failure = v.Error()
			*finished = true
		default:
			failure = fmt.Sprint(v)
			*finished = true
		}
	}()
	for m.Advance(o.every()) {
		if o.Until != "" && checks.Failed(o.Until) {
			break
		}
		if o.Stop != nil && o.Stop(m.Events(), m.Now()) {
			if o.Stopped != nil {
				o.Stopped(m)
			}
			return ""
		}
	}
	*finished = true
	return ""
}

// sentCounter counts the messages that each node sent.
type sentCounter struct{ n []uint64 }

func (c *sentCounter) Watch() sim.What { return sim.Sent }

func (c *sentCounter) Observe(e *sim.Event) {
	for int(e.Node) >= len(c.n) {
		c.n = append(c.n, 0)
	}
	c.n[e.Node]++
}

func (c *sentCounter) of(id protocol.NodeID) uint64 {
	if int(id) < len(c.n) {
		return c.n[id]
	}
	return 0
}
