package source

import (
	"fmt"

	"dessim/protocol"
)

// Answer is one answer that was given. A question is its key and its range
// together: the same key may be asked with several ranges.
type Answer struct {
	Key   protocol.Key
	Range uint64 // n of a Choose, at least 2; 0 for a Chance
	Value uint64 // less than Range; 1 for a Chance, which is kept only if true

	// Comment is one line for people. Files carry it but reading ignores it.
	Comment string
}

// Recorder is a Source that asks another one and keeps the answers that matter.
type Recorder struct {
	// Source is who answers. It must be there.
	Source protocol.Source
	// Clock, if there, gives the time for the comments of the answers.
	Clock func() protocol.Time

	kept []keptAnswer
	last map[protocol.Key]int // number, from 1, of the newest in kept with that key
}

type keptAnswer struct {
	Answer
	at   protocol.Time
	prev int // number, from 1, of the one before with the same key; 0 if none
}

// Choose asks the Source.
func (r *Recorder) Choose(k protocol.Key, n uint64) uint64 {
	r.check()
	v := r.Source.Choose(k, n)
	// Benign choices are kept too, for Answers to decide. In runs with few
	// benign choices they cost little; benign chances are nearly all there is.
	r.keep(Answer{Key: k, Range: n, Value: v})
	return v
}

// Chance asks the Source.
func (r *Recorder) Chance(k protocol.Key, p protocol.Ratio) bool {
	r.check()
	v := r.Source.Chance(k, p)
	if v {
		r.keep(Answer{Key: k, Value: 1})
	}
	return v
}

func (r *Recorder) check() {
	if r.Source == nil {
		panic("source: a Recorder has no Source to ask")
	}
}

func (r *Recorder) keep(a Answer) {
	last := r.last[a.Key]
	for i := last; i != 0; i = r.kept[i-1].prev {
		if r.kept[i-1].Range == a.Range {
			return
		}
	}
	if r.last == nil {
		r.last = make(map[protocol.Key]int)
	}
	kept := keptAnswer{Answer: a, prev: last}
	if r.Clock != nil {
		kept.at = r.Clock()
	}
	r.kept = append(r.kept, kept)
	r.last[a.Key] = len(r.kept)
}

// Answers gives the answers that were not benign, in the order of their first
// asking; a Replay of them answers as the Source did. A benign one is among them
// only if its key was also asked with another range and answered otherwise
// there, because a Replay would guess the one from the other.
//
// One thing escapes: a key asked as Chance with two probabilities, true at one
// only, is true at both in the Replay.
func (r *Recorder) Answers() []Answer {
	var list []Answer
	for i := range r.kept {
		k := &r.kept[i]
		if k.Value == 0 && !r.unfortunate(k.Key) {
			continue
		}
		a := k.Answer
		if r.Clock != nil {
			a.Comment = k.at.String()
		}
		list = append(list, a)
	}
	return list
}

// unfortunate reports whether a choice under k was not benign.
func (r *Recorder) unfortunate(k protocol.Key) bool {
	for i := r.last[k]; i != 0; i = r.kept[i-1].prev {
		if a := &r.kept[i-1]; a.Range != 0 && a.Value != 0 {
			return true
		}
	}
	return false
}

// Replay is a Source that answers from a list, and benignly what is not in it.
type Replay struct {
	answers []replayAnswer
	first   map[protocol.Key]int // number, from 1, of the first in answers with that key
	stats   ReplayStats
}

type replayAnswer struct {
	Answer
	next  int // number, from 1, of the next with the same key; 0 if none
	state replayState
}

type replayState uint8

const (
	stale replayState = iota
	misfit
	used
)

// ReplayStats tells how a Replay's list fitted the run. Each answer of the list
// is in one of Used, Misfit and Stale. Anything but Used means that the program
// or the plan is not the one that was recorded.
type ReplayStats struct {
	Used   int // answers that were given at least once
	Misfit int // their keys were asked, but with no range they fit; benign was answered
	Stale  int // their keys were never asked
	// Adapted counts the questions answered by an answer that was recorded for
	// another range.
	Adapted uint64
}

