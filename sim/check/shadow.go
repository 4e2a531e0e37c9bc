package check

import (
	"errors"

	"dessim/sim"
)

// Promises requires that a node which has promised something would keep it after a crash at
// that moment: that its disk has what it told. It judges what sim.Plan.Shadow looks at.
func Promises() *Check {
	return Always("a promise is safe before it is told", sim.Shadowed, func(e *sim.Event) (bool, error) {
		if e.Text != "" {
			return true, errors.New(e.Text)
		}
		return true, nil
	}).ReadingEvents().OrNotApplicable("no node promised anything")
}
