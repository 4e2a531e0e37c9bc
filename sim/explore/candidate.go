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

	trial *Trial // once it has begun, and so is wait
	wait  sign   // of last
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

// grow returns the candidates with one misfortune more than c, the first to be tried first.
// most, unless it is -1, is how many runs there are for all candidates of c's level.
func (g *misfortuneSearch) grow(c *candidate, all []place, most, level int) []*candidate {
	if c.last == nil {
		places := make([]*place, len(all))
		for i := range all {
			places[i] = &all[i]
		}
		return inTurn(g.spread(g.at(c, places)))
	}
	if most >= 0 {
		const spare = 4 // for runs after which less can happen
		most = spare * (most + level - 1) / level
	}
	return g.cut(inTurn(g.slanted(g.at(c, near(c.last.place, all, g.usual, most)))), most)
}

// at returns the candidates with one misfortune more than c at one of the places, in the order
// of the places. It counts what is skipped.
func (g *misfortuneSearch) at(c *candidate, places []*place) (out []*candidate) {
	for _, p := range places {
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
			for i := range some {
				m := &some[i]
				m.kind, m.variant = k, i
				out = append(out, &candidate{parent: c, last: m, to: p.at + protocol.Time(m.lasts) + g.To - g.From})
			}
		}
	}
	return out
}

// spread divides candidates by their kind. Within a kind, those that do the same at like places
// take turns with others, and are spread over the run.
func (g *misfortuneSearch) spread(all []*candidate) [][]*candidate {
	type key struct {
		class
		variant int
	}
	of := make([]map[key]int, len(g.kinds))
	classes := make([][][]*candidate, len(g.kinds))
	for _, c := range all {
		i, k := c.last.kind, key{c.last.place.class(), c.last.variant}
		if of[i] == nil {
			of[i] = make(map[key]int)
		}
		n, known := of[i][k]
		if !known {
			n = len(classes[i])
			of[i][k] = n
			classes[i] = append(classes[i], nil)
		}
		classes[i][n] = append(classes[i][n], c)
	}
	out := make([][]*candidate, len(g.kinds))
	for i := range classes {
		for n := range classes[i] {
			classes[i][n] = spread(classes[i][n])
		}
		slices.SortStableFunc(classes[i], func(a, b []*candidate) int { return cmp.Compare(a[0].last.variant, b[0].last.variant) })
		out[i] = inTurn(classes[i])
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
// much they have to do with the place of an earlier misfortune. First come, in turn, those of
// what is not usual, with the first of each class first, and those that have a node in common
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
		c := *p // or all would stay in memory
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
