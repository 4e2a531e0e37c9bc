package scenario

import (
	"slices"
	"strings"

	"dessim/sim"
	"dessim/sim/fault"
)

// unfired is an observer that tracks the faults written in the parameters that wait for an
// event. One that waits for an event which never happens tests nothing, so the summary
// names it.
type unfired struct{ faults []fault.Fault } // that have not fired

func newUnfired(p *Params, faults []fault.Fault) *unfired {
	_, written, _ := p.parseFaults()
	u := new(unfired)
	for _, f := range faults {
		waits := f.Op == fault.Crash || f.Op == fault.FailSync || f.On.N > 0
		if waits && slices.ContainsFunc(written, func(o fault.Fault) bool { return o.ID == f.ID }) {
			u.faults = append(u.faults, f)
		}
	}
	return u
}

func (u *unfired) Watch() sim.What {
	if u.faults == nil {
		return 0
	}
	return sim.Crashed | sim.Injected
}

func (u *unfired) Observe(e *sim.Event) {
	u.faults = slices.DeleteFunc(u.faults, func(f fault.Fault) bool {
		return f.ID == e.Tag && (e.What == sim.Crashed || f.Op.Lasts()) // a crash that waits has not fired
	})
}

func (u *unfired) facts() []Fact {
	if len(u.faults) == 0 {
		return nil
	}
	texts := make([]string, 0, len(u.faults))
	for i := range u.faults {
		texts = append(texts, u.faults[i].String())
	}
	return []Fact{{"never fired", strings.Join(texts, "; ")}}
}
