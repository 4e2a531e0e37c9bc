package exhaustive_test

import (
	"errors"
	"fmt"
	"slices"
)

// space is a set of states that can be reached step by step: a model, as those of
// TLA+ are. S must be all of a state, since equal ones are visited once. It knows no
// nodes: it is for the specification of a protocol, and what that comes to can judge
// the runs of the protocol itself.
type space[S comparable] struct {
	Init []S
	// Next gives those that can follow s. It may give one several times, and s
	// itself.
	Next func(s S) []S
	// Holds reports what a state breaks, or nil. A nil Holds holds.
	Holds func(s S) error
	// Ends, if not nil, reports whether a state may be a last one: whether all has come
	// that must come. A state that is followed by no other, itself aside, and does not
	// end is a deadlock.
	Ends func(s S) bool
	// Within, if not nil, is a constraint: states that it reports false of are visited,
	// and judged, but what follows them is not.
	Within func(s S) bool
	// Most, if not 0, is the number of states after which the search gives up.
	Most int
}

// visited is what a search came to. Its numbers are those that TLC prints.
type visited[S comparable] struct {
	Distinct  int  // states
	Generated int  // the initial ones, and each one that Next gave
	Depth     int  // states on the longest of the shortest ways from an initial one
	Beyond    int  // of Distinct: states that Within excludes
	Complete  bool // all that can be reached were visited, but for what follows those Beyond
	// Broken is what Holds said of the last state of Trace, or errDeadlock of it. Trace is
	// a shortest way to such a state, from an initial one. Nil if there is none.
	Broken error
	Trace  []S
}

// errDeadlock is what is broken in a state in which nothing more can happen, though
// not all has come that must.
var errDeadlock = errors.New("deadlock: nothing more can happen")

// Search visits the states breadth first, so that what it finds broken it finds by
// a shortest way, and then it stops. All states are kept in memory.
func (x *space[S]) Search() visited[S] {
	w := &walk[S]{space: x, known: make(map[S]bool)}
	for _, s := range x.Init {
		if !w.visit(s, -1, 1) {
			return w.v
		}
	}
	for i := 0; i < len(w.order); i++ {
		if !w.expand(i) {
			return w.v
		}
	}
	w.v.Complete = true
	return w.v
}

// walk is a Search under way.
type walk[S comparable] struct {
	*space[S]
	v      visited[S]
	known  map[S]bool
	order  []S
	places []place
}

// place is how a state was come by: from the one of that index, or -1.
type place struct{ from, depth int }

// visit judges a state that is new. It reports false when the search is over.
func (w *walk[S]) visit(s S, from, depth int) bool {
	w.v.Generated++
	if w.known[s] {
		return true
	}
	if w.Most > 0 && len(w.order) == w.Most {
		return false
	}
	w.known[s] = true
	w.order, w.places = append(w.order, s), append(w.places, place{from, depth})
	w.v.Distinct, w.v.Depth = len(w.order), depth
	if w.Holds == nil {
		return true
	}
	return w.holds(len(w.order)-1, w.Holds(s))
}

// expand visits what follows state i. It reports false when the search is over.
func (w *walk[S]) expand(i int) bool {
	s, stuck := w.order[i], true
	if w.Within != nil && !w.Within(s) {
		w.v.Beyond++
		return true
	}
	for _, next := range w.Next(s) {
		stuck = stuck && next == s
		if !w.visit(next, i, w.places[i].depth+1) {
			return false
		}
	}
	if stuck && w.Ends != nil && !w.Ends(s) {
		return w.holds(i, errDeadlock)
	}
	return true
}

// holds reports whether nothing is wrong with state i, and otherwise how it is reached.
func (w *walk[S]) holds(i int, wrong error) bool {
	if w.v.Broken = wrong; wrong == nil {
		return true
	}
	for ; i >= 0; i = w.places[i].from {
		w.v.Trace = append(w.v.Trace, w.order[i])
	}
	slices.Reverse(w.v.Trace)
	return false
}

// String gives the numbers.
func (v visited[S]) String() string {
	s := fmt.Sprintf("%d distinct states, %d generated, depth %d", v.Distinct, v.Generated, v.Depth)
	if v.Beyond > 0 {
		s += fmt.Sprintf("; what follows %d of them was not visited", v.Beyond)
	}
	return s
}
