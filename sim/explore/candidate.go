package explore

import (
	"cmp"
	"math/bits"
	"slices"

	"dessim/protocol"
)

// candidate is a run of a search of Misfortunes: that of its parent, with one misfortune more.
type candidate struct {
	parent *candidate
	last   *misfortune   // nil: none, and no parent
	to     protocol.Time // when a further misfortune comes at the latest

	trial *Trial // set by begin, like wait
	wait  sign   // that last has begun
}

// begin sets the trial.
func (c *candidate) begin() {
	if c.last != nil {
		c.trial, c.wait = c.last.with(c.parent.trial)
	}
}

// words says what happens, in order.
func (c *candidate) words() []string {
	if c.last == nil {
		return nil
	}
	return append(c.parent.words(), c.last.String())
}

// grow returns the candidates with one misfortune more than c, in the order in which they are tried.
// most, unless it is -1, is the number of runs for all candidates of the next level.
func (g *misfortuneSearch) grow(c *candidate, all []place, most, level int) []*candidate {
	if c.last == nil {
		return g.first(c, all, most)
	}
	if most >= 0 {
		const spare = 4 // since some runs have fewer candidates than others
		most = spare * (most + level - 1) / level
	}
	return g.cut(inTurn(g.slanted(g.at(c, near(c.last.place, all, g.usual, most)))), most)
}

// at returns the candidates with one misfortune more than c at one of the places, in the order
// of the places.
func (g *misfortuneSearch) at(c *candidate, places []*place) (out []*candidate) {
	for _, p := range places {
		g.each(c, p, func(kind int, some []misfortune) {
			for variant := range some {
				out = append(out, g.candidate(c, kind, variant, some[variant]))
			}
		})
	}
	return out
}

// each calls see with the misfortunes of each kind at a place that can follow those of c. It
// counts those that are skipped.
func (g *misfortuneSearch) each(c *candidate, p *place, see func(kind int, some []misfortune)) {
	for k := range g.kinds {
		if !g.tries[k] {
			continue
		}
		some, skipped, ok := g.kinds[k].at(&g.Misfortunes, p)
		if ok && c.last == nil {
			g.found.Kinds[k].Places++
		}
		g.found.Kinds[k].Skipped += skipped
		g.found.Skipped += skipped
		see(k, some)
	}
}

func (g *misfortuneSearch) candidate(parent *candidate, kind, variant int, m misfortune) *candidate {
	m.kind, m.variant = kind, variant
	return &candidate{parent: parent, last: &m, to: m.place.at + protocol.Time(m.lasts) + g.To - g.From}
}

// alike has the misfortunes of one kind that do the same at places of one class.
type alike struct {
	kind, variant int
	places        []int32 // indexes of the places: a long run has millions of misfortunes
}

// first returns the candidates with one misfortune, at most that many, or all if most is -1.
// Kinds alternate. Within a kind, groups of those that do the same at places of one class alternate, and
// each group is spread over the run.
func (g *misfortuneSearch) first(c *candidate, all []place, most int) (out []*candidate) {
	type key struct {
		kind, variant int
		class
	}
	index := make([]map[key]int, len(g.kinds))
	groups := make([][]alike, len(g.kinds))
	for i := range all {
		p := &all[i]
		g.each(c, p, func(kind int, some []misfortune) {
			if index[kind] == nil {
				index[kind] = make(map[key]int)
			}
			for variant := range some {
				k := key{kind, variant, p.class()}
				n, known := index[kind][k]
				if !known {
					n = len(groups[kind])
					index[kind][k] = n
					groups[kind] = append(groups[kind], alike{kind: kind, variant: variant})
				}
				groups[kind][n].places = append(groups[kind][n].places, int32(i))
			}
		})
	}
	kinds := make([][]site, len(g.kinds))
	for kind := range groups {
		kinds[kind] = sites(groups[kind], most)
		for _, a := range groups[kind] {
			g.untried(kind, len(a.places))
		}
	}
	sites := inTurn(kinds)
	if most >= 0 {
		sites = sites[:min(most, len(sites))]
	}
	for _, s := range sites {
		g.untried(s.kind, -1)
		some, _, _ := g.kinds[s.kind].at(&g.Misfortunes, &all[s.place])
		out = append(out, g.candidate(c, s.kind, s.variant, some[s.variant]))
	}
	return out
}

