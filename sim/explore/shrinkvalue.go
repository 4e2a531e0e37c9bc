package explore

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// values makes the remaining items smaller: answers lower, faults simpler. It reports
// whether it changed anything.
func (s *shrinker) values() (changed bool) {
	for i := 0; i < len(s.now.Faults) && !s.over(); i++ {
		for s.simplify(i) {
			changed = true
		}
	}
	for i := 0; i < len(s.now.Answers) && !s.over(); i++ {
		for s.lower(i) {
			changed = true
		}
	}
	return changed
}

// lower makes answer i smaller: 1, or a fraction of its value, rounded for readers.
func (s *shrinker) lower(i int) bool {
	now := s.now
	if i >= len(now.Answers) || now.Answers[i].Range == 0 {
		return false
	}
	v := now.Answers[i].Value
	var lower []uint64
	for _, c := range []uint64{1, round(v / 64), round(v / 8), round(v / 2), round(v)} {
		if 0 < c && c < v && !slices.Contains(lower, c) {
			lower = append(lower, c)
		}
	}
	_, ok := s.first(len(lower), func(j int) *Trial {
		t := *now
		t.Answers = slices.Clone(now.Answers)
		t.Answers[i].Value = lower[j]
		return &t
	})
	return ok
}

// round returns the greatest number of one digit and zeros that is at most n.
func round(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return n / unit * unit
}

// simplify makes fault i simpler in one respect.
func (s *shrinker) simplify(i int) bool {
	now := s.now
	if i >= len(now.Faults) {
		return false
	}
	simpler := simplerFaults(&now.Faults[i])
	_, ok := s.first(len(simpler), func(j int) *Trial {
		t := *now
		t.Faults = slices.Clone(now.Faults)
		t.Faults[i] = simpler[j]
		return valid(&t)
	})
	return ok
}

// simplerFaults returns what could replace f, the simplest first.
func simplerFaults(f *fault.Fault) (out []fault.Fault) {
	add := func(change func(g *fault.Fault)) {
		g := *f
		change(&g)
		out = append(out, g)
	}
	if f.Disk != fault.KeepNone {
		add(func(g *fault.Fault) { g.Disk = fault.KeepNone })
	}
	if f.Every != 0 {
		add(func(g *fault.Fault) { g.Every = 0 })
	}
	if f.After > 1 {
		add(func(g *fault.Fault) { g.After = 1 })
		add(func(g *fault.Fault) { g.After-- })
	}
	for _, part := range []time.Duration{16, 4, 2, 1} {
		if d := time.Duration(round(uint64(f.For / part))); time.Microsecond <= d && d < f.For {
			add(func(g *fault.Fault) { g.For = d })
		}
	}
	for i, group := range f.Groups {
		for j := range fewIn(group) {
			add(func(g *fault.Fault) {
				g.Groups = slices.Clone(f.Groups)
				g.Groups[i] = slices.Delete(slices.Clone(group), j, j+1)
			})
		}
	}
	return out
}

// fewIn returns the group if it is worth leaving out each member: not if it has many, which
// would cost too many runs.
func fewIn(group []protocol.NodeID) []protocol.NodeID {
	const few = 12
	if len(group) < 2 || len(group) > few {
		return nil
	}
	return group
}
