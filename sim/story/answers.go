package story

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Answers describes the answers that are left of a shrunk run, those that matter most first: answers
// without which the run is known to pass come before others, and answers about a message on the way
// to the violation before those of the workload. h and s are its history and its story; both may be
// nil.
func Answers(out *explore.Shrunk, h *history.History, s *Story) []string {
	at := make(map[source.Answer]int)
	if h != nil {
		for _, a := range h.Answers {
			at[a.Answer] = int(a.Row)
		}
	}
	type ranked struct {
		words                 string
		known, sort, distance int
	}
	all := make([]ranked, 0, len(out.After.Answers))
	for i, a := range out.After.Answers {
		r := ranked{words: AnswerText(&a), sort: sortOf(&a), distance: far + 1}
		if !out.Decisive(i) {
			r.known = 1
		}
		if row, asked := at[a]; asked && row >= 0 && s != nil {
			r.words += subject(h, &a, row)
			r.distance = s.distance(h, row)
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(a.known-b.known, a.sort-b.sort, a.distance-b.distance)
	})
	words := make([]string, len(all))
	for i := range all {
		words[i] = all[i].words
	}
	return words
}

// sortOf ranks answers: what happens to messages and disks, how long that takes, what nodes choose,
// what clients do.
func sortOf(a *source.Answer) int {
	switch {
	case a.Range == 0 && !scenario.AsksOfWork(a.Key.Kind):
		return 0
	case explore.OfTime(a.Key.Kind):
		return 1
	case !scenario.AsksOfWork(a.Key.Kind):
		return 2
	}
	return 3
}

// distance returns how many hops lead from the step in which an answer was given to the violation.
func (s *Story) distance(h *history.History, row int) int {
	if hops, known := s.hops[h.StepOf(row)]; known {
		return hops
	}
	return far + 1
}

// subject names the message that an answer is about, or says when it was given.
func subject(h *history.History, a *source.Answer, row int) string {
	t := teller{History: h}
	step := h.StepOf(row)
	if sim.AsksOfTurns(a.Key.Kind) {
		return fmt.Sprintf(", in step %d%s", step, turn(h, a, step))
	}
	if !sim.AsksOfMessage(a.Key.Kind) {
		return fmt.Sprintf(", in step %d", step)
	}
	row = t.Original(row)
	return fmt.Sprintf(": %s of step %d", t.Message(row, mostText), step)
}

// turn returns what an answer about goroutines did in its step, if the node noted it: the notes of a
// kind come in the order of its answers. Several faults can give one operation an answer each, which
// have one note. If so, and the step has other notes of the kind, the answer's own is not known.
func turn(h *history.History, a *source.Answer, step int) string {
	answers, own := 0, 0
	for _, x := range h.Answers {
		if x.Key.Kind == a.Key.Kind && x.Key.A == a.Key.A && h.StepOf(int(x.Row)) == step {
			if x.Answer == *a {
				own = answers
			}
			answers++
		}
	}
	var notes []int // their rows
	from, to := h.RowsOf(step)
	for row := from; row < to; row++ {
		if x := &h.Rows[row]; x.What == sim.Noted && h.Kinds.All[x.Kind] == a.Key.Kind {
			notes = append(notes, row)
		}
	}
	switch len(notes) {
	case 1:
		own = 0
	case answers:
	default:
		return ""
	}
	return ": " + h.Words(notes[own], mostText)
}

// AnswerText describes an answer. Answers of the workload are about an operation; others are about a
// node, or a message between two.
func AnswerText(a *source.Answer) string {
	kind := a.Key.Kind.String()
	words := kind + " of " + a.Key.A.String()
	switch {
	case scenario.AsksOfWork(a.Key.Kind):
		words = fmt.Sprintf("%s of operation %d", kind, a.Key.N)
	case sim.AsksOfMessage(a.Key.Kind):
		words = fmt.Sprintf("%s %v>%v", kind, a.Key.A, a.Key.B)
	}
	switch {
	case a.Range == 0:
	case sim.AsksLag(a.Key.Kind):
		words += " by " + fault.FormatSpan(time.Duration(a.Value))
	case sim.AsksTime(a.Key.Kind):
		words += " is longer by " + fault.FormatSpan(time.Duration(a.Value))
	default:
		words += fmt.Sprintf(" is %d of %d", a.Value, a.Range)
	}
	return words
}
