// Package workload is what the store is tried by: writes while its server crashes now
// and then, and reads of all keys when that is over.
package workload

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/swarm"
	"example.com/kvstore"
)

const (
	server = 0
	client = 1
	storm  = protocol.Time(2 * time.Second)
	calm   = 5 * storm // the server is up again, whatever happened
)

// Faults are what crashes the server, and when.
const Faults = "crash,restart"

// Storm tells where such faults strike, and how many.
func Storm() swarm.Config {
	return swarm.Config{Nodes: []protocol.NodeID{server}, From: 1, To: storm, Delay: 5 * time.Millisecond, Most: 8}
}

// Plan writes every key once, and reads it later. The identities of the writes are
// 0 to writes-1, those of the reads come after them.
func Plan(writes uint64) sim.Plan {
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
	for key := range writes {
		at := storm / protocol.Time(writes) * protocol.Time(key)
		plan.Inputs = append(plan.Inputs,
			sim.Input{ID: key, At: at, Node: client, Body: kvstore.Put(key, key+1)},
			sim.Input{ID: writes + key, At: calm + at, Node: client, Body: kvstore.Get(key)})
	}
	return plan
}

// Survive demands that a key whose write was acknowledged reads as written.
func Survive() *check.Check {
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
