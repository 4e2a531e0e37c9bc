package source

import (
	"fmt"
	"slices"

	"dessim/protocol"
)

// Exhaust is a Source that tries all answers, run by run:
//
//	for e := new(source.Exhaust); e.Next(); {
//		run(e)
//	}
//
// It keeps no tree of choices. The answers of a run are the digits of an odometer, one
// for each question, in the order in which they are first asked. Next advances the last
// digit that can still advance and drops those behind it, since other answers lead to
// other questions. The next run asks its way back to that digit, because a run is a
// function of its answers. For example, a message may be lost, and otherwise late by 0, 1
// or 2:
//
//	         lost?   late?
//	run 1    no      0
//	run 2    no      1
//	run 3    no      2         the last digit has reached its end:
//	run 4    yes               the one before advances, and the delay is never asked
//
// TigerBeetle's exhaustigen does the same, and before it VeriSoft; Godefroid 1997 calls it
// stateless search. The first run is the benign one. Within a run, equal questions get
// equal answers, as with every Source.
//
// The number of runs is a product over the questions, so worlds must be small, Values
// short and Most low.
type Exhaust struct {
	// Values, if not nil, returns the answers to try for a choice among n: 0 first and
	// none twice. A nil result means all n, as does a nil Values. It must depend on its
	// arguments alone. See Parts.
	Values func(k protocol.Key, n uint64) []uint64
	// Most, if not 0, is the greatest number of answers in a run that are not benign;
	// later questions get benign answers. It bounds spaces that grow with the run, and
	// keeps the most useful part: most bugs need few misfortunes. (Delay bounding: Emmi,
	// Qadeer and Rakamaric 2011.)
	Most int
	// Free, if not nil, reports whether a question is exempt from Most: all its answers
	// are tried, and none counts.
	Free func(k protocol.Key) bool

	begun  bool
	digits []exhaustDigit
	asked  int // digits that this run has asked for
	spent  int // of these, the ones that are not benign
	given  map[question]uint64
}

// exhaustDigit is the answer to one question: turn counts through the possible ones.
type exhaustDigit struct {
	question
	values []uint64 // nil: turn is the answer
	turn   uint64
	turns  uint64
}

func (d *exhaustDigit) value() uint64 {
	if d.values == nil {
		return d.turn
	}
	return d.values[d.turn]
}

// Next begins the next run, and reports false if there is none: then Exhaust is as new.
// It may be called before a run is over, once Fresh is true: that skips all other
// continuations of the run.
func (e *Exhaust) Next() bool {
	if e.asked < len(e.digits) {
		panic(fmt.Sprintf("source: a run ended before it asked %v, as the run before did: it is not a function of its answers", e.digits[e.asked].key))
	}
	first := !e.begun
	e.begun, e.asked, e.spent = true, 0, 0
	clear(e.given)
	if first {
		return true
	}
	for n := len(e.digits); n > 0; n-- {
		if d := &e.digits[n-1]; d.turn+1 < d.turns {
			d.turn++
			e.digits = e.digits[:n]
			return true
		}
	}
	e.begun, e.digits = false, e.digits[:0]
	return false
}

// Fresh reports whether the run is past the prefix that it shares with the run before:
// from here on, everything is new.
func (e *Exhaust) Fresh() bool { return e.asked == len(e.digits) }

// Spent returns the number of answers of the run so far that were neither benign nor Free.
func (e *Exhaust) Spent() int { return e.spent }

// Asked returns the number of different questions that the run has asked so far.
func (e *Exhaust) Asked() int { return e.asked }

// Choose returns an answer in [0, n), a different one in each run that tries this choice.
func (e *Exhaust) Choose(k protocol.Key, n uint64) uint64 {
	return e.answer(question{k, n})
}

// Chance returns false, and true in a later run.
func (e *Exhaust) Chance(k protocol.Key, _ protocol.Ratio) bool {
	return e.answer(question{key: k}) == 1
}

func (e *Exhaust) answer(q question) uint64 {
	if v, ok := e.given[q]; ok {
		return v
	}
	if e.asked == len(e.digits) {
		e.digits = append(e.digits, e.digit(q))
	}
	d := &e.digits[e.asked]
	if d.question != q {
		panic(fmt.Sprintf("source: a run asks %v of %d where the run before asked %v of %d: it is not a function of its answers", q.key, q.n, d.key, d.n))
	}
	e.asked++
	v := d.value()
	if v != 0 && !e.free(q) {
		e.spent++
	}
	if e.given == nil {
		e.given = make(map[question]uint64)
	}
	e.given[q] = v
	return v
}

func (e *Exhaust) free(q question) bool { return e.Free != nil && e.Free(q.key) }

// digit returns the digit of a question that is asked for the first time.
func (e *Exhaust) digit(q question) exhaustDigit {
	d := exhaustDigit{question: q, turns: max(q.n, 2)}
	switch {
	case e.Most > 0 && e.spent >= e.Most && !e.free(q):
		d.turns = 1
	case q.n > 0 && e.Values != nil:
		if d.values = e.Values(q.key, q.n); d.values == nil {
			break
		}
		if len(d.values) == 0 || d.values[0] != 0 || slices.Max(d.values) >= q.n {
			panic(fmt.Sprintf("source: Values returned %v for a choice among %d (%v), want 0 first and none beyond", d.values, q.n, q.key))
		}
		d.turns = uint64(len(d.values))
	}
	return d
}

// Given calls each with every question of the run so far and its answer, in the order in
// which they were first asked. n is 0 for a Chance.
func (e *Exhaust) Given(each func(k protocol.Key, n, answer uint64)) {
	for i := range e.digits[:e.asked] {
		d := &e.digits[i]
		each(d.key, d.n, d.value())
	}
}

// Answers returns the answers of the run so far that a Replay needs, as Recorder does.
func (e *Exhaust) Answers() []Answer {
	r := &Recorder{Source: e}
	e.Given(func(k protocol.Key, n, _ uint64) {
		if n > 0 {
			r.Choose(k, n)
		} else {
			r.Chance(k, protocol.Percent(50))
		}
	})
	return r.Answers()
}

// Parts returns a function for Exhaust.Values that divides the range into that many equal
// parts: 1 tries the least and the greatest, 2 the middle too, and so on.
func Parts(parts uint64) func(k protocol.Key, n uint64) []uint64 {
	if parts < 1 || parts > 1<<16 {
		panic(fmt.Sprintf("source: a range of %d parts, want 1 to 65536", parts))
	}
	return func(_ protocol.Key, n uint64) []uint64 {
		if n <= parts {
			return nil
		}
		values := make([]uint64, 0, parts+1)
		for i := range parts + 1 {
			// (n-1)*i/parts, which would overflow.
			values = append(values, (n-1)/parts*i+(n-1)%parts*i/parts)
		}
		return values
	}
}
