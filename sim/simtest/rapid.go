// Package simtest connects the simulator to go test: runs as tests, property tests by
// pgregory.net/rapid, and native fuzzing.
//
// Run makes runs under many seeds. The first that fails is shrunk, saved in
// testdata/dessim beside the test, and run first from then on; the report ends in one
// line to paste.
//
//	func TestWritesSurvive(t *testing.T) {
//		simtest.Run(t, store.Scenario(), simtest.Options{Seeds: 1000, ShrinkRuns: 3000})
//	}
//
// A saved file belongs to the project: commit it with the fix. The module in
// testdata/kvstore is a whole example. Judge makes one run under any Source: a fuzzer's
// bytes,
//
//	f.Fuzz(func(t *testing.T, b []byte) {
//		run := &scenario.Run{Plan: ..., Checks: ...}
//		simtest.Judge(t, run, source.NewBytes(b))
//	})
//
// or rapid's draws. Rapid and Sparse let a property test draw the answers of a run, so that
// rapid shrinks a failing run: answer 0 is benign, and rapid shrinks towards 0. Rapid draws
// each answer singly and suits a machine that asks up to Limit questions. Sparse draws a
// fixed table in advance and suits runs of any size.
//
//	rapid.Check(t, func(t *rapid.T) {
//		s, err := sim.New(plan, simtest.Sparse(t))
//		...
//	})
//
// What rapid leaves is small, but not minimal: a replay of it (see package source) names its
// answers, and sim/explore can remove them one by one.
//
// The package promises that equal draws give equal answers, and that the report of Run
// depends on the plan and the seeds alone.
//
// Package determinism is the analyzer of node code, behind "dessim vet", and package fixed
// runs a rapid property on the same sample in every run of the tests.
package simtest

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// Limit is how many questions a Source of Rapid draws answers for. Rapid's shrinker tries
// each drawn word, and in the end each pair of draws, with a run for each try; it could not
// handle more in its 30 seconds (-rapid.shrinktime).
const Limit = 1000

// Rapid returns a Source whose answers t draws, one for each new question, in the order
// asked: a Choose small rather than large, a Chance true one time in eight whatever its
// probability, since rapid looks for the unlikely. A question keeps its answer. After Limit
// questions, new ones get 0.
//
// The Source is valid during the check of t. It is for small machines: removing a question
// moves the draws after it to other questions, because rapid knows draws by position.
func Rapid(t *rapid.T) protocol.Source {
	return &drawn{t: t, answers: make(map[question]uint64)}
}

type drawn struct {
	t       *rapid.T
	answers map[question]uint64
}

type question struct {
	key protocol.Key
	n   uint64 // range of a Choose; 0 for a Chance
}

func (s *drawn) Choose(k protocol.Key, n uint64) uint64 {
	return s.answer(question{k, n}, func(label string) uint64 {
		return rapid.Uint64Range(0, n-1).Draw(s.t, label)
	})
}

func (s *drawn) Chance(k protocol.Key, _ protocol.Ratio) bool {
	return s.answer(question{key: k}, func(label string) uint64 {
		return oneInEight().Draw(s.t, label)
	}) == 1
}

func (s *drawn) answer(q question, draw func(label string) uint64) uint64 {
	a, known := s.answers[q]
	if !known && len(s.answers) < Limit {
		a = draw(fmt.Sprintf("%v %v>%v %016x", q.key.Kind, q.key.A, q.key.B, q.key.N))
		s.answers[q] = a
	}
	return a
}

// oneInEight is made of single bits, each of which rapid shrinks in one try.
// (Its ranges draw a size of 53 bits before the value, which it shrinks slowly.)
// It always draws all three, so that later draws do not move.
func oneInEight() *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		if drawBits(t, 3) == 7 {
			return 1
		}
		return 0
	})
}

func drawBits(t *rapid.T, n int) uint64 {
	var u uint64
	for range n {
		u <<= 1
		if rapid.Bool().Draw(t, "bit") {
			u |= 1
		}
	}
	return u
}

// Sparse returns a Source that t draws in advance, whole: the share of questions that get an
// answer other than 0 (from none to all, in powers of two), which questions those are, and
// for each of 64 groups of them how large the answer is. Answers follow from the questions'
// names, so the draws are the same for any number of questions in any order.
//
// Rapid shrinks it towards fewer of these questions, benign groups, and smaller answers in
// the others. No draw changes the meaning of another, so each shrinking step changes one
// thing. A Chance comes true by the same rule, whatever its probability.
//
// Print the Source, or record it, to see what is left.
func Sparse(t *rapid.T) protocol.Source {
	return rapid.Custom(drawSparse).Draw(t, "answers")
}

const (
	groupBits = 6
	rates     = 16
	hashBits  = 62
)

type sparse struct {
	rate   uint64 // 1 question in 2^(rates-1-rate) has a level; 0 means none
	salt   uint64 // selects them
	levels [1 << groupBits]level
}

// level is how large an answer is.
type level uint8

const (
	benign level = iota
	least
	sixteenth
	quarter
	half
	threeQuarters
	most
	anywhere // by hash
)

func drawSparse(t *rapid.T) *sparse {
	s := &sparse{rate: drawBits(t, 4), salt: drawBits(t, 8)}
	for i := range s.levels {
		s.levels[i] = level(drawBits(t, 3))
	}
	return s
}

// String shows the draws: rate, salt and the groups that are not benign.
func (s *sparse) String() string {
	if s.rate == 0 {
		return "sparse: all benign"
	}
	b := fmt.Appendf(nil, "sparse: 1 in %d, salt %d, levels of groups", 1<<(rates-1-s.rate), s.salt)
	for i, l := range s.levels {
		if l != benign {
			b = fmt.Appendf(b, " %d:%d", i, l)
		}
	}
	return string(b)
}

// GoString is what rapid prints.
func (s *sparse) GoString() string { return s.String() }

// level returns the level of the answer to k. A question that has one at some rate has it at
// all higher rates.
func (s *sparse) level(k protocol.Key) level {
	if s.rate == 0 {
		return benign
	}
	h := source.Seed(s.salt).Choose(k, 1<<hashBits)
	group, rest := h>>(hashBits-groupBits), h&(1<<(hashBits-groupBits)-1)
	if rest>>(hashBits-groupBits-(rates-1-s.rate)) != 0 {
		return benign
	}
	return s.levels[group]
}

func (s *sparse) Choose(k protocol.Key, n uint64) uint64 {
	var a uint64
	switch s.level(k) {
	case benign:
		return 0
	case least:
		a = 1
	case sixteenth:
		a = n / 16
	case quarter:
		a = n / 4
	case half:
		a = n / 2
	case threeQuarters:
		a = n/2 + n/4
	case most:
		a = n - 1
	case anywhere:
		a = 1 + source.Seed(^s.salt).Choose(k, n-1)
	}
	return min(max(a, 1), n-1)
}

func (s *sparse) Chance(k protocol.Key, _ protocol.Ratio) bool { return s.level(k) != benign }
