package explore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"
)

// puzzle is a world whose runs are a function of what their trials are made of: they
// fail if they have all of a core, of which there are several, and no antidote
// without what it needs. So taking one thing away can undo the failure or another
// removal, as in real runs. And without something a run can take so much longer that
// nobody waits for its failure.
type puzzle struct {
	minNodes, needNodes int
	inputs              []uint64
	cores               [][]string
	antidotes           [][2]string       // the first stops the failure unless the second is there
	longer              map[string]uint64 // the events that a run takes more without something
	runs                atomic.Int64
}

const puzzleCheck = "nothing bad happens"

// names lists the things of a trial.
func names(inputs []uint64, t *explore.Trial) map[string]bool {
	has := make(map[string]bool)
	for _, id := range inputs {
		if !slices.Contains(t.Without, id) {
			has[fmt.Sprintf("input %d", id)] = true
		}
	}
	for _, f := range fault.Within(t.Faults, t.Nodes) {
		if f.Op != fault.Heal {
			has[fmt.Sprintf("fault %d", f.ID)] = true
		}
	}
	for _, a := range t.Answers {
		has[fmt.Sprintf("answer %d", a.Key.N)] = true
	}
	return has
}

func (w *puzzle) fails(t *explore.Trial) bool {
	has := names(w.inputs, t)
	for _, x := range w.antidotes {
		if has[x[0]] && !has[x[1]] {
			return false
		}
	}
	return t.Nodes >= w.needNodes && slices.ContainsFunc(w.cores, func(core []string) bool {
		return !slices.ContainsFunc(core, func(name string) bool { return !has[name] })
	})
}

// events counts those of a run.
func (w *puzzle) events(t *explore.Trial) uint64 {
	n, has := uint64(10), names(w.inputs, t)
	for _, name := range protocol.SortedKeys(w.longer) {
		if !has[name] {
			n += w.longer[name]
		}
	}
	return n
}

func (w *puzzle) world() *explore.World {
	x := &explore.World{MinNodes: w.minNodes, Inputs: w.inputs}
	x.Try = func(t *explore.Trial, _ ...sim.Observer) explore.Outcome {
		w.runs.Add(1)
		r := check.Result{Name: puzzleCheck, Verdict: check.Pass, Exercised: 1}
		if w.fails(t) {
			r.Verdict = check.Violation
		}
		return explore.Outcome{Verdict: r.Verdict, Checks: []check.Result{r}, Sim: sim.Result{Events: w.events(t)}}
	}
	x.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded {
		o := x.Try(t)
		out := explore.Guarded{Events: o.Sim.Events, Used: func() []source.Answer { return t.Answers }}
		out.GivenUp = g.MaxEvents > 0 && out.Events > g.MaxEvents
		out.Fails = !out.GivenUp && o.Fails(g)
		return out
	}
	return x
}

// puzzleTrial draws a trial of many things.
func puzzleTrial(t *rapid.T) (trial *explore.Trial, inputs []uint64) {
	trial = &explore.Trial{Nodes: rapid.IntRange(3, 20).Draw(t, "nodes")}
	for i := range rapid.IntRange(0, 8).Draw(t, "inputs") {
		inputs = append(inputs, uint64(i*3))
	}
	trial.Faults = []fault.Fault{{ID: 99, Op: fault.Heal, At: protocol.Time(time.Minute)}}
	for i := range rapid.IntRange(0, 12).Draw(t, "faults") {
		f := fault.Fault{ID: uint64(i + 7), Op: fault.Lose, At: protocol.Time(i), Groups: [][]protocol.NodeID{{0}, nil}, Rate: protocol.Percent(5), For: time.Second}
		if i%2 == 0 {
			f = fault.Fault{ID: uint64(i + 7), Op: fault.Crash, Node: protocol.NodeID(i % 3), At: protocol.Time(i), For: 3 * time.Second, Disk: fault.KeepTorn}
		}
		trial.Faults = append(trial.Faults, f)
	}
	for i := range rapid.IntRange(0, 40).Draw(t, "answers") {
		a := source.Answer{Key: protocol.Key{Kind: protocol.KindOf([]string{"net.delay", "net.lose", "pick"}[i%3]), N: uint64(i)}, Value: 1}
		if i%3 != 1 {
			a.Range, a.Value = 1000, uint64(1+i*17)
		}
		trial.Answers = append(trial.Answers, a)
	}
	return trial, inputs
}

