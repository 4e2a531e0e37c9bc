package explore_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dessim/sim/explore"
)

// The specification TwoPhase of Gray and Lamport, "Consensus on Transaction Commit"
// (ACM TODS 31(1), 2006), section 4 and appendix, for three resource managers. The
// names are theirs. Messages are never consumed: msgs only grows, and a message
// once sent can be received at any time, and again.
const rms = 3

type rmState uint8

const (
	working rmState = iota
	prepared
	committed
	aborted
)

type tmState uint8

const (
	tmInit tmState = iota
	tmCommitted
	tmAborted
)

type twoPhase struct {
	rmState     [rms]rmState
	tmState     tmState
	tmPrepared  [rms]bool // the RMs from which the TM has received "Prepared"
	msgPrepared [rms]bool // msgs
	msgCommit   bool
	msgAbort    bool
	// hasty is no variable but a constant: the planted bug, a TM that commits without
	// having heard from the last RM.
	hasty bool
}

// next is TPNext: each disjunct whose guard holds gives one state.
func (s twoPhase) next() (out []twoPhase) {
	action := func(guard bool, change func(t *twoPhase)) {
		if guard {
			t := s
			change(&t)
			out = append(out, t)
		}
	}
	all := s.tmPrepared == [rms]bool{true, true, true} || s.hasty && s.tmPrepared[0] && s.tmPrepared[1]
	action(s.tmState == tmInit && all, func(t *twoPhase) { // TMCommit
		t.tmState, t.msgCommit = tmCommitted, true
	})
	action(s.tmState == tmInit, func(t *twoPhase) { // TMAbort
		t.tmState, t.msgAbort = tmAborted, true
	})
	for rm := range rms {
		action(s.tmState == tmInit && s.msgPrepared[rm], func(t *twoPhase) { // TMRcvPrepared
			t.tmPrepared[rm] = true
		})
		action(s.rmState[rm] == working, func(t *twoPhase) { // RMPrepare
			t.rmState[rm], t.msgPrepared[rm] = prepared, true
		})
		action(s.rmState[rm] == working, func(t *twoPhase) { // RMChooseToAbort
			t.rmState[rm] = aborted
		})
		action(s.msgCommit, func(t *twoPhase) { // RMRcvCommitMsg
			t.rmState[rm] = committed
		})
		action(s.msgAbort, func(t *twoPhase) { // RMRcvAbortMsg
			t.rmState[rm] = aborted
		})
	}
	return out
}

var errInconsistent = errors.New("one resource manager has committed, another aborted")

// consistent is TCConsistent.
func (s twoPhase) consistent() error {
	if slices.Contains(s.rmState[:], committed) && slices.Contains(s.rmState[:], aborted) {
		return errInconsistent
	}
	return nil
}

func (s twoPhase) space() *explore.Space[twoPhase] {
	return &explore.Space[twoPhase]{Init: []twoPhase{s}, Next: twoPhase.next, Holds: twoPhase.consistent}
}

func TestTwoPhaseHasThePublishedNumberOfStates(t *testing.T) {
	v := twoPhase{}.space().Search()
	if v.Distinct != 288 || v.Generated != 1146 || v.Depth != 11 {
		t.Errorf("%v; TLC finds 288 distinct states, 1146 generated, depth 11", v)
	}
	if v.Broken != nil || !v.Complete {
		t.Errorf("the search ends with %v, complete %v", v.Broken, v.Complete)
	}
}

func TestAHastyCoordinatorIsFoundByAShortestWay(t *testing.T) {
	v := twoPhase{hasty: true}.space().Search()
	if !errors.Is(v.Broken, errInconsistent) || v.Complete {
		t.Fatalf("the search ends with %v, complete %v; want %v", v.Broken, v.Complete, errInconsistent)
	}
	// Two prepare and are heard, the third aborts, the TM commits, and one hears it.
	if len(v.Trace) != 8 {
		t.Errorf("the trace has %d states, want 8: %+v", len(v.Trace), v.Trace)
	}
	for i, s := range v.Trace[1:] {
		if !slices.Contains(v.Trace[i].next(), s) {
			t.Errorf("state %d of the trace does not follow from the one before: %+v", i+1, s)
		}
	}
}

func TestASearchGivesUpAfterSoManyStates(t *testing.T) {
	x := twoPhase{}.space()
	x.Most = 100
	if v := x.Search(); v.Distinct != 100 || v.Complete {
		t.Errorf("%v, complete %v; want 100 distinct states and no more", v, v.Complete)
	}
	x.Most = 288
	if v := x.Search(); v.Distinct != 288 || !v.Complete {
		t.Errorf("%v, complete %v; want all 288", v, v.Complete)
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
		x := explore.Space[int]{Init: []int{0}, Next: func(s int) []int { return edges[s] }}
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
