package scenarios

import (
	"strings"

	"dessim/sim"
)

// vain follows which of the crashes that the parameters tell have come. One that waits
// for what never happens tests nothing, and who told it is to know. It is an observer.
type vain struct{ faults []sim.Fault }

// newVain gives nil if no crash is told.
func newVain(p *Params) *vain {
	if p.Cut != nil && p.Cut.Faults != nil {
		return nil // these are what a failure was reduced to, or drawn
	}
	_, told, _ := p.parseFaults()
	v := new(vain)
	for _, f := range told {
		if f.Op == sim.Crash || f.Op == sim.FailSync {
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
	for i := range v.faults {
		if v.faults[i].ID == e.Tag {
			v.faults = append(v.faults[:i:i], v.faults[i+1:]...)
			return
		}
	}
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
