package kvstore_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/simtest"
	"dessim/sim/swarm"
	"example.com/kvstore"
)

const (
	server = 0
	client = 1
	writes = 20
	storm  = protocol.Time(2 * time.Second)
	calm   = 5 * storm // the server is up again, whatever happened
)

func TestAcknowledgedWritesAreReadBack(t *testing.T) {
	simtest.Run(t, simtest.Options{Nodes: 1, Seeds: 200, ShrinkRuns: 2000}, plan)
}

// plan writes every key once while the server crashes now and then, and reads all
// keys when that is over.
func plan(p simtest.Params) (sim.Plan, check.Suite) {
	plan := sim.Plan{
		Nodes: 2,
		Node: func(id protocol.NodeID) protocol.Node {
			if id == server {
				return new(kvstore.Server)
			}
			return kvstore.Client{}
		},
		Link:  sim.Link{Delay: time.Millisecond, Jitter: 4 * time.Millisecond},
		Until: protocol.Time(time.Minute),
	}
	for key := range uint64(writes) {
		at := storm / writes * protocol.Time(key)
		plan.Inputs = append(plan.Inputs,
			sim.Input{ID: key, At: at, Node: client, Body: kvstore.Put(key, key+1)},
			sim.Input{ID: writes + key, At: calm + at, Node: client, Body: kvstore.Get(key)})
	}
	plan.Faults = p.Faults("crash,restart", swarm.Config{
		Nodes: []protocol.NodeID{server}, From: 1, To: storm, Delay: 5 * time.Millisecond, Most: 8,
	})
	return plan, check.Suite{survive()}
}

// survive demands that a key whose write was acknowledged reads as written.
func survive() *check.Check {
	written := make(map[uint64]uint64)
	return check.Always("an acknowledged write is read back", sim.Output, func(e *sim.Event) (bool, error) {
		m, _ := kvstore.Decode(e.Body)
		switch want, known := written[m.Key]; {
		case e.Kind == kvstore.KindWritten:
			written[m.Key] = m.Value
			return false, nil
		case known && m.Value != want:
			return true, fmt.Errorf("key %d was acknowledged as %d and reads as %d", m.Key, want, m.Value)
		}
		return true, nil
	})
}
