package judge

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
)

// putTime is more than it takes to put a value, and less than nodes are up and down.
const putTime = time.Minute

// stored requires that at least as many nodes hold a value as its publisher says, but for
// those that have left or come in the meantime.
func (j *Churn) stored() *check.Check {
	const name = "values are held where they are said to be"
	if j.c.Failures.Untimely {
		return check.Skip(name, untimely)
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		p, ok := kademlia.DecodePublished(e.Body)
		if e.Kind != kademlia.KindPublished || !ok {
			return false, nil
		}
		i := slices.IndexFunc(j.c.Values, func(v *Value) bool { return v.ID == p.ID })
		if i < 0 || j.c.Values[i].ended(e.At+protocol.Time(putTime)) {
			return false, nil
		}
		hold, moved := 0, 0
		for k, n := range j.c.Nodes {
			switch since := e.At - protocol.Time(putTime); {
			case j.since[k] < 0 && j.until[k] > since, j.since[k] > since:
				moved++
			case j.since[k] >= 0 && n.DHT().Holds(p.ID):
				hold++
			}
		}
		if p.Stored > hold+moved {
			return true, fmt.Errorf("node %v says that %d nodes hold %.8s; %d do, and %d have left or come since", e.Node, p.Stored, p.ID, hold, moved)
		}
		return true, nil
	})
}
