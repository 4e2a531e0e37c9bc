package scenarios

import (
	"slices"
	"strings"

	"dessim/sim"
	"dessim/sim/fault"
)

// vain follows which of the crashes that the parameters tell have come. One that waits
// for what never happens tests nothing, and who told it is to know. It is an observer.
type vain struct{ faults []fault.Fault } // that have not come

// newVain gives nil if no fault of the plan is a crash that is told.
func newVain(p *Params, faults []fault.Fault) *vain {
	_, told, _ := p.parseFaults()
	v := new(vain)
	for _, f := range faults {
		crash := f.Op == fault.Crash || f.Op == fault.FailSync
		if crash && slices.ContainsFunc(told, func(o fault.Fault) bool { return o.ID == f.ID }) {
			v.faults = append(v.faults, f)
		}
	}
	if v.faults == nil {
		return nil
	}
	return v
}

// Watch gives crashes.
func (v *vain) Watch() sim.What { return sim.Crashed }

// Observe crosses off what came.
func (v *vain) Observe(e *sim.Event) {
	v.faults = slices.DeleteFunc(v.faults, func(f fault.Fault) bool { return f.ID == e.Tag })
}

// facts tells what did not come.
func (v *vain) facts() []Fact {
	if len(v.faults) == 0 {
		return nil
	}
	texts := make([]string, 0, len(v.faults))
	for i := range v.faults {
		texts = append(texts, v.faults[i].String())
	}
	return []Fact{{"never came", strings.Join(texts, "; ")}}
}
