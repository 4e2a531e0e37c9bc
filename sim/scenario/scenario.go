// Package scenario defines what dessim runs: named plans with parameters and checks. It
// executes and judges them, and hands them to a search. It knows no protocol: a Scenario
// brings its nodes, its checks, and whatever else is special to it, as data.
//
// A Scenario builds a Run from a Setup: a plan for the simulator, the checks that judge
// it, and what a summary shows. Execute makes the run under a Source and returns a
// Report. Equal scenarios, seeds, parameters and answers give equal reports.
//
// The command line (cmd/dessim/cmdline) and go test (sim/simtest) take any Scenario.
// A Subject names a run as flags; a Recording is a run as a replay file.
package scenario

import (
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/stats"
	"dessim/sim/swarm"
)

// Scenario is a named plan with parameters and checks. Name, Defaults and Build are required;
// see Flaw.
type Scenario struct {
	Name  string // small letters, digits and hyphens
	Shows string // one line: what it shows
	// MinNodes and MaxNodes bound Params.Nodes, which counts no clients. 0 means as many as
	// in Defaults, so without both the number is fixed.
	MinNodes, MaxNodes int
	// Defaults are the values of parameters that are left out.
	Defaults Params
	// Own declares parameters beyond the fields of Params.
	Own []*Param
	// Unused names fields of Params that mean nothing here. A flag for one is refused.
	Unused []string
	// Build makes a run, from b alone: runs are repeated, and go side by side. It is
	// called for parameters that Validate accepts.
	Build func(b *Setup) *Run

	// Check returns an error for parameters that are in range but do not work, as one line
	// with the parameter and what would be right.
	Check func(p *Params) error
	// Moot says why no check is applicable with these parameters, or returns "".
	Moot func(p *Params) string
	// Text returns the words that follow the kind of an event in traces and stories, such
	// as what a message says.
	Text func(p *Params, e *sim.Event) string
	// Kinds returns the kinds of messages and of outputs that a fault can wait for. A
	// fault that waits for another kind is refused. Nil: they are not known.
	Kinds func() (sends, outputs []protocol.Kind)
	// Eras are the kinds of outputs and notes that say what a node is from then on, such as
	// its view or its term: a report shows them along the node's lane.
	Eras []protocol.Kind
	// Small are the flags of a small workload, such as "-txs 1": dessim explore uses them
	// unless others are given.
	Small string
	// Exhaust says how all runs of a small workload are made, or is nil: then there are
	// too many.
	Exhaust *Exhaust
	// Columns describe Node.Cells.
	Columns []Column
	// Repairs returns the second chances of the protocol: see Repair. Nil: none are known.
	Repairs func(p *Params) []Repair
	// Shadow is the share of what nodes promise that is looked at by default: less than all
	// where that costs too much. 0 is all. See sim.Plan.Shadow.
	Shadow protocol.Ratio
	// Compare is what comparing the values of a parameter measures.
	Compare *Comparison
	// Memory estimates how many bytes a run takes at most, so that one which does not fit is refused
	// before it begins. It grows with Params.Nodes. Nil, or 0: a run is small, or nobody knows.
	Memory func(p *Params) uint64
}

// Run is one run of a scenario, built but not begun.
type Run struct {
	Plan   sim.Plan
	Checks check.Suite
	// Apart says that the run may be in parts, on several goroutines: its nodes share nothing
	// that changes, as sim.Plan.Threads demands, and promise nothing that others keep or say, too
	// (protocol.Promise). The checks and Watch say what they read, or the run is serial. A run in
	// parts in which something panics, as where a node does promise that, is made again on one
	// thread.
	Apart bool
	// Isolation says which runs of a sweep, a search or shrinking share a process: EachRun where
	// nodes are ordinary Go programs (package host), which may keep package variables.
	// Plan.Random implies EachWorker.
	Isolation Isolation
	// Unable, unless nil, is why this program cannot make the run: host.Unable() where nodes are
	// ordinary Go programs. The run is then refused before it begins.
	Unable error
	// Inputs are the identities of the plan's inputs that a search may leave out,
	// ascending; nil is all of them.
	Inputs []uint64
	// Watch are observers beyond the checks, which see each event before the checks do.
	Watch []sim.Observer
	// Nodes returns the summary's rows at the end; nil is one for each node of Params.
	// Execute fills in Messages. Where the parameter adversary is on, nodes are wrapped,
	// here and in Facts and Counts: see explore.Unwrap.
	Nodes func(s *sim.Sim) []Node
	// Facts returns the figures worth a line in the summary at the end.
	Facts func(s *sim.Sim) []Fact
	// Counts returns how often things happened, which a sweep adds up.
	Counts func(s *sim.Sim) []Count
	// Measure, unless nil, names what m measures in the run, and has m see the events for it.
	// It is called before the first event, and only if somebody wants the figures.
	Measure func(m *stats.Meter)
	// Story describes a run that passed, one sentence an element.
	Story func() []string

	undrawn []swarm.Undrawn // kinds of faults that the parameters ask for and Build cannot draw
}

