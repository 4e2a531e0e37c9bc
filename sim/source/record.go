package source

import (
	"fmt"
	"math/bits"

	"dessim/protocol"
)

// Answer is the answer to one question. A question is a key and a range together: the same
// key may be asked with several ranges.
type Answer struct {
	Key   protocol.Key
	Range uint64 // n of a Choose, at least 2; 0 for a Chance
	Value uint64 // less than Range; 1 for a Chance, which is kept only if true

	// Comment is one line for people. Files have it, and reading ignores it.
	Comment string
}

// Recorder is a Source that asks another one and keeps the answers.
//
// During the run it only appends: finding repeated questions costs more than all the rest,
// and can wait for Answers. So its memory grows with the questions asked, not with the
// different ones; names recur too seldom for that to matter.
type Recorder struct {
	// Source answers. It is required.
	Source protocol.Source
	// Clock, unless nil, returns the time for the comments of the answers.
	Clock func() protocol.Time

	pages []*page // all full but the last
	n     int     // answers on them
}

// A page has one of the allocator's small sizes. Pages never move: a growing slice would
// copy each answer several times.
type page [512]keptAnswer

type keptAnswer struct {
	key   protocol.Key
	limit uint64 // Range of the Answer
	value uint64
	at    protocol.Time
}

// Choose asks the Source.
func (r *Recorder) Choose(k protocol.Key, n uint64) uint64 {
	r.check()
	v := r.Source.Choose(k, n)
	// Benign choices are kept too, for Answers to decide, and cost little. Benign chances
	// would be nearly all.
	r.keep(k, n, v)
	return v
}

// Chance asks the Source.
func (r *Recorder) Chance(k protocol.Key, p protocol.Ratio) bool {
	r.check()
	v := r.Source.Chance(k, p)
	if v {
		r.keep(k, 0, 1)
	}
	return v
}

func (r *Recorder) check() {
	if r.Source == nil {
		panic("source: a Recorder has no Source to ask")
	}
}

func (r *Recorder) keep(k protocol.Key, limit, value uint64) {
	if r.n == len(r.pages)*len(page{}) {
		r.pages = append(r.pages, new(page))
	}
	a := r.kept(r.n)
	a.key, a.limit, a.value = k, limit, value
	if r.Clock != nil {
		a.at = r.Clock()
	}
	r.n++
}

func (r *Recorder) kept(i int) *keptAnswer { return &r.pages[i/len(page{})][i%len(page{})] }

// Answers returns the answers that were not benign, in the order in which they were first
// asked for; a Replay of them answers as the Source did. A benign one is among them only if
// its key was also asked with another range and was not benign there, because a Replay would
// adapt that answer.
//
// There is one exception: a key asked as a Chance with two probabilities, and true for only
// one, is true for both in the Replay.
func (r *Recorder) Answers() []Answer {
	asked := r.index()
	var list []Answer
	var comment string // the text of at: many questions have the same time
	var at protocol.Time
	for _, i := range asked.first {
		k := r.kept(int(i))
		if k.value == 0 && !asked.chosen(k.key) {
			continue
		}
		if list == nil {
			list = make([]Answer, 0, asked.notBenign)
		}
		a := Answer{Key: k.key, Range: k.limit, Value: k.value}
		if r.Clock != nil {
			if comment == "" || at != k.at {
				comment, at = k.at.String(), k.at
			}
			a.Comment = comment
		}
		list = append(list, a)
	}
	return list
}

// index is a hash table of the questions of a Recorder, with linear probing. It never
// grows and holds numbers alone: Go's map of the keys takes seven times as long.
type index struct {
	r         *Recorder
	slots     []uint32 // numbers, from 1, of kept answers, at the hash of their keys or soon after; 0 is a free slot
	first     []uint32 // numbers, from 0, of the kept answers whose questions were new
	notBenign int      // how many of those are not benign
}

// index finds the questions that were new.
func (r *Recorder) index() *index {
	x := &index{r: r, slots: make([]uint32, 2<<bits.Len(uint(r.n))), first: make([]uint32, 0, r.n)}
	for i := range r.n {
		if x.add(i) {
			x.first = append(x.first, uint32(i))
			if r.kept(i).value != 0 {
				x.notBenign++
			}
		}
	}
	return x
}

// add enters kept answer i, and reports whether its question is new.
func (x *index) add(i int) bool {
	a := x.r.kept(i)
	slot := x.home(a.key)
	for ; x.slots[slot] != 0; slot = x.next(slot) {
		if b := x.at(slot); b.key == a.key && b.limit == a.limit {
			return false
		}
	}
	x.slots[slot] = uint32(i + 1)
	return true
}

// chosen reports whether a choice under k was not benign.
func (x *index) chosen(k protocol.Key) bool {
	for slot := x.home(k); x.slots[slot] != 0; slot = x.next(slot) {
		if a := x.at(slot); a.key == k && a.limit != 0 && a.value != 0 {
			return true
		}
	}
	return false
}

func (x *index) at(slot uint64) *keptAnswer { return x.r.kept(int(x.slots[slot] - 1)) }
func (x *index) home(k protocol.Key) uint64 { return Seed(0).hash(k) & uint64(len(x.slots)-1) }
func (x *index) next(slot uint64) uint64    { return (slot + 1) & uint64(len(x.slots)-1) }

// Replay is a Source that answers from a list, and 0 to every other question.
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

// ReplayStats says how a Replay's list fits the run. Each answer of the list counts in one of
// Used, Misfit and Stale. A count but in Used means that the program or the plan is not the
// recorded one.
type ReplayStats struct {
	Used   int // answers that some question got
	Misfit int // their keys were asked, but with ranges that they do not fit; the answer was 0
	Stale  int // their keys were never asked
	// Adapted counts the questions that got an answer recorded for another range.
	Adapted uint64
}

// NewReplay returns a Replay of answers, which it copies. It panics if two answer the same
// question or a value is out of range; those of ParseFile are sound.
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

// add appends a, and reports whether its question had no answer.
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

// flaw says what is wrong with the numbers of a, or returns "".
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

// Choose returns what was recorded for k and n. If k was recorded only with other ranges, it
// returns the first of those answers below n: a plan with a node less should keep its
// choices among the others. Else it returns 0.
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

// Chance reports whether true was recorded for k, with any p.
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

// misfit marks the answers that have key k and do not fit.
func (r *Replay) misfit(k protocol.Key) {
	for i := r.first[k]; i != 0; i = r.answers[i-1].next {
		r.mark(&r.answers[i-1], misfit)
	}
}

// mark raises the state of a.
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

// Stats returns how the list has fitted so far.
func (r *Replay) Stats() ReplayStats { return r.stats }

// Used returns the answers that some question has got so far, in the order of the list.
func (r *Replay) Used() []Answer { return r.answersThat(true) }

// Unused returns the answers that no question has got so far, misfits and stale ones, in the
// order of the list.
func (r *Replay) Unused() []Answer { return r.answersThat(false) }

func (r *Replay) answersThat(wereUsed bool) []Answer {
	var list []Answer
	for i := range r.answers {
		if a := &r.answers[i]; (a.state == used) == wereUsed {
			list = append(list, a.Answer)
		}
	}
	return list
}
