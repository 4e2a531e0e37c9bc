package abcast

import "slices"

// searchSteps bounds the search for the members of a view. With it the search is
// exhaustive for up to 24 nodes, whoever is cut off from whom. Among more nodes it could
// miss a majority, but not when what is cut is few nodes, or parts.
const searchSteps = 2000

// A search looks for nodes that are all connected with each other, where some pairs are
// not.
type search struct {
	self     int
	majority int
	missing  []places // by place: the candidates that are not connected with that one
	steps    int      // left
}

// choose returns the members of a view that self would lead: candidates, self among
// them, that are all connected with each other, at least a majority, so that no other
// candidate could be added; or nil, if there are none. All candidates are connected
// with self. hears returns whom a candidate says that it hears.
func choose(self, majority int, candidates places, hears func(q int) places) places {
	if candidates.count() < majority {
		return nil
	}
	s := &search{self: self, majority: majority, steps: searchSteps}
	if !s.compare(candidates, hears) {
		return slices.Clone(candidates)
	}
	set := s.find(candidates)
	if set == nil {
		return nil
	}
	for q, missing := range s.missing {
		if missing != nil && !set.has(q) && set.common(missing) == 0 {
			set.add(q)
		}
	}
	return set
}

// compare finds the pairs of which one does not hear the other. It reports whether
// there are any.
func (s *search) compare(candidates places, hears func(q int) places) (any bool) {
	n := 64 * len(candidates)
	for q := range candidates.all() {
		if q == s.self || candidates.within(hears(q)) {
			continue
		}
		deaf := candidates.without(hears(q))
		deaf.remove(q)
		if !any {
			any = true
			s.missing = make([]places, n)
			for c := range candidates.all() {
				s.missing[c] = newPlaces(n)
			}
		}
		for c := range deaf.all() {
			s.missing[q].add(c)
			s.missing[c].add(q)
		}
	}
	return any
}

// find returns a majority of left that are all connected with each other, or nil. It
// leaves out the node that lacks most of the others, the highest of several; if that
// does not lead to a majority, it keeps that node and leaves out those that it lacks.
func (s *search) find(left places) places {
	if left.count() < s.majority {
		return nil
	}
	worst, most := 0, 0
	for q, missing := range s.missing {
		if missing != nil && left.has(q) {
			if n := left.common(missing); n > 0 && n >= most {
				worst, most = q, n
			}
		}
	}
	if most == 0 {
		return slices.Clone(left)
	}
	if s.steps--; s.steps < 0 {
		return nil
	}
	fewer := slices.Clone(left)
	fewer.remove(worst)
	if found := s.find(fewer); found != nil || most == 1 {
		return found // all that are left lack one each, so keeping either is the same
	}
	return s.find(left.without(s.missing[worst]))
}
