// Package scenarios holds the named plans of dessim with their checks, and runs
// them. The registry is the table All.
//
// A Scenario builds a Run from Params: a plan for the simulator, the checks that
// judge it, and what a summary shows. Execute runs it under a Source and gives a
// Report. Equal scenarios, seeds, parameters and answers give equal reports.
package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// Scenario is a named plan with checks.
type Scenario struct {
	Name     string
	Shows    string // one line: what it shows
	MinNodes int
	MaxNodes int
	Defaults Params
	// Unused names the parameters that mean nothing here; giving one is refused.
	Unused []string
	// Text gives the words that follow the kind of an event in traces and stories, such
	// as what a message says; nil is what this package knows of its own nodes.
	Text func(e *sim.Event) string
	// moot tells why parameters leave nothing of what the scenario is about, or
	// gives ""; nil means they never do. Then no check is applicable.
	moot func(p Params) string
	// anchors gives the kinds of messages and outputs that crashes can wait for; nil
	// is those of the ledger's nodes.
	anchors func() (sends, outputs []protocol.Kind)
	build   func(seed uint64, p Params, src protocol.Source) *Run
}

// All is the table of scenarios, in the order in which they are listed.
func All() []*Scenario {
	return []*Scenario{bootstrap(), committing(), broadcasting(), concurrent(), verify(), doubleSpend(), story(), crash(), keyValue(), failover(), blackout(), partition(), churn(), byzantine(), chaos()}
}

// Words gives what a sim.Trace of a run with these parameters shows as Text.
func (s *Scenario) Words(p *Params) func(e *sim.Event) string {
	if s.Text != nil {
		return s.Text
	}
	return Text(p.Nodes)
}

