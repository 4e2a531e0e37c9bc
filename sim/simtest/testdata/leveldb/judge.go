package leveldb

import (
	"cmp"
	"encoding/json"
	"errors"

	"example.com/leveldb/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/batches"
)

func read(e *sim.Event) (a asked) {
	if err := json.Unmarshal(e.Body, &a); err != nil {
		panic(err)
	}
	return a
}

// opens requires that no crash, and no error of the disk, leaves a store that does not open.
func opens() *check.Check {
	return check.Always("the store opens and is sound", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindOpens {
			return false, nil
		}
		if a := read(e); a.Wrong != "" {
			return true, errors.New(a.Wrong)
		}
		return true, nil
	})
}

// kept requires that the batches that are read are those that were acknowledged, and perhaps others
// that were asked for, and that the values are theirs.
func kept() *check.Check {
	nodes := map[protocol.NodeID]*batches.Store[*store.Batch]{}
	return check.Always("whole batches are kept", sim.Output, func(e *sim.Event) (bool, error) {
		m := nodes[e.Node]
		if m == nil {
			m = batches.NewStore[*store.Batch]()
			nodes[e.Node] = m
		}
		a := read(e)
		switch {
		case a.Wrong != "":
		case e.Kind == kindAsks && a.Batch != nil:
			m.Ask(a.Batch.ID, a.Batch)
		case e.Kind == kindAsks:
			m.BeginRead(a.Op)
		case e.Kind == kindDoes:
			m.Acknowledge(a.Batch.ID)
			return true, nil
		case e.Kind == kindReads:
			there, err := m.Read(a.Op, a.State.Batches)
			return true, cmp.Or(err, values(a.State, there))
		case e.Kind == kindOpens:
			there, err := m.Open(a.State.Batches)
			return true, cmp.Or(err, values(a.State, there))
		}
		return false, nil
	})
}

// values judges the values of a store with the batches there.
func values(s *store.State, there []*batches.Batch[*store.Batch]) error {
	var has []batches.Value
	for _, p := range s.Values {
		has = append(has, batches.Value(p))
	}
	return batches.Values(has, there, allKeys(), gives)
}

// gives returns the value with which a batch leaves a key, if it changes that.
func gives(b *store.Batch, key string) (v string, changes bool) {
	for _, p := range b.Puts {
		if p.Key == key {
			v, changes = p.Value, true
		}
	}
	if v != "" {
		v = short(v)
	}
	return v, changes
}

// writes requires that when the faults are over, batches are written again.
func writes(until protocol.Time) *check.Check {
	return check.Answered("after the faults, batches are written", calm, until, kindAsks, kindDoes)
}