// drawPuzzle draws a world and a trial that fails in it.
func drawPuzzle(t *rapid.T) (*puzzle, *explore.Trial) {
	trial, inputs := puzzleTrial(t)
	w := &puzzle{minNodes: rapid.IntRange(1, 3).Draw(t, "min nodes"), needNodes: rapid.IntRange(0, trial.Nodes).Draw(t, "nodes needed"), inputs: inputs}
	var all []string
	for name := range names(inputs, trial) {
		all = append(all, name)
	}
	slices.Sort(all)
	if len(all) == 0 {
		w.cores = [][]string{nil}
		return w, trial
	}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, min(5, len(all)), rapid.ID)
	for range rapid.IntRange(1, 3).Draw(t, "cores") {
		w.cores = append(w.cores, some.Draw(t, "core"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "antidotes") {
		w.antidotes = append(w.antidotes, [2]string{rapid.SampledFrom(all).Draw(t, "antidote"), rapid.SampledFrom(all).Draw(t, "needs")})
	}
	w.longer = make(map[string]uint64)
	for range rapid.IntRange(0, 4).Draw(t, "longer") {
		w.longer[rapid.SampledFrom(all).Draw(t, "without")] = rapid.SampledFrom([]uint64{100, 2000, 9000, 100_000}).Draw(t, "events")
	}
	return w, trial
}

// oneLess returns all trials that have one thing less.
func oneLess(w *puzzle, t *explore.Trial) (out []*explore.Trial) {
	add := func(change func(u *explore.Trial)) {
		u := *t
		change(&u)
		out = append(out, &u)
	}
	if t.Nodes > w.minNodes {
		add(func(u *explore.Trial) { u.Nodes-- })
	}
	for _, id := range w.inputs {
		if !slices.Contains(t.Without, id) {
			add(func(u *explore.Trial) { u.Without = append(slices.Clone(t.Without), id) })
		}
	}
	for i := range t.Faults {
		if t.Faults[i].Op != fault.Heal {
			add(func(u *explore.Trial) { u.Faults = slices.Delete(slices.Clone(t.Faults), i, i+1) })
		}
	}
	for i := range t.Answers {
		add(func(u *explore.Trial) { u.Answers = slices.Delete(slices.Clone(t.Answers), i, i+1) })
	}
	return out
}

func shrink(t interface{ Fatal(...any) }, w *explore.World, trial *explore.Trial, runs, workers int) explore.Shrunk {
	out, err := explore.Shrink(context.Background(), w, trial, explore.ShrinkOptions{Runs: runs, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantMinimal fails unless t fails and passes without any one thing.
func (w *puzzle) wantMinimal(t *rapid.T, trial *explore.Trial) {
	if !w.fails(trial) {
		t.Fatalf("the result passes: %+v", trial)
	}
	for _, less := range oneLess(w, trial) {
		if w.fails(less) {
			t.Fatalf("%+v\nfails still, and so does\n%+v", trial, less)
		}
	}
}

func TestWhatIsCalledMinimalHasNothingThatCanBeRemovedAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		if !w.fails(trial) {
			return
		}
		out := shrink(t, w.world(), trial, 100_000, 1)
		if !out.Minimal {
			t.Fatalf("not minimal after %d runs", out.Runs)
		}
		w.wantMinimal(t, out.After)
		if !slices.ContainsFunc(out.After.Faults, func(f fault.Fault) bool { return f.Op == fault.Heal }) {
			t.Fatal("the heal is gone")
		}
	})
}

func TestOneCoreIsAllThatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		w.cores, w.antidotes = w.cores[:1], nil
		out := shrink(t, w.world(), trial, 100_000, 2)
		has := names(w.inputs, out.After)
		for _, name := range w.cores[0] {
			if !has[name] {
				t.Fatalf("%q is gone, the core is %q", name, w.cores[0])
			}
		}
		fewer := *out.After
		fewer.Nodes--
		if len(has) > len(w.cores[0]) || fewer.Nodes >= w.minNodes && w.fails(&fewer) {
			t.Fatalf("%v nodes and %v are left beyond the core %q of %d nodes", out.After.Nodes, has, w.cores[0], w.needNodes)
		}
	})
}

func TestWorkersChangeNoByteOfTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		if !w.fails(trial) {
			return
		}
		runs := rapid.IntRange(1, 400).Draw(t, "runs")
		one := shrink(t, w.world(), trial, runs, 1)
		for _, workers := range []int{2, 5} {
			if diff := cmp.Diff(one, shrink(t, w.world(), trial, runs, workers), cmp.AllowUnexported(explore.Shrunk{})); diff != "" {
				t.Fatalf("with %d workers (-one +more):\n%s", workers, diff)
			}
		}
	})
}

func TestTheBudgetIsKeptAndNotEnoughIsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		if !w.fails(trial) {
			return
		}
		runs := rapid.IntRange(1, 300).Draw(t, "runs")
		out := shrink(t, w.world(), trial, runs, 1)
		// The last run, to the end, is not part of the search.
		if made := int(w.runs.Load()); out.Runs > runs || made > out.Runs+2 { // two are made to tell, not to shrink
			t.Fatalf("made %d runs, says %d, was given %d", made, out.Runs, runs)
		}
		if !w.fails(out.After) {
			t.Fatal("the result passes")
		}
		if out.Minimal {
			w.wantMinimal(t, out.After)
		}
	})
}

func TestARunThatPassesCannotBeShrunk(t *testing.T) {
	w := &puzzle{cores: [][]string{{"input 7"}}}
	_, err := explore.Shrink(t.Context(), w.world(), &explore.Trial{Nodes: 3}, explore.ShrinkOptions{Runs: 10, Workers: 1})
	if !errors.Is(err, explore.ErrPasses) {
		t.Errorf("err is %v", err)
	}
}

func TestShrinkingEndsWhenItIsInterrupted(t *testing.T) {
	w := &puzzle{cores: [][]string{nil}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	trial := &explore.Trial{Nodes: 3}
	out, err := explore.Shrink(ctx, w.world(), trial, explore.ShrinkOptions{Runs: 10, Workers: 2})
	if !errors.Is(err, context.Canceled) || out.After != trial || out.Minimal {
		t.Errorf("err is %v, and what came of it %+v", err, out)
	}
}

// weight is by what shrinking calls a trial smaller.
func (w *puzzle) weight(t *explore.Trial) int {
	n := 2*(len(w.inputs)-len(t.Without)) + len(t.Answers) + t.Nodes
	for _, f := range t.Faults {
		if f.Op != fault.Heal {
			n += 4
		}
	}
	return n
}

// interrupt interrupts shrinking in its last run, and fails unless the smallest trial
// that failed is given. It reports whether that is smaller than the whole.
func (w *puzzle) interrupt(t interface{ Fatalf(string, ...any) }, trial *explore.Trial, last int64) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.runs.Store(0)
	x := w.world()
	least, guarded := w.weight(trial), x.Fails
	x.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded {
		out := guarded(t, g)
		if out.Fails {
			least = min(least, w.weight(t))
		}
		if w.runs.Load() >= last {
			cancel()
		}
		return out
	}
	out, err := explore.Shrink(ctx, x, trial, explore.ShrinkOptions{Runs: 100_000, Workers: 1})
	if err == nil {
		return false // it was over before
	}
	if !errors.Is(err, context.Canceled) || out.Minimal || !out.Is.Failed() || !w.fails(out.After) {
		t.Fatalf("interrupted in run %d: err is %v, and what came of it %+v", last, err, out)
	}
	if got := w.weight(out.After); got != least {
		t.Fatalf("interrupted in run %d, the result weighs %d, and one of %d failed before", last, got, least)
	}
	if want := fmt.Sprintf("perhaps not minimal: interrupted after %d run", out.Runs); !strings.HasPrefix(out.Certificate(), want) {
		t.Fatalf("interrupted in run %d it says %q, want %q", last, out.Certificate(), want)
	}
	return least < w.weight(trial)
}

