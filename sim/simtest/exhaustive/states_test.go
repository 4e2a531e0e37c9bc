package exhaustive_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestADeadlockIsFoundByAShortestWay(t *testing.T) {
	// From 0 by adding 2 or 3, up to 7: from 6 and 7 nothing follows, or the same again.
	x := space[int]{Init: []int{0}, Next: func(s int) (next []int) {
		for _, step := range []int{0, 2, 3} {
			if s+step <= 7 {
				next = append(next, s+step)
			}
		}
		return next
	}}
	if v := x.Search(); v.Broken != nil || !v.Complete {
		t.Errorf("without Ends the search ends with %v, complete %v", v.Broken, v.Complete)
	}
	x.Ends = func(s int) bool { return s == 6 || s == 7 }
	if v := x.Search(); v.Broken != nil || !v.Complete {
		t.Errorf("the search ends with %v, complete %v", v.Broken, v.Complete)
	}
	x.Ends = func(s int) bool { return s == 7 }
	v := x.Search()
	if !errors.Is(v.Broken, errDeadlock) || v.Complete || !slices.Equal(v.Trace, []int{0, 3, 6}) {
		t.Errorf("the search ends with %v by %v, complete %v; want a deadlock by 0, 3, 6", v.Broken, v.Trace, v.Complete)
	}
}

func TestWhatFollowsStatesBeyondAConstraintIsNotVisited(t *testing.T) {
	x := space[int]{
		Init:   []int{0},
		Next:   func(s int) []int { return []int{s + 1, s + 2} },
		Within: func(s int) bool { return s < 10 },
		Ends:   func(int) bool { return false },
	}
	v := x.Search()
	if v.Distinct != 12 || v.Beyond != 2 || !v.Complete || v.Broken != nil {
		t.Errorf("%v, broken %v; want 0 to 11, of which 10 and 11 are beyond", v, v.Broken)
	}
	if want := "12 distinct states, 21 generated, depth 7; successors of 2 of them not visited"; v.String() != want {
		t.Errorf("%q, want %q", v.String(), want)
	}
	x.Holds = func(s int) error {
		if s == 11 {
			return errInconsistent
		}
		return nil
	}
	if v := x.Search(); v.Broken == nil {
		t.Error("a state beyond the constraint is not judged")
	}
}

func TestASearchGivesUpAfterSoManyStates(t *testing.T) {
	x := space[int]{Init: []int{0}, Next: func(s int) []int { return []int{(s + 1) % 200} }, Most: 100}
	if v := x.Search(); v.Distinct != 100 || v.Complete {
		t.Errorf("%v, complete %v; want 100 distinct states and no more", v, v.Complete)
	}
	x.Most = 200
	if v := x.Search(); v.Distinct != 200 || !v.Complete {
		t.Errorf("%v, complete %v; want all 200", v, v.Complete)
	}
}

// TestASearchFindsTheShortestWays compares with the slow twin: distances by
// relaxing all edges as often as there are states.
func TestASearchFindsTheShortestWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const far = 1000
		n := rapid.IntRange(1, 12).Draw(t, "states")
		edges := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 3), n, n).Draw(t, "edges")
		bad := rapid.IntRange(0, n).Draw(t, "bad")
		dist := slices.Repeat([]int{far}, n+1)
		dist[0] = 1
		for range n {
			for i := range n {
				for _, j := range edges[i] {
					dist[j] = min(dist[j], dist[i]+1)
				}
			}
		}
		x := space[int]{Init: []int{0}, Next: func(s int) []int { return edges[s] }}
		all := x.Search()
		generated, distinct, depth := 1, 0, 0
		for i, d := range dist[:n] {
			if d < far {
				distinct++
				generated += len(edges[i])
				depth = max(depth, d)
			}
		}
		if all.Distinct != distinct || all.Generated != generated || all.Depth != depth || !all.Complete {
			t.Fatalf("%v, complete %v; want %d distinct, %d generated, depth %d", all, all.Complete, distinct, generated, depth)
		}
		x.Holds = func(s int) error {
			if s == bad {
				return errInconsistent
			}
			return nil
		}
		v := x.Search()
		if found := v.Broken != nil; found != (dist[bad] < far) {
			t.Fatalf("bad state %d at distance %d: found %v", bad, dist[bad], found)
		}
		if v.Broken != nil && (len(v.Trace) != dist[bad] || v.Trace[0] != 0 || v.Trace[len(v.Trace)-1] != bad) {
			t.Fatalf("trace %v, want %d states from 0 to %d", v.Trace, dist[bad], bad)
		}
	})
}
