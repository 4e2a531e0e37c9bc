package check

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
)

// Answered requires that work goes on once the faults are over: of the requests after calm, which are
// outputs of kind asks, at least one must be answered by an output of kind answers. It judges nothing
// if there is no request.
func Answered(name string, calm, bound protocol.Time, asks, answers protocol.Kind) *Check {
	asked, answered := uint64(0), uint64(0)
	return Eventually(name, bound, func() (uint64, error) {
		if asked > 0 && answered == 0 {
			return 0, fmt.Errorf("no request after %v was answered, of %d", calm, asked)
		}
		return answered, nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		switch {
		case e.At <= calm:
		case e.Kind == asks:
			asked++
		case e.Kind == answers:
			answered++
		}
	})
}
