package cmdline

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"dessim/protocol"
	"dessim/sim/stats"
)

// totals are the figures of one or more runs.
type totals struct {
	times   []*spread // of nanoseconds
	numbers []*spread
	traffic stats.Traffic
}

// spread is how the values of one name are spread.
type spread struct {
	name, what string
	open       int // that have not ended
	values     *hdrhistogram.Histogram
	sum        uint64
	min, max   uint64 // exactly
}

// add takes the figures of a run.
func (t *totals) add(m *stats.Meter) {
	for _, x := range m.Times() {
		s := spreadOf(&t.times, x.Name, x.What)
		s.open += x.Open()
		for _, took := range x.Took {
			s.take(uint64(took))
		}
	}
	for _, x := range m.Numbers() {
		s := spreadOf(&t.numbers, x.Name, x.What)
		for _, n := range x.Values {
			s.take(n)
		}
	}
	t.traffic.Add(&m.Traffic)
}

// spreadOf returns that of a name, and makes it if there is none.
func spreadOf(all *[]*spread, name, what string) *spread {
	for _, s := range *all {
		if s.name == name {
			return s
		}
	}
	s := &spread{name: name, what: what, values: hdrhistogram.New(1, int64(protocol.MaxTime), digits)}
	*all = append(*all, s)
	return s
}

// take takes a value. None is above the longest time.
func (s *spread) take(v uint64) {
	v = min(v, uint64(protocol.MaxTime))
	if s.count() == 0 {
		s.min = v
	}
	s.min, s.max, s.sum = min(s.min, v), max(s.max, v), s.sum+v
	if err := s.values.RecordValue(int64(v)); err != nil {
		panic(fmt.Sprintf("%s: %v", s.name, err)) // it is in range
	}
}

func (s *spread) count() uint64 { return uint64(s.values.TotalCount()) }

// mean is 0 without values.
func (s *spread) mean() uint64 { return s.sum / max(s.count(), 1) }

// percentiles are those that are shown, with their heads in the tables and their keys in the
// JSON object.
var percentiles = []struct {
	head, key string
	percent   float64
}{{"p50", "p50", 50}, {"p90", "p90", 90}, {"p99", "p99", 99}, {"p99.9", "p999", 99.9}}

// percentile returns the value of that rank among all, to three digits. The histogram rounds
// up, so the greatest bounds it.
func (s *spread) percentile(percent float64) uint64 {
	return min(uint64(s.values.ValueAtQuantile(percent)), s.max)
}

// row returns the least value, the percentiles and the greatest, as text; nothing if there is
// no value.
func (s *spread) row(text func(uint64) string) []string {
	cells := make([]string, 0, len(percentiles)+2)
	if s.count() == 0 {
		return cells
	}
	cells = append(cells, text(s.min))
	for _, p := range percentiles {
		cells = append(cells, text(s.percentile(p.percent)))
	}
	return append(cells, text(s.max))
}

// object returns the same as numbers, whose keys end in unit.
func (s *spread) object(unit string) ordered {
	o := ordered{{"name", s.name}, {"what", s.what}, {"count", s.count()}}
	if s.count() == 0 {
		return o
	}
	o = append(o, field{"mean" + unit, s.mean()}, field{"min" + unit, s.min})
	for _, p := range percentiles {
		o = append(o, field{p.key + unit, s.percentile(p.percent)})
	}
	return append(o, field{"max" + unit, s.max})
}

// threeDigits returns a time for people, rounded to three digits.
func threeDigits(ns uint64) string {
	unit := time.Duration(1)
	for t := ns; t >= 1000; t /= 10 {
		unit *= 10
	}
	return plain(time.Duration(ns).Round(unit).String())
}
