// Package batches judges stores that take batches of changes. A batch is in the store as a whole or not at
// all; one that was acknowledged stays there; and each key has the value that the last batch gave it. Batches
// may be written at the same time, and then any of them may be the last.
//
// The check of a scenario tells a Store what the program is asked, acknowledges and reads, in the order of the
// events, and passes what it returns to Values.
package batches

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Batch is a batch that a store was asked to write.
type Batch[B any] struct {
	ID    string
	Of    B
	asked int // when, by Store.now
	known int // when it was acknowledged, or found in the store when that was opened; 0 is not yet
}

// Before reports whether b was in the store when other was asked for.
func (b *Batch[B]) Before(other *Batch[B]) bool { return b.known > 0 && b.known < other.asked }

// Store is what is known of a store. It must not be used by several goroutines at a time.
type Store[B any] struct {
	now     int
	batches map[string]*Batch[B] // that were asked for, and are not known to be gone
	begun   map[int]int          // when a read began
}

// NewStore returns what is known of an empty store.
func NewStore[B any]() *Store[B] {
	return &Store[B]{batches: map[string]*Batch[B]{}, begun: map[int]int{}}
}

// Ask notes that the store is asked to write a batch. No other has its id.
func (s *Store[B]) Ask(id string, b B) {
	s.now++
	s.batches[id] = &Batch[B]{ID: id, Of: b, asked: s.now}
}

// Acknowledge notes that the store has written a batch that it was asked for since it was opened.
func (s *Store[B]) Acknowledge(id string) {
	s.now++
	s.batches[id].known = s.now
}

// BeginRead notes that a read begins. Its number is one that no other read has since the store was opened.
func (s *Store[B]) BeginRead(read int) {
	s.now++
	s.begun[read] = s.now
}

// Read judges the ids that a read has found, in ascending order, and returns their batches. All that were
// acknowledged before the read began must be among them.
func (s *Store[B]) Read(read int, ids []string) ([]*Batch[B], error) {
	return s.find(ids, s.begun[read])
}

// Open judges the ids that are in the store when it is opened, in ascending order, and returns their batches.
// Those that are not there are gone for ever.
func (s *Store[B]) Open(ids []string) ([]*Batch[B], error) {
	s.now++
	there, err := s.find(ids, s.now)
	if err != nil {
		return nil, err
	}
	s.batches, s.begun = map[string]*Batch[B]{}, map[int]int{}
	for _, b := range there {
		if b.known == 0 {
			b.known = s.now
		}
		s.batches[b.ID] = b
	}
	return there, nil
}

// find returns the batches with the ids, which must have all that were known before a time.
func (s *Store[B]) find(ids []string, at int) ([]*Batch[B], error) {
	there := make([]*Batch[B], 0, len(ids))
	for i, id := range ids {
		if i > 0 && id <= ids[i-1] {
			return nil, fmt.Errorf("batch %s is listed after %s", id, ids[i-1])
		}
		b := s.batches[id]
		if b == nil {
			return nil, fmt.Errorf("batch %s is there, which nobody asked for, or which was gone", id)
		}
		there = append(there, b)
	}
	for _, id := range slices.Sorted(maps.Keys(s.batches)) {
		b := s.batches[id]
		if _, found := slices.BinarySearch(ids, id); !found && b.known > 0 && b.known < at {
			return nil, fmt.Errorf("batch %s is gone, which was acknowledged, or there before", id)
		}
	}
	return there, nil
}

// Value is a key of a store, and what it has. No value is "".
type Value struct{ Key, Value string }

// Values judges the values of a store that has the batches there. gives returns the value with which a batch
// leaves a key, "" if it removes the key, and whether it changes the key at all. has is in ascending order of keys,
// which are among keys.
func Values[B any](has []Value, there []*Batch[B], keys []string, gives func(b B, key string) (value string, changes bool)) error {
	got := make(map[string]string)
	for i, v := range has {
		switch {
		case i > 0 && v.Key <= has[i-1].Key:
			return fmt.Errorf("key %s is listed after %s", v.Key, has[i-1].Key)
		case v.Value == "" || !slices.Contains(keys, v.Key):
			return fmt.Errorf("key %s is %q, which no batch gives it", v.Key, v.Value)
		}
		got[v.Key] = v.Value
	}
	for _, k := range keys {
		if may := last(there, k, gives); !slices.Contains(may, got[k]) {
			return fmt.Errorf("key %s is %s; by the batches that are there, it is %s", k, name(got[k]), strings.Join(names(may), " or "))
		}
	}
	return nil
}

// last returns the values that a key may have: those of batches that no later one has changed, or none.
func last[B any](there []*Batch[B], key string, gives func(B, string) (string, bool)) (may []string) {
	for _, b := range there {
		v, changes := gives(b.Of, key)
		over := slices.ContainsFunc(there, func(later *Batch[B]) bool {
			_, changes := gives(later.Of, key)
			return changes && b.Before(later)
		})
		if changes && !over {
			may = append(may, v)
		}
	}
	if may == nil {
		may = []string{""}
	}
	return may
}

func names(values []string) (all []string) {
	for _, v := range values {
		all = append(all, name(v))
	}
	return all
}

func name(value string) string {
	if value == "" {
		return "absent"
	}
	return value
}