// Find gives the scenario of that name, or nil.
func Find(name string) *Scenario {
	for _, s := range All() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Params gives the parameters that mean something to the scenario.
func (s *Scenario) Params() []*Param {
	var out []*Param
	for _, x := range AllParams() {
		if s.uses(x.Name) {
			out = append(out, x)
		}
	}
	return out
}

func (s *Scenario) uses(name string) bool {
	for _, u := range s.Unused {
		if u == name {
			return false
		}
	}
	return true
}

// mootBy tells why p leaves nothing to judge, or gives "".
func (s *Scenario) mootBy(p Params) string {
	if s.moot == nil {
		return ""
	}
	return s.moot(p)
}

// withoutTransfers is the moot of a scenario that is about transfers.
func withoutTransfers(p Params) string {
	if p.Txs == 0 {
		return noTransfers
	}
	return ""
}

// What parameters are confined to.
const (
	maxTxs   = 1_000_000        // lest a slip of the finger fills memory
	minDelay = time.Microsecond // nodes wait two and a half delays, which rounding makes two at 1ns
	maxDelay = 10 * time.Minute // nodes wait some hundred delays, and what backs off a hundred times that
)

// Validate reports the first parameter that the scenario cannot run with, as one
// line that names the flag and its range, or nil.
func (s *Scenario) Validate(p *Params) error {
	switch {
	case p.Nodes < s.MinNodes || p.Nodes > s.MaxNodes:
		return fmt.Errorf("nodes %d: scenario %s wants %d to %d", p.Nodes, s.Name, s.MinNodes, s.MaxNodes)
	case p.Txs > maxTxs:
		return fmt.Errorf("txs %d: want at most %d", p.Txs, maxTxs)
	case p.Delay < minDelay || p.Delay > maxDelay:
		return fmt.Errorf("delay %v: want 1us to 10m", p.Delay)
	case p.Jitter < 0 || p.Jitter > maxDelay:
		return fmt.Errorf("jitter %v: want 0s to 10m", p.Jitter)
	case p.Until < 1 || p.Until > time.Duration(protocol.MaxTime):
		return fmt.Errorf("until %v: want more than 0s, at most %v", p.Until, time.Duration(protocol.MaxTime))
	}
	if most := protocol.Percent(90); uint64(p.Abort.Num)*uint64(most.Den) > uint64(most.Num)*uint64(p.Abort.Den) {
		return fmt.Errorf("abort %s: want at most %s, or hardly anything ever commits", FormatRatio(p.Abort), FormatRatio(most))
	}
	if most := protocol.Percent(40); uint64(p.Loss.Num)*uint64(most.Den) > uint64(most.Num)*uint64(p.Loss.Den) {
		return fmt.Errorf("loss %s: want at most %s, beyond it repetitions outlast the timeouts", FormatRatio(p.Loss), FormatRatio(most))
	}
	if p.Order == orderRaft && s.uses("order") && p.Nodes > mostFaulty {
		return fmt.Errorf("order raft: nodes %d: want at most %d, since its leader speaks to every node all the time", p.Nodes, mostFaulty)
	}
	return s.validateFaults(p)
}

// Run is one run of a scenario, built but not begun.
type Run struct {
	Plan   sim.Plan
	Checks check.Suite
	// watch are observers beyond the checks, which are shown events before them.
	watch []sim.Observer
	// nodes fills in the summary's rows at the end.
	nodes func(s *sim.Sim) []NodeRow
	// facts gives the figures worth a line in the summary at the end.
	facts func(s *sim.Sim) []Fact
	// counts gives what happened by faults at the end; it may be nil.
	counts func(s *sim.Sim) []Count
	// story tells what happened in sentences, of a run that passed; it may be nil.
	story func() []string
}

// NodeRow is what a summary shows of a node.
type NodeRow struct {
	ID           protocol.NodeID
	DHT          [20]byte // its Kademlia id
	LedgerLength int      // accepted transactions
	LedgerHash   [32]byte // of their list
	Balance      uint64
	Messages     uint64 // sent
}

// Fact is one figure worth a line in the summary.
type Fact struct{ Name, Value string }

// Count is how often something happened: what a sweep adds up.
type Count struct {
	Name string
	N    uint64
}

// Report is what a run came to.
type Report struct {
	Scenario *Scenario
	Seed     uint64
	Params   Params
	Verdict  check.Verdict // or Failed
	Failure  string        // what went wrong within the simulation, if Verdict is Failed
	Checks   []check.Result
	Sim      sim.Result
	Nodes    []NodeRow
	Facts    []Fact
	Faults   []fault.Fault // of the plan; not to be changed
	Counts   []Count       // what faults did, if there were any; the names depend on the scenario alone
	Story    []string      // what happened, in sentences, if the run passed and the scenario tells it
}

// Failed is the verdict of a run in which a node panicked: neither the protocol
// nor the checks came to an end.
const Failed check.Verdict = "error"

// Options are what a run can be given beyond its parameters; but for Cut none of it
// changes the digest.
type Options struct {
	Observers []sim.Observer
	Cut       *Cut // what is taken away from the run that the parameters make, or nil
	// Stop, if it is not nil, is asked every few thousand events; true ends the
	// run, and Execute then gives ok false.
	Stop func(events uint64, now protocol.Time) bool
	// Every is after how many events Stop is asked, if it is not 0.
	Every int
	// Stopped, if it is not nil, is shown a run that Stop ended.
	Stopped func(m *sim.Sim)
	// Forewarn, if it is not nil, is told before the run, in one line, if its faults are
	// there for good, so that nothing is demanded that must come in the end.
	Forewarn func(text string)
	// Until names a check whose failure ends the run: what it has come to by then is
	// the report. What would have come later, be it other failures, is not in it.
	Until string
}

// every is after how many events something is asked: Stop, or whether the check has
// failed, which is worth asking often.
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

// Execute runs the scenario with parameters that Validate accepts. src answers;
// seed salts identities and is what a seeded src was made of. ok is false if
// Options.Stop ended the run: then the report is not to be used.
func (s *Scenario) Execute(seed uint64, p Params, src protocol.Source, o Options) (r Report, ok bool) {
	r = Report{Scenario: s, Seed: seed, Params: p}
	p.Cut = o.Cut
	run := s.build(seed, p, src)
	if why := s.mootBy(p); why != "" {
		run.Checks = run.Checks.Skipped(why)
	} else if why := unhealed(&run.Plan, p.Nodes); why != "" {
		run.Checks = run.Checks.Safety(why)
		if o.Forewarn != nil {
			o.Forewarn(why + ": the run is judged on safety alone")
		}
	}
	r.Faults = run.Plan.Faults
	observers := append(run.watch, run.Checks.Observers()...)
	vain := newVain(&p, run.Plan.Faults)
	if vain != nil {
		observers = append(observers, vain)
	}
	run.Plan.Done = run.Checks.Done
	run.Plan.Bound = run.Checks.Bound(&run.Plan)
	m, err := sim.New(run.Plan, src, append(observers, o.Observers...)...)
	if err != nil {
		panic(fmt.Sprintf("scenarios: %s builds a plan that cannot run: %v", s.Name, err))
	}
	if r.Failure = drive(m, &o, run.Checks, &ok); r.Failure == "" && !ok {
		return r, false
	}
	r.Sim = m.Result()
	if run.nodes != nil {
		r.Nodes = run.nodes(m)
	}
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
	if run.facts != nil {
		r.Facts = run.facts(m)
	}
	if vain != nil {
		r.Facts = append(r.Facts, vain.facts()...)
	}
	if run.counts != nil {
		r.Counts = run.counts(m)
	}
	if run.story != nil && r.Verdict == check.Pass {
		r.Story = run.story()
	}
	return r, true
}

// drive steps to the end, or until the check that o names has failed. It gives what
// a node panicked with, and sets finished unless o.Stop ended the run.
func drive(m *sim.Sim, o *Options, checks check.Suite, finished *bool) (failure string) {
	defer func() {
		if v := recover(); v != nil {
			failure = fmt.Sprint(v)
			if p, ok := v.(*sim.Panic); ok {
				failure = p.Error()
			}
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
