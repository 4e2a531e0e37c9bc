// Package linear judges whether what clients saw of a shared object can be explained by an
// order of their operations, one after the other, in which no operation precedes one that had
// ended when it began: linearizability, of Herlihy and Wing. A Model says what one operation
// does to the object, a History records what clients asked and were told, and its check
// judges when the run is over.
//
// An operation without an answer may have happened at any time since it began, or not at all.
// So clients that crash, and messages that are lost, need nothing special.
//
// The search is that of github.com/anishathalye/porcupine. It is bounded by steps and not by
// time, so a run has the same verdict everywhere; a check whose search ends before it knows is
// inconclusive. The package stands apart from package check, so that who does without it does
// not link the library.
package linear

import (
	"math"

	"dessim/protocol"

	"github.com/anishathalye/porcupine"
)

// Op is one operation of a client.
type Op[I, O any] struct {
	Client       protocol.NodeID
	Call, Return protocol.Time // Return is MaxTime without an answer
	Input        I
	Output       *O // nil without an answer

	step uint64 // of the answer
}

// DefaultSteps bounds a search: it is ample for some thousand operations, of which a few at a
// time are concurrent.
const DefaultSteps = 1 << 18

// Model is what an object should do, one operation at a time. S is its state, I what clients
// ask, and O the answers.
type Model[S comparable, I, O any] struct {
	Init S // the state at first
	// Step returns the state after an operation, and whether its answer is right. out is nil for
	// an operation without an answer, which is ok wherever it can happen.
	Step func(state S, in I, out *O) (next S, ok bool)
	// Part names the part of the object that an operation is about: "key 7". Then Init and Step
	// are of one part, and each part is judged alone, which is the same verdict and takes
	// far fewer steps. Nil is one part.
	Part func(in I) string
	// Text describes an operation; out is nil without an answer. Nil prints both.
	Text func(in I, out *O) string
	// Steps bounds the calls of Step for one part; 0 is DefaultSteps.
	Steps int
}

// Verdict is the result of a search.
type Verdict uint8

// The verdicts.
const (
	Linearizable    Verdict = iota // some order explains all answers
	NotLinearizable                // none does
	Undecided                      // Model.Steps ended the search
)

// Judge searches for an order of operations on one part. It depends on nothing but its
// arguments, although porcupine runs a goroutine.
func (m Model[S, I, O]) Judge(ops []*Op[I, O]) Verdict {
	x := search[S, I, O]{Model: m, most: m.Steps}
	if x.most == 0 {
		x.most = DefaultSteps
	}
	all := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		all[i] = porcupine.Operation{Input: o, Call: int64(o.Call), Return: int64(o.Return)}
		if o.Output == nil {
			all[i].Return = math.MaxInt64 // later than any other: see the package comment
		} else {
			x.answered++
		}
	}
	found := porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return placed[S]{state: m.Init} },
		Step: func(p, o, _ any) (bool, any) { return x.step(p.(placed[S]), o.(*Op[I, O])) },
	}, all)
	switch {
	case found:
		return Linearizable
	case x.steps > x.most:
		return Undecided
	}
	return NotLinearizable
}

// search is one call of Judge.
type search[S comparable, I, O any] struct {
	Model[S, I, O]
	steps, most int
	answered    int // operations
}

// placed is what some operations lead to, one after the other.
type placed[S comparable] struct {
	state    S
	answered int // of these operations
}

// step places one more operation. One without an answer is refused where it changes nothing, and
// welcome when all answers are explained, as if it had never happened: else the search would try
// every set of such operations.
func (x *search[S, I, O]) step(p placed[S], o *Op[I, O]) (ok bool, next placed[S]) {
	if x.steps++; x.steps > x.most {
		return false, p // which soon ends the search
	}
	if p.answered == x.answered {
		return true, p
	}
	state, ok := x.Step(p.state, o.Input, o.Output)
	if o.Output == nil {
		return ok && state != p.state, placed[S]{state, p.answered}
	}
	return ok, placed[S]{state, p.answered + 1}
}
