package check

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// Suite is the checks of one run.
type Suite []*Check

// Observers returns the checks that observe events.
func (s Suite) Observers() []sim.Observer {
	var out []sim.Observer
	for _, c := range s {
		if c.watch != 0 {
			out = append(out, c)
		}
	}
	return out
}

// Names returns the names of the checks, in order.
func (s Suite) Names() []string {
	names := make([]string, len(s))
	for i, c := range s {
		names[i] = c.name
	}
	return names
}

// Done reports whether every Eventually holds and no check waits: for sim.Plan.Done.
func (s Suite) Done() bool {
	for _, c := range s {
		if c.holds != nil && c.holds() != nil || c.waits != nil && !c.failed && c.waits() {
			return false
		}
	}
	return true
}

// Bound returns the time from which on a run of plan that is not Done fails, for
// sim.Plan.Bound: the bound of each Eventually has passed by then, and so have all starts,
// inputs and faults. It is 0 without an Eventually.
func (s Suite) Bound(plan *sim.Plan) protocol.Time {
	bound := protocol.Time(0)
	for _, c := range s {
		bound = max(bound, c.bound)
	}
	if bound == 0 {
		return 0
	}
	for _, at := range plan.Starts {
		bound = max(bound, at)
	}
	for i := range plan.Inputs {
		bound = max(bound, plan.Inputs[i].At)
	}
	for i := range plan.Faults {
		if f := &plan.Faults[i]; f.At != fault.Never {
			bound = max(bound, f.At+protocol.Time(f.For))
		}
	}
	return bound
}

// Failed reports whether the check of that name has failed.
func (s Suite) Failed(name string) bool {
	for _, c := range s {
		if c.failed && c.name == name {
			return true
		}
	}
	return false
}

// Violated returns the results of the checks that have failed so far: those that judge each
// event.
func (s Suite) Violated() (out []Result) {
	for _, c := range s {
		if c.failed {
			out = append(out, c.Result(0))
		}
	}
	return out
}

// Skipped returns the suite, with every check ruled out for that reason.
func (s Suite) Skipped(reason string) Suite {
	out := make(Suite, len(s))
	for i, c := range s {
		out[i] = c.Skipped(reason)
	}
	return out
}

// Safety returns the suite, with every Eventually ruled out for that reason: it judges what
// needs no heal, which is safety, and progress while some nodes are known to be connected.
func (s Suite) Safety(reason string) Suite {
	out := slices.Clone(s)
	for i, c := range s {
		if c.holds != nil {
			out[i] = c.Skipped(reason)
		}
	}
	return out
}

// Only returns the suite, with every check ruled out for that reason but those of these
// names.
func (s Suite) Only(reason string, names ...string) Suite {
	out := s.Skipped(reason)
	for i, c := range s {
		if slices.Contains(names, c.name) {
			out[i] = c
		}
	}
	return out
}

// Results concludes every check, in order, for a run that ended at end.
func (s Suite) Results(end protocol.Time) []Result {
	out := make([]Result, len(s))
	for i, c := range s {
		out[i] = c.Result(end)
	}
	return out
}

// Conclude returns the verdict of a run from those of its checks: one violation is
// a violation; otherwise one inconclusive check, or none that applies, makes it
// inconclusive.
func Conclude(results []Result) Verdict {
	v, applied := Pass, false
	for _, r := range results {
		switch r.Verdict {
		case Violation:
			return Violation
		case Inconclusive:
			v, applied = Inconclusive, true
		case Pass:
			applied = true
		}
	}
	if !applied {
		return Inconclusive
	}
	return v
}

// Earliest returns the first violation in the order of the run, or nil: what a reader begins with,
// since others may follow from it. Those that only the end showed come last; of one step, the
// first check explains it.
func Earliest(results []Result) *Result {
	var first *Result
	for i := range results {
		c := &results[i]
		if c.Verdict == Violation && (first == nil || c.Step-1 < first.Step-1) { // Step 0 becomes the greatest
			first = c
		}
	}
	return first
}
