package plainwal

import (
	"encoding/json"
	"errors"
	"fmt"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

func read[T any](e *sim.Event) (v T) {
	if err := json.Unmarshal(e.Body, &v); err != nil {
		panic(err)
	}
	return v
}

// opens requires that no crash, and no error of the disk, leaves a log that cannot be opened.
func opens() *check.Check {
	return check.Always("the log opens", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindOpens {
			return false, nil
		}
		if s := read[opened](e); s.Corrupt != "" {
			return true, errors.New(s.Corrupt)
		}
		return true, nil
	})
}

// model is what the log of a node must have.
type model struct {
	asked   map[string]bool   // records that it was to append, and that may be in it
	known   map[uint64]string // records that were acknowledged, or read
	end     uint64            // above all known numbers
	trimmed uint64            // records below may be gone
}

// kept requires that a record which was acknowledged, or read when the log was opened, is read from
// then on, at its place and unaltered, and that only records that were to be appended are read.
func kept() *check.Check {
	nodes := map[protocol.NodeID]*model{}
	return check.Always("the log has what it acknowledged", sim.Output, func(e *sim.Event) (bool, error) {
		m := nodes[e.Node]
		if m == nil {
			m = &model{asked: map[string]bool{}, known: map[uint64]string{}}
			nodes[e.Node] = m
		}
		switch e.Kind {
		case kindAsks:
			d := read[done](e)
			m.trimmed = max(m.trimmed, d.Number)
			if d.Record != "" {
				m.asked[d.Record] = true
			}
		case kindDoes:
			if d := read[done](e); d.Record != "" {
				return true, m.learn(d.Number, d.Record)
			}
		case kindOpens:
			if s := read[opened](e); s.Corrupt == "" {
				return true, m.opened(s)
			}
		}
		return false, nil
	})
}

// learn adds a record.
func (m *model) learn(number uint64, rec string) error {
	if was, ok := m.known[number]; ok && was != rec {
		return fmt.Errorf("record %d is %q; it was %q", number, rec, was)
	}
	m.known[number] = rec
	m.end = max(m.end, number+1)
	return nil
}

func (m *model) opened(s opened) error {
	places, asked := map[string]uint64{}, m.asked
	m.asked = map[string]bool{} // what is not read now never will be
	for i, r := range s.Records {
		number := s.First + uint64(i)
		if !asked[r] {
			return fmt.Errorf("record %d is %q, which nobody appended, or which was gone", number, r)
		}
		m.asked[r] = true
		if other, ok := places[r]; ok {
			return fmt.Errorf("records %d and %d are both %q, which was appended once", other, number, r)
		}
		places[r] = number
		if err := m.learn(number, r); err != nil {
			return err
		}
	}
	if s.First > 1 && s.First > m.trimmed {
		return fmt.Errorf("the log begins with record %d; it was trimmed up to %d", s.First, m.trimmed)
	}
	if after := s.First + uint64(len(s.Records)); after < m.end {
		return fmt.Errorf("record %d, %q, was acknowledged, or read before; the log ends with record %d", m.end-1, m.known[m.end-1], after-1)
	}
	return nil
}

// appended requires that when the faults are over, records are appended again.
func appended(until protocol.Time) *check.Check {
	return check.Answered("after the faults, records are appended", calm, until, kindAsks, kindDoes)
}
