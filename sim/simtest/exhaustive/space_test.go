package exhaustive_test

import (
	"errors"
	"fmt"
	"slices"
)

// space is a set of states that can be reached step by step: a model in the sense of
// TLA+. S must hold the whole state, since equal values are visited once. space knows no
// nodes: it is for a protocol's specification, whose reachable states can then judge runs
// of the protocol itself.
type space[S comparable] struct {
	Init []S
	// Next returns the states that can follow s. Repetitions, and s itself, are allowed.
	Next func(s S) []S
	// Holds, if not nil, returns an error if the state breaks an invariant.
	Holds func(s S) error
	// Ends, if not nil, reports whether a state may be the last one. A state that only
	// itself can follow is a deadlock if it may not.
	Ends func(s S) bool
	// Within, if not nil, is a constraint: states outside it are visited and judged, but
	// not continued from.
	Within func(s S) bool
	// Most, if not 0, is the number of states after which the search gives up.
	Most int
}

// visited is the result of a search. Its numbers are those that TLC prints.
type visited[S comparable] struct {
	Distinct  int  // distinct states
	Generated int  // initial states, and all that Next returned
	Depth     int  // states on the longest of the shortest paths from an initial state
	Beyond    int  // of Distinct, states that Within excludes
	Complete  bool // all reachable states were visited, except what follows those Beyond
	// Broken is the error of Holds for the last state of Trace, or errDeadlock. Trace is a
	// shortest path to it from an initial state. Both are nil if nothing is broken.
	Broken error
	Trace  []S
}

// errDeadlock is the error of a state that has no successor and that Ends does not
// accept as the last.
var errDeadlock = errors.New("deadlock: nothing more can happen")

// Search visits the states breadth first and stops at the first that is broken, so its
// Trace is as short as possible. All states are kept in memory.
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

// walk is a Search in progress.
type walk[S comparable] struct {
	*space[S]
	v      visited[S]
	known  map[S]bool
	order  []S
	places []place
}

// place is how a state was reached: from the state of that index, or -1 for an initial one.
type place struct{ from, depth int }

// visit judges a state if it is new. It reports false when the search is over.
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

// expand visits the successors of state i. It reports false when the search is over.
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

// holds reports whether wrong is nil; otherwise it records the trace to state i.
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

// String returns the numbers.
func (v visited[S]) String() string {
	s := fmt.Sprintf("%d distinct states, %d generated, depth %d", v.Distinct, v.Generated, v.Depth)
	if v.Beyond > 0 {
		s += fmt.Sprintf("; successors of %d of them not visited", v.Beyond)
	}
	return s
}