func TestAnInterruptedShrinkingGivesTheSmallestTrialSoFar(t *testing.T) {
	smaller := 0
	property := func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		if w.fails(trial) && w.interrupt(t, trial, rapid.Int64Range(1, 200).Draw(t, "last run")) {
			smaller++
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if smaller == 0 {
		t.Error("nothing was smaller when it was interrupted: that shows nothing")
	}
}

// With inputs taken away first, many faults are left; with faults first, one.
func TestALaterWayIsInterruptedWithWhatIsSmallest(t *testing.T) {
	w := &puzzle{minNodes: 3, inputs: []uint64{0, 1, 2}, cores: [][]string{{"input 0", "input 1", "input 2", "fault 7"}, nil}}
	trial := &explore.Trial{Nodes: 3}
	for id := uint64(7); id < 13; id++ {
		trial.Faults = append(trial.Faults, fault.Fault{ID: id, Op: fault.Restart, At: 1})
		w.cores[1] = append(w.cores[1], fmt.Sprintf("fault %d", id))
	}
	out := shrink(t, w.world(), trial, 1000, 1)
	if len(out.After.Faults) != 1 {
		t.Fatalf("%v are left: that shows nothing", out.After.Faults)
	}
	for last := range int64(out.Runs) {
		w.interrupt(t, trial, last+1)
	}
}

// Without fault 8 the run fails as well, but later than is worth waiting for again
// and again.
func TestARunGivenUpForItsLengthIsNoPass(t *testing.T) {
	w := &puzzle{minNodes: 3, cores: [][]string{{"fault 7"}}, longer: map[string]uint64{"fault 8": 100_000}}
	trial := &explore.Trial{Nodes: 3}
	for _, id := range []uint64{7, 8} {
		trial.Faults = append(trial.Faults, fault.Fault{ID: id, Op: fault.Restart, At: 1})
	}
	out := shrink(t, w.world(), trial, 1000, 1)
	if got := out.Certificate(); got != "removing any one of these makes the check pass: 1 fault" || !out.Minimal || out.After.Faults[0].ID != 7 {
		t.Errorf("of %v it says %q", out.After.Faults, got)
	}
	for runs := range out.Runs - 1 {
		early := shrink(t, w.world(), trial, runs+1, 1)
		if early.Minimal && len(early.After.Faults) > 1 {
			t.Errorf("in %d runs it is called minimal with %v", runs+1, early.After.Faults)
		}
	}
}

// The pause needs a node that is up: so without its restart there is no run.
func TestTheCertificateSaysWhenSomethingCannotBeRemovedAlone(t *testing.T) {
	trial := &explore.Trial{Nodes: 3, Faults: []fault.Fault{
		{ID: 7, Op: fault.Crash, At: 1}, {ID: 8, Op: fault.Restart, At: 20}, {ID: 9, Op: fault.Pause, At: 40, For: time.Second}}}
	w := &puzzle{minNodes: 3, cores: [][]string{{"fault 7", "fault 9"}}}
	out := shrink(t, w.world(), trial, 1000, 1)
	const want = "removing any one of these that can be removed alone makes the check pass: 3 faults"
	if got := out.Certificate(); got != want || !out.Minimal {
		t.Errorf("of %v it says %q, want %q", out.After.Faults, got, want)
	}
}

func TestTheCertificateCountsWhatIsLeft(t *testing.T) {
	w := &puzzle{minNodes: 1, inputs: []uint64{0, 1, 2}, cores: [][]string{{"input 1", "fault 7", "fault 8", "answer 4"}}}
	trial := &explore.Trial{Nodes: 3, Answers: []source.Answer{{Key: protocol.Key{Kind: protocol.KindOf("pick"), N: 4}, Range: 9, Value: 8}}}
	for i := range 3 {
		trial.Faults = append(trial.Faults, fault.Fault{ID: uint64(6 + i), Op: fault.Restart, At: 1})
	}
	out := shrink(t, w.world(), trial, 1000, 1)
	const want = "removing any one of these makes the check pass: 1 input, 2 faults, 1 answer"
	if got := out.Certificate(); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if v := out.After.Answers[0].Value; v != 1 {
		t.Errorf("the answer is %d, want the least that is not benign", v)
	}
	early := shrink(t, w.world(), trial, 3, 1)
	if got := early.Certificate(); got != "perhaps not minimal: 3 runs were not enough to try removing each of these alone" {
		t.Errorf("of a search that ended early it says %q", got)
	}
}
