package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"example.com/bolt/store"

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

// opens requires that no crash, and no error of the disk, leaves a damaged file.
func opens() *check.Check {
	return check.Always("the file opens and is sound", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindOpens && e.Kind != kindReads {
			return false, nil
		}
		if a := read(e); a.Wrong != "" {
			return true, errors.New(a.Wrong)
		}
		return true, nil
	})
}

// model is what the store of a node must have.
type model struct {
	asked map[string]*store.Tx // that it was to commit, and that may be in it
	known []string             // the history that was acknowledged, or read when the file was opened; "" is not known
	begun map[int]int          // length of known, when a read began
}

// kept requires that what is read is made by whole transactions, and that these are those that
// were acknowledged and perhaps others that were asked for, in an order that remains.
func kept() *check.Check {
	nodes := map[protocol.NodeID]*model{}
	return check.Always("whole transactions are kept", sim.Output, func(e *sim.Event) (bool, error) {
		m := nodes[e.Node]
		if m == nil {
			m = &model{asked: map[string]*store.Tx{}, begun: map[int]int{}}
			nodes[e.Node] = m
		}
		a := read(e)
		switch {
		case a.Wrong != "":
		case e.Kind == kindAsks && a.Tx != nil:
			m.asked[a.Tx.ID] = a.Tx
		case e.Kind == kindAsks:
			m.begun[a.Op] = len(m.known)
		case e.Kind == kindDoes:
			return true, m.learn(a.Number, a.Tx.ID)
		case e.Kind == kindReads:
			return true, m.right(a.State, m.begun[a.Op])
		case e.Kind == kindOpens:
			return true, m.opened(a.State)
		}
		return false, nil
	})
}

// learn adds a transaction to the history.
func (m *model) learn(number uint64, id string) error {
	for uint64(len(m.known)) < number {
		m.known = append(m.known, "")
	}
	if was := &m.known[number-1]; *was == "" {
		*was = id
	} else if *was != id {
		return fmt.Errorf("transaction %d is %s; it was %s", number, id, *was)
	}
	return nil
}

// opened judges what is in the file when it is opened. One that is missing must not come later.
func (m *model) opened(s *store.State) error {
	if err := m.right(s, len(m.known)); err != nil {
		return err
	}
	asked := map[string]*store.Tx{}
	for i, id := range s.History {
		asked[id] = m.asked[id]
		if err := m.learn(uint64(i+1), id); err != nil {
			return err
		}
	}
	m.asked, m.begun = asked, map[int]int{}
	return nil
}

// right judges what was read, which must have the first transactions of the history at least.
func (m *model) right(s *store.State, least int) error {
	values, places := map[string]string{}, map[string]int{}
	for i, id := range s.History {
		t := m.asked[id]
		if t == nil {
			return fmt.Errorf("transaction %d is %s, which nobody asked for, or which was gone", i+1, id)
		}
		if other := places[id]; other > 0 {
			return fmt.Errorf("transactions %d and %d are both %s, which was asked for once", other, i+1, id)
		}
		places[id] = i + 1
		if i < len(m.known) && m.known[i] != "" && m.known[i] != id {
			return fmt.Errorf("transaction %d is %s; it was %s", i+1, id, m.known[i])
		}
		for _, p := range t.Puts {
			values[p.Key] = p.Value
		}
	}
	if len(s.History) < least {
		return fmt.Errorf("transaction %d, %s, was acknowledged, or in the file before; now the last one is %d", least, m.known[least-1], len(s.History))
	}
	return equal(s.Values, values)
}

// equal requires that values are those that the history makes.
func equal(is []store.Put, want map[string]string) error {
	var keys []string
	for k, v := range want {
		if v != "" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for i, p := range is {
		if i == len(keys) || p.Key < keys[i] {
			return fmt.Errorf("%s is %s; by the history, it is removed", p.Key, p.Value)
		}
		if p.Key > keys[i] {
			return fmt.Errorf("%s is missing", keys[i])
		}
		if v := short(want[p.Key]); v != p.Value {
			return fmt.Errorf("%s is %s; by the history, it is %s", p.Key, p.Value, v)
		}
	}
	if len(is) < len(keys) {
		return fmt.Errorf("%s is missing", keys[len(is)])
	}
	return nil
}

// committed requires that when the faults are over, transactions are committed again.
func committed(until protocol.Time) *check.Check {
	return check.Answered("after the faults, transactions are committed", calm, until, kindAsks, kindDoes)
}
