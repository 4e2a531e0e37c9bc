package explore

import "fmt"

// Space is a set of states that can be reached step by step: a model, as those of
// TLA+ are. S must be all of a state, since equal ones are visited once.
type Space[S comparable] struct {
	Init []S
	// Next gives those that can follow s. It may give one several times, and s
	// itself.
	Next func(s S) []S
	// Holds reports what a state breaks, or nil. A nil Holds holds.
	Holds func(s S) error
	// Most, if not 0, is the number of states after which the search gives up.
	Most int
}

// Visited is what a search came to. Its numbers are those that TLC prints.
type Visited[S comparable] struct {
	Distinct  int  // states
	Generated int  // the initial ones, and each one that Next gave
	Depth     int  // states on the longest of the shortest ways from an initial one
	Complete  bool // all that can be reached were visited
	// Broken is what Holds said of the last state of Trace, which is a shortest way
	// to such a state, from an initial one; nil if all held.
	Broken error
	Trace  []S
}

// Search visits the states breadth first, so that what it finds broken it finds by
// a shortest way, and then it stops. All states are kept in memory.
func (x *Space[S]) Search() (v Visited[S]) {
	type place struct{ from, depth int } // from: index in order, or -1
	var order []S
	var places []place
	known := make(map[S]bool)
	visit := func(s S, from, depth int) (goOn bool) {
		v.Generated++
		if known[s] {
			return true
		}
		if x.Most > 0 && len(order) == x.Most {
			return false
		}
		known[s] = true
		order, places = append(order, s), append(places, place{from, depth})
		v.Distinct, v.Depth = len(order), depth
		if x.Holds == nil {
			return true
		}
		if v.Broken = x.Holds(s); v.Broken == nil {
			return true
		}
		for i := len(order) - 1; i >= 0; i = places[i].from {
			v.Trace = append([]S{order[i]}, v.Trace...)
		}
		return false
	}
	for _, s := range x.Init {
		if !visit(s, -1, 1) {
			return v
		}
	}
	for i := 0; i < len(order); i++ {
		for _, s := range x.Next(order[i]) {
			if !visit(s, i, places[i].depth+1) {
				return v
			}
		}
	}
	v.Complete = true
	return v
}

// String gives the numbers.
func (v Visited[S]) String() string {
	return fmt.Sprintf("%d distinct states, %d generated, depth %d", v.Distinct, v.Generated, v.Depth)
}
