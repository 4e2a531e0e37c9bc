package pebble

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/pebble/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
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

// written is what is known of a batch. Times are counts of outputs.
type written struct {
	*store.Batch
	asked int
	known int // since when it was acknowledged, or in the store when that was opened; 0 is not yet
}

// model is what the store must have.
type model struct {
	now     int
	batches map[string]*written // that it was to write, and that may be in it
	begun   map[int]int         // when a read began
}

// kept requires that the batches that are read are those that were acknowledged, and perhaps others
// that were asked for, and that values and lists are theirs.
func kept() *check.Check {
	m := &model{batches: map[string]*written{}, begun: map[int]int{}}
	return check.Always("whole batches are kept", sim.Output, func(e *sim.Event) (bool, error) {
		m.now++
		a := read(e)
		switch {
		case a.Wrong != "":
		case e.Kind == kindAsks && a.Batch != nil:
			m.batches[a.Batch.ID] = &written{Batch: a.Batch, asked: m.now}
		case e.Kind == kindAsks:
			m.begun[a.Op] = m.now
		case e.Kind == kindDoes:
			m.batches[a.Batch.ID].known = m.now
			return true, nil
		case e.Kind == kindReads:
			return true, m.right(a.State, m.begun[a.Op])
		case e.Kind == kindOpens:
			return true, m.opened(a.State)
		}
		return false, nil
	})
}

// opened judges what is in the store when it is opened. What is not there never will be.
func (m *model) opened(s *store.State) error {
	if err := m.right(s, m.now); err != nil {
		return err
	}
	batches := map[string]*written{}
	for _, id := range s.Batches {
		b := m.batches[id]
		if b.known == 0 {
			b.known = m.now
		}
		batches[id] = b
	}
	m.batches, m.begun = batches, map[int]int{}
	return nil
}

// right judges what was read, which must have what was known at a time.
func (m *model) right(s *store.State, at int) error {
	there := map[string]bool{}
	var writers []*written // in the order of ids
	for i, id := range s.Batches {
		if i > 0 && id <= s.Batches[i-1] {
			return fmt.Errorf("batch %s is listed after %s", id, s.Batches[i-1])
		}
		b := m.batches[id]
		if b == nil {
			return fmt.Errorf("batch %s is there, which nobody asked for, or which was gone", id)
		}
		there[id] = true
		writers = append(writers, b)
	}
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		if b := m.batches[id]; !there[id] && b.known > 0 && b.known < at {
			return fmt.Errorf("batch %s is gone, which was acknowledged, or there before", id)
		}
	}
	if err := lists(s.Lists, writers); err != nil {
		return err
	}
	return values(s.Values, writers)
}

// lists requires that each list has each batch that appended to it, once, and in an order in which
// they can have come.
func lists(is []store.List, writers []*written) error {
	want := map[string]map[string]*written{}
	for _, b := range writers {
		for _, op := range b.Ops {
			if op.Append {
				if want[op.Key] == nil {
					want[op.Key] = map[string]*written{}
				}
				want[op.Key][b.ID] = b
			}
		}
	}
	for _, l := range is {
		late := 0
		for _, id := range l.IDs {
			b := want[l.Key][id]
			if b == nil {
				return fmt.Errorf("list %s has %s, which is twice there, or no batch that is", l.Key, id)
			}
			if b.known > 0 && b.known < late {
				return fmt.Errorf("list %s has %s after a batch that came later", l.Key, id)
			}
			late = max(late, b.asked)
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

// values requires that each key has a value that the last batch with that key gave it. Of several
// that were written at the same time, each may be the last.
func values(is []store.Op, writers []*written) error {
	may := map[string][]string{} // values that a key may have
	for i := range keys {
		k := key(i)
		for _, b := range writers {
			if v, ok := gives(b.Batch, k); ok && !overwritten(k, b, writers) {
				may[k] = append(may[k], v)
			}
		}
	}
	has := map[string]bool{}
	for i, p := range is {
		if i > 0 && p.Key <= is[i-1].Key {
			return fmt.Errorf("key %s is listed after %s", p.Key, is[i-1].Key)
		}
		has[p.Key] = true
		if !slices.ContainsFunc(may[p.Key], func(v string) bool { return v != "" && short(v) == p.Value }) {
			return fmt.Errorf("key %s is %s; by the batches that are there, it is %s", p.Key, p.Value, texts(may[p.Key]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(may)) {
		if !has[k] && !slices.Contains(may[k], "") {
			return fmt.Errorf("key %s is missing; by the batches that are there, it is %s", k, texts(may[k]))
		}
	}
	return nil
}

// gives returns the value that a batch leaves a key with, if it changes it.
func gives(b *store.Batch, key string) (v string, ok bool) {
	for _, op := range b.Ops {
		switch {
		case op.Append:
		case op.Key == key, op.Key <= key && key < op.End:
			v, ok = op.Value, true
		}
	}
	return v, ok
}

// overwritten reports whether another batch wrote the key once b was known.
func overwritten(key string, b *written, writers []*written) bool {
	return b.known > 0 && slices.ContainsFunc(writers, func(other *written) bool {
		_, ok := gives(other.Batch, key)
		return ok && other.asked > b.known
	})
}

// texts says what a key may be.
func texts(values []string) string {
	var all []string
	for _, v := range values {
		if v == "" {
			v = "removed"
		} else {
			v = short(v)
		}
		all = append(all, v)
	}
	if all == nil {
		return "absent"
	}
	return strings.Join(all, " or ")
}

// writes requires that when the faults are over, batches are written again.
func writes(until protocol.Time) *check.Check {
	asked, late := uint64(0), uint64(0)
	return check.Eventually("after the faults, batches are written", until, func() (uint64, error) {
		if asked > 0 && late == 0 {
			return 0, errors.New("no batch was")
		}
		return late, nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		switch {
		case e.At <= calm:
		case e.Kind == kindAsks:
			asked++
		case e.Kind == kindDoes:
			late++
		}
	})
}
