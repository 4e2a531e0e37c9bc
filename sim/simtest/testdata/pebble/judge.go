package pebble

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"example.com/pebble/store"

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
// that were asked for, and that values and lists are theirs.
func kept() *check.Check {
	m := batches.NewStore[*store.Batch]()
	return check.Always("whole batches are kept", sim.Output, func(e *sim.Event) (bool, error) {
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
			return true, cmp.Or(err, content(a.State, there))
		case e.Kind == kindOpens:
			there, err := m.Open(a.State.Batches)
			return true, cmp.Or(err, content(a.State, there))
		}
		return false, nil
	})
}

// content judges the lists and values of a store with the batches there.
func content(s *store.State, there []*written) error {
	if err := lists(s.Lists, there); err != nil {
		return err
	}
	var has []batches.Value
	for _, op := range s.Values {
		has = append(has, batches.Value{Key: op.Key, Value: op.Value})
	}
	return batches.Values(has, there, allKeys(), gives)
}

// written is a batch that the store has.
type written = batches.Batch[*store.Batch]

// lists requires that each list has each batch that appended to it, once, and in an order in which
// they can have come.
func lists(is []store.List, writers []*written) error {
	want := map[string]map[string]*written{}
	for _, b := range writers {
		for _, op := range b.Of.Ops {
			if op.Append {
				if want[op.Key] == nil {
					want[op.Key] = map[string]*written{}
				}
				want[op.Key][b.ID] = b
			}
		}
	}
	for _, l := range is {
		var earlier []*written
		for _, id := range l.IDs {
			b := want[l.Key][id]
			if b == nil {
				return fmt.Errorf("list %s has %s, which is twice there, or no batch that is", l.Key, id)
			}
			if slices.ContainsFunc(earlier, b.Before) {
				return fmt.Errorf("list %s has %s after a batch that came later", l.Key, id)
			}
			earlier = append(earlier, b)
			delete(want[l.Key], id)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		for _, id := range slices.Sorted(maps.Keys(want[k])) {
			return fmt.Errorf("list %s lacks %s, which is there", k, id)
		}
	}
	return nil
}

// gives returns the value with which a batch leaves a key, if it changes that.
func gives(b *store.Batch, key string) (v string, changes bool) {
	for _, op := range b.Ops {
		if !op.Append && (op.Key == key || op.Key <= key && key < op.End) {
			v, changes = op.Value, true
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