// NewReplay makes a Replay of answers, which it copies. It panics if two answer
// the same question or a value is out of its range; those that ParseFile gives
// are sound.
func NewReplay(answers []Answer) *Replay {
	r := &Replay{
		answers: make([]replayAnswer, 0, len(answers)),
		first:   make(map[protocol.Key]int, len(answers)),
	}
	for _, a := range answers {
		if flaw := a.flaw(); flaw != "" {
			panic(fmt.Sprintf("source: replayed answer %v: %s", a.Key, flaw))
		}
		if !r.add(a) {
			panic(fmt.Sprintf("source: replayed answer %v: the question is answered twice", a.Key))
		}
	}
	r.stats.Stale = len(r.answers)
	return r
}

// add appends a, or reports that its question has an answer.
func (r *Replay) add(a Answer) bool {
	end := 0
	for i := r.first[a.Key]; i != 0; i = r.answers[i-1].next {
		if r.answers[i-1].Range == a.Range {
			return false
		}
		end = i
	}
	r.answers = append(r.answers, replayAnswer{Answer: a})
	if end == 0 {
		r.first[a.Key] = len(r.answers)
	} else {
		r.answers[end-1].next = len(r.answers)
	}
	return true
}

// flaw tells what is wrong with the numbers of a, or nothing.
func (a *Answer) flaw() string {
	switch {
	case a.Range == 0 && a.Value != 1:
		return fmt.Sprintf("chance has value %d, want 1", a.Value)
	case a.Range == 1:
		return "choice among 1 needs no answer, want a range of at least 2"
	case a.Range != 0 && a.Value >= a.Range:
		return fmt.Sprintf("value %d is not below its range %d", a.Value, a.Range)
	}
	return ""
}

// Choose answers what was recorded for k and n. If k was recorded with other
// ranges only, it gives the first of those answers that is below n: a plan
// that lost a node should keep its choices among the others. Else 0.
func (r *Replay) Choose(k protocol.Key, n uint64) uint64 {
	fit := 0
	for i := r.first[k]; i != 0; i = r.answers[i-1].next {
		a := &r.answers[i-1]
		if a.Range == n {
			r.mark(a, used)
			return a.Value
		}
		if fit == 0 && a.Range != 0 && a.Value < n {
			fit = i
		}
	}
	if fit != 0 {
		r.stats.Adapted++
		r.mark(&r.answers[fit-1], used)
		return r.answers[fit-1].Value
	}
	r.misfit(k)
	return 0
}

// Chance answers true if that was recorded for k, whatever p.
func (r *Replay) Chance(k protocol.Key, _ protocol.Ratio) bool {
	for i := r.first[k]; i != 0; i = r.answers[i-1].next {
		if a := &r.answers[i-1]; a.Range == 0 {
			r.mark(a, used)
			return true
		}
	}
	r.misfit(k)
	return false
}

// misfit marks the answers that have key k but answer nothing.
func (r *Replay) misfit(k protocol.Key) {
	for i := r.first[k]; i != 0; i = r.answers[i-1].next {
		r.mark(&r.answers[i-1], misfit)
	}
}

// mark moves a to state, if that is more than it has.
func (r *Replay) mark(a *replayAnswer, state replayState) {
	if state <= a.state {
		return
	}
	*r.count(a.state)--
	*r.count(state)++
	a.state = state
}

func (r *Replay) count(state replayState) *int {
	switch state {
	case used:
		return &r.stats.Used
	case misfit:
		return &r.stats.Misfit
	default:
		return &r.stats.Stale
	}
}

// Stats tells how the list has fitted so far.
func (r *Replay) Stats() ReplayStats { return r.stats }

// Unused gives the answers that were given to nobody so far, misfits and stale
// ones alike, in the order of the list.
func (r *Replay) Unused() []Answer {
	var list []Answer
	for i := range r.answers {
		if r.answers[i].state != used {
			list = append(list, r.answers[i].Answer)
		}
	}
	return list
}
