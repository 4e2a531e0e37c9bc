package explore

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim/source"
	"dessim/sim/swarm"
)

// Strategy is how a sweep answers the questions of its seeds. Under each of them a
// run is a function of its seed, and of the seeds before it if it is Guided.
type Strategy uint8

// The strategies.
const (
	Random Strategy = iota // by the seed alone
	Swarm                  // some kinds of misfortunes are ruled out: see swarmed
	PCT                    // messages travel by priorities: see priorities
	Guided                 // by mutations of what reached something new: see mutant
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

// ParseStrategy finds a strategy by its name.
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
	Ancestors []uint64 // of the mutant, the first one first
}

// Salt returns the seed that salts the identities. A mutant has those of its first
// ancestor: with others, every question would have another name.
func (r SeedRun) Salt() uint64 {
	if len(r.Ancestors) > 0 {
		return r.Ancestors[0]
	}
	return r.Seed
}

// source returns who answers in r.
func (s Strategy) source(r SeedRun) protocol.Source {
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

// swarmed answers by a seed that rules out, of all kinds of misfortunes that have a
// chance, about half (Groce, Zhang, Eide, Chen, Regehr: Swarm testing, ISSTA 2012).
// Where the faults are drawn as a swarm already, theirs are left alone.
type swarmed struct {
	source.Seed
	drawn bool // as a swarm already
	kinds []ruled
}

type ruled struct {
	kind protocol.Kind
	out  bool
}

// Domains of what is drawn from seeds here, apart from the answers of source.Seed.
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

// rules reports whether the seed rules the kind out. Runs have a handful of kinds, and
// the usual one stands in front.
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