// untried counts n misfortunes for which no runs are left.
func (g *misfortuneSearch) untried(kind, n int) {
	g.found.Kinds[kind].Untried += n
	g.found.Untried += n
}

// site is a misfortune: one of a kind at a place.
type site struct{ kind, variant, place int }

// sites returns at most that many misfortunes, or all if most is -1. Groups alternate, those with
// lower variants first.
func sites(groups []alike, most int) (out []site) {
	slices.SortStableFunc(groups, func(a, b alike) int { return cmp.Compare(a.variant, b.variant) })
	longest := 0
	for i := range groups {
		groups[i].places = spread(groups[i].places)
		longest = max(longest, len(groups[i].places))
	}
	for i := range longest {
		for _, a := range groups {
			if len(out) == most {
				return out
			}
			if i < len(a.places) {
				out = append(out, site{a.kind, a.variant, int(a.places[i])})
			}
		}
	}
	return out
}

// slanted divides candidates, which are in the order of their places, by their kind. Within a
// kind, a place's second variant comes after the first one of the next two places, and so on.
func (g *misfortuneSearch) slanted(all []*candidate) [][]*candidate {
	const slant = 2
	out := make([][]*candidate, len(g.kinds))
	rank := make(map[*candidate]int, len(all))
	places := make([]int, len(g.kinds)) // so far, of each kind
	for _, c := range all {
		k := c.last.kind
		if n := len(out[k]); n == 0 || out[k][n-1].last.place != c.last.place {
			places[k]++
		}
		rank[c] = places[k] + slant*c.last.variant
		out[k] = append(out[k], c)
	}
	for k := range out {
		slices.SortStableFunc(out[k], func(a, b *candidate) int { return cmp.Compare(rank[a], rank[b]) })
	}
	return out
}

// near returns copies of at most that many places, or of all if most is -1, in the order of how
// much they have to do with the place of an earlier misfortune. First come, alternating, places of
// effects that are not usual, the first of each class first, and places that have a node in common
// with it; then the others.
func near(first *place, all []place, usual map[uint64]bool, most int) []*place {
	var unusual, touching, others []*place
	rank := make(map[*place]int)
	type site struct {
		class
		node protocol.NodeID
	}
	count := make(map[site]int)
	for i := range all {
		p := &all[i]
		switch {
		case !usual[p.same]:
			s := site{p.class(), p.node}
			rank[p] = count[s]
			count[s]++
			unusual = append(unusual, p)
		case p.touches(first):
			touching = append(touching, p)
		default:
			others = append(others, p)
		}
	}
	slices.SortStableFunc(unusual, func(a, b *place) int { return cmp.Compare(rank[a], rank[b]) })
	out := append(inTurn([][]*place{unusual, touching}), spread(others)...)
	if most >= 0 && len(out) > most {
		out = out[:most]
	}
	for i, p := range out {
		c := *p // otherwise all places would stay in memory
		out[i] = &c
	}
	return out
}

// touches reports whether both places have a node in common.
func (p *place) touches(o *place) bool {
	return p.node == o.node || o.sends() && p.node == o.peer || p.sends() && (p.peer == o.node || o.sends() && p.peer == o.peer)
}

// spread orders items so that the first n of them are spread over all, for each n: the first,
// the one in the middle, those in the middle of the halves, and so on.
func spread[T any](all []T) []T {
	out := make([]T, 0, len(all))
	width := bits.Len(uint(max(len(all)-1, 0)))
	for i := range 1 << width {
		if j := int(bits.Reverse64(uint64(i)) >> (64 - width)); j < len(all) {
			out = append(out, all[j])
		}
	}
	return out
}

// inTurn returns the first of each list, then the second of each, and so on.
func inTurn[T any](lists [][]T) (out []T) {
	longest := 0
	for _, l := range lists {
		longest = max(longest, len(l))
	}
	for i := range longest {
		for _, l := range lists {
			if i < len(l) {
				out = append(out, l[i])
			}
		}
	}
	return out
}
