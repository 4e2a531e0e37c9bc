package report

import (
	"math/bits"
	"slices"

	"dessim/sim/history"
	"dessim/sim/stats"
)

// figuresOf returns the figures of a run, or nothing.
func figuresOf(m *stats.Meter) Figures {
	f := Figures{Times: []Spread{}, Numbers: []Spread{}}
	if m == nil {
		return f
	}
	for _, t := range m.Times() {
		values := make([]uint64, len(t.Took))
		for i, took := range t.Took {
			values[i] = uint64(took)
		}
		s := spreadOf(t.Name, t.What, values)
		s.Open = t.Open()
		s.bin(values, timeBin)
		f.Times = append(f.Times, s)
	}
	for _, n := range m.Numbers() {
		values := slices.Clone(n.Values)
		s := spreadOf(n.Name, n.What, values)
		const most = 40 // bins
		s.Width = (s.Max-s.Min)/most + 1
		s.bin(values, func(v uint64) uint64 { return (v - s.Min) / s.Width })
		s.From = s.Min
		f.Numbers = append(f.Numbers, s)
	}
	return f
}

// spreadOf sorts values and returns their spread without bins.
func spreadOf(name, what string, values []uint64) Spread {
	s := Spread{Name: history.Cut(name), What: history.Cut(what), Count: len(values), Counts: []int{}}
	slices.Sort(values)
	if len(values) == 0 {
		return s
	}
	of := func(percent int) uint64 { return values[max((percent*len(values)+50)/100, 1)-1] }
	s.Min, s.P50, s.P90, s.P99, s.Max = values[0], of(50), of(90), of(99), values[len(values)-1]
	for _, v := range values {
		s.Sum += v
	}
	return s
}

// bin counts sorted values in bins, from that of the first to that of the last.
func (s *Spread) bin(values []uint64, bin func(v uint64) uint64) {
	if len(values) == 0 {
		return
	}
	s.From = bin(values[0])
	s.Counts = make([]int, bin(values[len(values)-1])-s.From+1)
	for _, v := range values {
		s.Counts[bin(v)-s.From]++
	}
}

// shortest is a power of two: what takes less is in the first bin.
const shortest = 1 << 10

// timeBin returns the bin of a duration. Each power of two has four bins of equal width: bin
// 4*i+j begins at (4+j)/4 * 2^i.
func timeBin(ns uint64) uint64 {
	ns = max(ns, shortest)
	i := bits.Len64(ns) - 1
	return uint64(4*i) + ns>>(i-2)&3
}
