package explore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"
)

// ways is a world in which one check fails for two reasons: with input 1 a transfer is refused,
// and without it one never ends. step is where it fails; 0 is at the end.
func ways(step uint64) *explore.World {
	return &explore.World{Inputs: []uint64{0, 1, 2}, Try: func(t *explore.Trial, _ ...sim.Observer) explore.Outcome {
		r := check.Result{Name: "all end", Verdict: check.Violation, Step: step, Detail: fmt.Sprintf("%d of 3 transfers were refused", len(t.Without)+1)}
		if slices.Contains(t.Without, 1) {
			r.Detail = "1 of 3 transfers has not ended"
		}
		return explore.Outcome{Verdict: check.Violation, Checks: []check.Result{r}, Sim: sim.Result{Events: 1}}
	}}
}

func shrinkWays(t *testing.T, w *explore.World) explore.Shrunk {
	t.Helper()
	out, err := explore.Shrink(context.Background(), w, &explore.Trial{Nodes: 1}, explore.ShrinkOptions{Runs: 100, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatOnlyTheEndShowsKeepsFailingInItsWay(t *testing.T) {
	out := shrinkWays(t, ways(0))
	if got := out.Is.Checks[0].Detail; !slices.Equal(out.After.Without, []uint64{0, 2}) || got != "3 of 3 transfers were refused" {
		t.Errorf("shrunk to a run without inputs %v, in which %s", out.After.Without, got)
	}
	if got, want := out.Certificate(), "removing any one of these makes the check pass, or fail in another way: 1 input"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// What a step shows may come about in another way.
	if out := shrinkWays(t, ways(7)); len(out.After.Without) != 3 {
		t.Errorf("with a step: a run without inputs %v, want all gone", out.After.Without)
	}
}

func TestTheCertificateSaysThatTheWayWasNotHeld(t *testing.T) {
	w := ways(0)
	w.Fails = func(x *explore.Trial, _ explore.Guard) explore.Guarded {
		return explore.Guarded{Fails: true, Events: 1, Used: func() []source.Answer { return x.Answers }}
	}
	const want = "; before, the check failed in another way: 1 of 3 transfers were refused"
	out := shrinkWays(t, w)
	if got := out.Certificate(); !strings.HasSuffix(got, want) {
		t.Errorf("%q, want it to end %q", got, want)
	}
}

// An answer is decisive if the run is known to pass without it.
func TestAnswersOfAMinimalRunAreDecisive(t *testing.T) {
	w := &explore.World{Try: func(x *explore.Trial, _ ...sim.Observer) explore.Outcome {
		r := check.Result{Name: "c", Verdict: check.Pass, Exercised: 1}
		if len(x.Answers) > 1 {
			r.Verdict, r.Step = check.Violation, 1
		}
		return explore.Outcome{Verdict: r.Verdict, Checks: []check.Result{r}}
	}}
	trial := &explore.Trial{Nodes: 1}
	for i := range uint64(40) {
		trial.Answers = append(trial.Answers, source.Answer{Value: 1, Range: 2})
		trial.Answers[i].Key.N = i
	}
	for _, c := range []struct {
		runs     int
		decisive bool
	}{{1000, true}, {3, false}} {
		out, err := explore.Shrink(context.Background(), w, trial, explore.ShrinkOptions{Runs: c.runs, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range out.After.Answers {
			if out.Decisive(i) != c.decisive || out.Minimal != c.decisive {
				t.Errorf("after %d runs, answer %d of %d is decisive: %v", out.Runs, i, len(out.After.Answers), out.Decisive(i))
			}
		}
	}
}

// listed is a world with two checks. The one listed first fails last, and needs no input; the
// other one fails first, and needs input 1. Without input 0, the first fails before it.
func listed() *explore.World {
	return &explore.World{Inputs: []uint64{0, 1, 2}, Try: func(t *explore.Trial, _ ...sim.Observer) explore.Outcome {
		late := check.Result{Name: "late", Verdict: check.Violation, Step: 20}
		early := check.Result{Name: "early", Verdict: check.Violation, Step: 10}
		if slices.Contains(t.Without, 0) {
			late.Step = 5
		}
		if slices.Contains(t.Without, 1) {
			early.Verdict = check.Pass
		}
		return explore.Outcome{Verdict: check.Violation, Checks: []check.Result{late, early}, Sim: sim.Result{Events: 1}}
	}}
}

func TestTheCheckThatFailedFirstKeepsFailing(t *testing.T) {
	w := listed()
	if o := w.Try(&explore.Trial{}); o.Check() != "early" || o.Signature() != "early: " {
		t.Errorf("the run is known by %q, signature %q", o.Check(), o.Signature())
	}
	out := shrinkWays(t, w)
	if out.Check != "early" || !slices.Equal(out.After.Without, []uint64{0, 2}) {
		t.Errorf("%q failed, shrunk to a run without inputs %v", out.Check, out.After.Without)
	}
	if got, want := out.Certificate(), "removing any one of these makes the check pass: 1 input; now another check fails first: late"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAPanicAfterAViolationIsKnownByTheViolation(t *testing.T) {
	p := &sim.Panic{Moment: sim.Moment{Step: 9}, Frames: []string{"node.go:7"}}
	o := explore.Outcome{Verdict: check.Violation, Panic: p, Checks: []check.Result{explore.PanicResult(p), {Name: "c", Verdict: check.Violation, Step: 9, Detail: "d"}}}
	if got := o.Signature(); got != explore.Panicked+": node.go:7" {
		t.Errorf("in one step: %q", got)
	}
	o.Checks[1].Step = 8
	if got := o.Signature(); got != "c: d" {
		t.Errorf("the step after: %q", got)
	}
}