// Node is what a summary shows of a node.
type Node struct {
	ID       protocol.NodeID
	Cells    []string // under Scenario.Columns; missing ones are empty
	Messages uint64   // sent
}

// Column is what a summary shows of each node.
type Column struct {
	Head   string // in the table; "" leaves the column to the JSON object
	Key    string // in the JSON object
	Number bool   // the cells are numbers
	Short  int    // characters of a cell that the table shows; 0 is all
	// Name marks the column that identifies a node beyond one run: its log is named
	// after the cell.
	Name bool
}

// Fact is one figure worth a line in the summary.
type Fact struct{ Name, Value string }

// Count is how often something happened.
type Count = explore.Count

// Isolation says which runs share a process.
type Isolation = explore.Isolation

// The isolations.
const (
	Shared     = explore.Shared
	EachWorker = explore.EachWorker
	EachRun    = explore.EachRun
)

// Setup is what a run is built from.
type Setup struct {
	Params
	// Seed salts identities, such as keys and secrets. It answers no question.
	Seed uint64
	// Source answers the questions of the workload, each under a key of its own. Kinds
	// that begin with "work." ask about the operation of number N: see AsksOfWork.
	Source protocol.Source

	cut     *Cut
	first   []protocol.Kind // of the scenario's Repairs
	undrawn []swarm.Undrawn // of the last call of mix
}

// AsksOfWork reports whether a question of that kind is about the operation of the
// workload whose number is N of its key.
func AsksOfWork(k protocol.Kind) bool { return strings.HasPrefix(k.String(), "work.") }

// LeftOut reports whether a search leaves out the input of that identity. Execute removes it
// from the plan; a Build asks only if its checks depend on the input.
func (b *Setup) LeftOut(input uint64) bool {
	return b.cut != nil && slices.Contains(b.cut.Without, input)
}

// Faulted returns the faults of the run: those of a search, or else what draw returns.
// Execute replaces the plan's faults by those of a search in any case; a Build that draws
// within Faulted saves the questions, and knows the faults.
func (b *Setup) Faulted(draw func() []fault.Fault) []fault.Fault {
	if b.cut != nil && b.cut.Faults != nil {
		return slices.Clone(b.cut.Faults)
	}
	return draw()
}

// AnyLeftOut reports whether a search leaves some input out.
func (b *Setup) AnyLeftOut() bool { return b.cut != nil && len(b.cut.Without) > 0 }

// Find returns the scenario of that name, or nil.
func Find(all []*Scenario, name string) *Scenario {
	if i := slices.IndexFunc(all, func(s *Scenario) bool { return s.Name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// Words returns what a sim.Trace of a run with these parameters shows as Text.
func (s *Scenario) Words(p *Params) func(e *sim.Event) string {
	if s.Text == nil {
		return func(*sim.Event) string { return "" }
	}
	params := s.complete(*p)
	return func(e *sim.Event) string { return s.Text(&params, e) }
}

// Exhaust says how all runs of a small workload are made. A scenario that has one has a
// parameter adversary as well, which is on in such runs.
type Exhaust struct {
	// Small says which answers are tried. Make, Runs, Failures and Tell are left to the
	// search.
	Small explore.Small
	// Adversary changes the plan of a run where the parameter adversary is on.
	Adversary explore.Adversary
}

// adversary is the parameter of scenarios that have an Exhaust.
const (
	adversary = "adversary"
	off       = "off"
	on        = "on"
)

// Comparison says how the values of a parameter are compared.
type Comparison struct {
	Param string // its name; it has Values
	// Legend explains the columns, in lines.
	Legend string
	// Meter returns an observer of one run.
	Meter func() Meter
}

// Meter is an observer that measures a run.
type Meter interface {
	sim.Observer
	// Costs returns what the run came to, once it is over.
	Costs() Costs
}

// Costs are the costs of one run.
type Costs struct {
	Items uint64 // what the sums are divided by, such as messages in the order; 0: nothing was measured
	Item  string // one of them, in words
	Key   string // their number in the JSON object
	Sums  []Sum
	Time  protocol.Time // that the run took
	Waits []protocol.Time
	For   string // where the waits begin and end, in words
}

// Sum is one cost of a run.
type Sum struct {
	Head      string // of the column
	Key       string // in the JSON object
	N         uint64
	PerSecond bool // of virtual time, and not for each item
}
