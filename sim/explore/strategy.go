package explore

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim/source"
	"dessim/sim/swarm"
)

// Strategy is how a sweep answers the questions of its seeds. Under each strategy a run is
// a function of its seed, and under Guided also of the seeds before it.
type Strategy uint8

// The strategies.
const (
	Random Strategy = iota // by the seed alone
	Swarm                  // the seed rules out some kinds of faults: see swarmed
	PCT                    // the priorities of messages decide their delays: see priorities
	Guided                 // mutates runs that reached something new: see mutant
)

// Strategies returns all of them.
func Strategies() []Strategy { return []Strategy{Random, Swarm, PCT, Guided} }

// String returns the name.
func (s Strategy) String() string {
	names := [...]string{"random", "swarm", "pct", "guided"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("strategy %d", uint8(s))
}

// ParseStrategy returns the strategy of that name.
func ParseStrategy(name string) (Strategy, error) {
	var names []string
	for _, s := range Strategies() {
		if s.String() == name {
			return s, nil
		}
		names = append(names, s.String())
	}
	return 0, fmt.Errorf("explore: strategy %q, want %s", name, strings.Join(names, ", "))
}

// A SeedRun names a run of a sweep. Only a guided one has ancestors.
type SeedRun struct {
	Seed      uint64
	Ancestors []uint64 // of the mutant, the oldest first
}

// Salt returns the seed that salts the identities. A mutant has the identities of its oldest
// ancestor: with others, every question would have another name.
func (r SeedRun) Salt() uint64 {
	if len(r.Ancestors) > 0 {
		return r.Ancestors[0]
	}
	return r.Seed
}

// Source returns the source that answers the questions of the run r.
func (s Strategy) Source(r SeedRun) protocol.Source {
	switch {
	case s == Swarm:
		return &swarmed{Seed: source.Seed(r.Seed)}
	case s == PCT:
		return newPriorities(r.Seed)
	case s == Guided && len(r.Ancestors) > 0:
		return newMutant(r)
	}
	return source.Seed(r.Seed)
}

// swarmed answers by a seed that rules out about half of the kinds of questions that are
// asked as a Chance (Groce, Zhang, Eide, Chen, Regehr: Swarm testing, ISSTA 2012). If the
// faults are already drawn as a swarm, it rules out none of their kinds.
type swarmed struct {
	source.Seed
	drawn bool // the faults are drawn as a swarm
	kinds []ruled
}

type ruled struct {
	kind protocol.Kind
	out  bool
}

// These keep draws from a seed apart from each other and from the answers of source.Seed.
const (
	drawRuled = 0x5357_0001 + iota
	drawLow
	drawLink
	drawChanges
	drawScale
	drawChange
	drawFresh
	drawParent
	drawRate
	drawMutate
)

// Chance answers true with probability p, or never.
func (s *swarmed) Chance(k protocol.Key, p protocol.Ratio) bool {
	if swarm.DrawsKinds(k.Kind) {
		s.drawn = true
	}
	return !s.rules(k.Kind) && s.Seed.Chance(k, p)
}

// rules reports whether the seed rules the kind out. A run has a handful of kinds, and the
// most frequent tends to come first.
func (s *swarmed) rules(kind protocol.Kind) bool {
	for i := range s.kinds {
		if s.kinds[i].kind == kind {
			return s.kinds[i].out
		}
	}
	out := protocol.Hash3(drawRuled, uint64(s.Seed), uint64(kind))>>63 == 1
	if s.drawn && swarm.Draws(kind) {
		out = false
	}
	s.kinds = append(s.kinds, ruled{kind, out})
	return out
}
