// Package stats measures a run: how long what a scenario names takes in virtual time, numbers
// such as the hops of a lookup, and the messages of each kind and node.
//
// A scenario names what it measures in Run.Measure, with a Meter:
//
//	Measure: func(m *stats.Meter) {
//		writes := m.Time("write", "from the request until it is acknowledged")
//		m.See(sim.Sent|sim.Output, func(e *sim.Event) {
//			switch e.Kind {
//			case KindRequest:
//				writes.Begin(string(e.Body), e.At)
//			case KindWritten:
//				writes.End(string(e.Body), e.At)
//			}
//		})
//	}
//
// Messages are counted without that. Nothing is measured unless a run is given a Meter, and a
// Meter changes nothing in the run. What it holds depends on the run alone.
package stats

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
)

// Meter measures one run. The zero Meter is ready to use.
type Meter struct {
	Traffic Traffic
	times   []*Time
	numbers []*Number
	seers   []sim.Observer
}

// Time returns the durations of that name, and makes them if there are none. what says where
// they begin and end: "from the request until it is acknowledged".
func (m *Meter) Time(name, what string) *Time {
	if i := slices.IndexFunc(m.times, func(t *Time) bool { return t.Name == name }); i >= 0 {
		return m.times[i]
	}
	t := &Time{Name: name, What: what, open: make(map[any]protocol.Time)}
	m.times = append(m.times, t)
	return t
}

// Number returns the numbers of that name, and makes them if there are none. what says what
// they count: "nodes asked one after the other".
func (m *Meter) Number(name, what string) *Number {
	if i := slices.IndexFunc(m.numbers, func(n *Number) bool { return n.Name == name }); i >= 0 {
		return m.numbers[i]
	}
	n := &Number{Name: name, What: what}
	m.numbers = append(m.numbers, n)
	return n
}

// Times returns all durations, in the order in which they were made.
func (m *Meter) Times() []*Time { return m.times }

// Numbers returns all numbers, in the order in which they were made.
func (m *Meter) Numbers() []*Number { return m.numbers }

// See calls f with each event that is in what, after the checks and what the run watches with
// have seen it.
func (m *Meter) See(what sim.What, f func(e *sim.Event)) {
	m.seers = append(m.seers, &seer{what, f, sim.ReadsAll})
}

// SeeAlone is See for an f that looks at nothing but the event and its own memory, so that the
// run can be in parts.
func (m *Meter) SeeAlone(what sim.What, f func(e *sim.Event)) {
	m.seers = append(m.seers, &seer{what, f, sim.ReadsEvents})
}

// Observers returns what must observe the run.
func (m *Meter) Observers() []sim.Observer { return append([]sim.Observer{&m.Traffic}, m.seers...) }

// seer is an Observer.
type seer struct {
	what  sim.What
	see   func(e *sim.Event)
	reads sim.Reads
}

func (s *seer) Watch() sim.What      { return s.what }
func (s *seer) Reads() sim.Reads     { return s.reads }
func (s *seer) Observe(e *sim.Event) { s.see(e) }

// Time is how long something took, each time that it happened.
type Time struct {
	Name, What string
	Took       []time.Duration // in the order in which they ended

	open map[any]protocol.Time
}

// Begin notes that what key names begins, unless it has begun and not ended: an operation that
// is tried again lasts from the first try on. Key must be comparable, and is kept.
func (t *Time) Begin(key any, at protocol.Time) {
	if _, open := t.open[key]; !open {
		t.open[key] = at
	}
}

// End notes that what key names ends, and reports whether it had begun: if not, or if it has
// ended before, nothing happens.
func (t *Time) End(key any, at protocol.Time) bool {
	from, open := t.open[key]
	if open {
		delete(t.open, key)
		t.Add(at.Sub(from))
	}
	return open
}

// Forget takes back a Begin, and reports whether there is one: what key names will not end.
func (t *Time) Forget(key any) bool {
	_, open := t.open[key]
	delete(t.open, key)
	return open
}

// Add notes how long something took that began and ended.
func (t *Time) Add(took time.Duration) { t.Took = append(t.Took, took) }

// Open returns how many have begun and not ended.
func (t *Time) Open() int { return len(t.open) }

// Number is a number that something has each time that it happens.
type Number struct {
	Name, What string
	Values     []uint64 // in the order in which they were added
}

// Add notes a number.
func (n *Number) Add(x uint64) { n.Values = append(n.Values, x) }
