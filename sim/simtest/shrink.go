package simtest

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"dessim/sim/explore"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// reduced is what is left of a failing trial.
type reduced struct {
	trial   *explore.Trial
	outcome explore.Outcome
	text    string // how it was reached, in lines
}

// shrink removes from a failing trial what the failure does not need. If that fails, it
// returns the trial itself.
func shrink(w *explore.World, t *explore.Trial, o *explore.Outcome, runs int) reduced {
	all := reduced{trial: t, outcome: *o, text: fmt.Sprintf("of %s\n", size(w, t))}
	if runs == 0 {
		return all
	}
	s, err := explore.Shrink(context.Background(), w, t, explore.ShrinkOptions{Runs: runs, Workers: runtime.GOMAXPROCS(0)})
	if err != nil {
		all.text += fmt.Sprintf("shrinking: %v\n", err)
		return all
	}
	text := fmt.Sprintf("shrunk in %s from %s\nto %s\n%s\n", wording.Count(s.Runs, "run"), size(w, t), size(w, s.After), s.Certificate())
	if warning := s.Warning(); warning != "" {
		text += warning + "\n"
	}
	return reduced{trial: s.After, outcome: s.Is, text: text}
}

func size(w *explore.World, t *explore.Trial) string {
	return strings.Join([]string{
		wording.Count(t.Nodes, "node"), wording.Count(len(w.Inputs)-len(t.Without), "input"),
		wording.Count(len(t.Faults), "fault"), wording.Count(len(t.Answers), "answer"),
	}, ", ")
}

// mostListed bounds the lines of a list.
const mostListed = 20

func listTrial(b *strings.Builder, t *explore.Trial) {
	for i := range min(len(t.Faults), mostListed) {
		fmt.Fprintf(b, "\t%v\n", t.Faults[i])
	}
	if n := len(t.Faults) - mostListed; n > 0 {
		fmt.Fprintf(b, "\tand %s more\n", wording.Count(n, "fault"))
	}
	for i := range min(len(t.Answers), mostListed) {
		fmt.Fprintf(b, "\t%s\n", answerText(&t.Answers[i]))
	}
	if n := len(t.Answers) - mostListed; n > 0 {
		fmt.Fprintf(b, "\tand %s more\n", wording.Count(n, "answer"))
	}
}

func answerText(a *source.Answer) string {
	what := fmt.Sprintf("%v %v>%v", a.Key.Kind, a.Key.A, a.Key.B)
	if a.Key.A == 0 && a.Key.B == 0 { // it is not about two nodes
		what = fmt.Sprintf("%v %016x", a.Key.Kind, a.Key.N)
	}
	if a.Range == 0 {
		return what + " true"
	}
	return fmt.Sprintf("%s = %d of %d", what, a.Value, a.Range)
}
