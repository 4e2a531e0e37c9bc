package exhaustive_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
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

func (s twoPhase) space() *space[twoPhase] {
	return &space[twoPhase]{Init: []twoPhase{s}, Next: twoPhase.next, Holds: twoPhase.consistent}
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

func TestTwoPhaseHasNoDeadlock(t *testing.T) {
	x := twoPhase{}.space()
	x.Ends = func(s twoPhase) bool {
		return !slices.Contains(s.rmState[:], working) && !slices.Contains(s.rmState[:], prepared)
	}
	if v := x.Search(); v.Broken != nil || v.Distinct != 288 {
		t.Errorf("%v, broken %v", v, v.Broken)
	}
}

// A specified is what of a state of the specification can be seen of the machine: how
// two of the RMs stand, and whether the TM has committed. (That it has aborted, a TM
// that crashed does not know.)
type specified struct {
	rms       [2]rmState
	committed bool
}

// allowed gives all that the specification can come to.
func allowed() map[specified]bool {
	can := make(map[specified]bool)
	x := twoPhase{}.space()
	x.Holds = func(s twoPhase) error {
		can[specified{[2]rmState(s.rmState[:2]), s.tmState == tmCommitted}] = true
		return s.consistent()
	}
	x.Search()
	return can
}

// specified gives how the participants stand, as their last outputs say.
func (b *ballot) specified() (s specified) {
	for i, id := range participants {
		switch d := b.decisions[id]; {
		case slices.Contains(d, true):
			s.rms[i] = committed
		case len(d) > 0:
			s.rms[i] = aborted
		case b.yes(id):
			s.rms[i] = prepared
		}
	}
	s.committed = slices.Contains(b.decisions[0], true)
	return s
}

// refines demands that the specification can come to where the machine has come.
func (b *ballot) refines(can map[specified]bool) error {
	if s := b.specified(); !can[s] {
		return fmt.Errorf("participants vote %v, nodes decide %v: the specification never comes there", b.votes[1:], b.decisions)
	}
	return nil
}
