package explore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// cached returns what starts processes with a cache of their own: the first run of each does
// something else than those that follow. most is the most runs that one has made.
func cached(isolation explore.Isolation, most *atomic.Int64) func(threads int) (io.ReadWriteCloser, error) {
	return serving(func(in io.Reader, out io.Writer) error {
		made := int64(0)
		w := hiding(func() string { return fmt.Sprint("filled ", made > 1) })
		seed := w.Seed
		w.Seed = func(s uint64, src protocol.Source, record bool, o ...sim.Observer) (explore.Outcome, *explore.Trial) {
			made++
			for n := most.Load(); n < made && !most.CompareAndSwap(n, made); n = most.Load() {
			}
			return seed(s, src, record, o...)
		}
		w.Isolation = isolation
		return serveOne(w, in, out)
	})
}

func TestWhereEachRunHasAProcessWhatIsDoneOnceAProcessMakesNoDifference(t *testing.T) {
	for isolation, want := range map[explore.Isolation]string{
		explore.EachRun:    "",
		explore.EachWorker: "not deterministic: seed 257 ", // the second in the sample
	} {
		var most atomic.Int64
		o := explore.SweepOptions{From: 1, To: 300, Workers: 2, Process: cached(isolation, &most)}
		r, err := explore.Sweep(t.Context(), &explore.World{Isolation: isolation}, o)
		switch {
		case want == "" && (err != nil || !r.Complete || r.Seeds != 300 || most.Load() != 1):
			t.Errorf("%v: %v, after %d seeds; a process made %d runs", isolation, err, r.Seeds, most.Load())
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%v: %v, want %q", isolation, err, want)
		}
	}
}

// The process with two threads makes another run: it is the second.
func TestARunThatDiffersInASecondProcessIsReportedWithItsPlaceAndTheReportSoFar(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 300, Workers: 2}
	o.Process = func(threads int) (io.ReadWriteCloser, error) {
		return serving(func(in io.Reader, out io.Writer) error {
			w := hiding(func() string { return fmt.Sprint(threads) })
			seed := w.Seed
			w.Seed = func(s uint64, src protocol.Source, record bool, o ...sim.Observer) (explore.Outcome, *explore.Trial) {
				if s < 257 {
					threads = 1
				}
				return seed(s, src, record, o...)
			}
			w.Isolation = explore.EachRun
			return serveOne(w, in, out)
		})(threads)
	}
	r, err := explore.Sweep(t.Context(), &explore.World{Isolation: explore.EachRun}, o)
	var differs *explore.NotDeterministicError
	if !errors.As(err, &differs) || differs.Seed != 257 || differs.Difference == nil || differs.Difference.Place() != "step 4, 3000.000000 ms" {
		t.Errorf("%v", err)
	}
	if r.Seeds != 256 || r.Next != 257 || r.Complete {
		t.Errorf("the report is of %d seeds, the next is %d", r.Seeds, r.Next)
	}
}

// A World whose runs are apart gives what it gives here: outcomes, and what observers see.
func TestRunsApartAreTheRunsHere(t *testing.T) {
	here := raceWorld()
	trial := failingRace(t, here)
	apart := apartOf(t, here)
	var a, b events
	want, got := here.Try(trial, &a), apart.Try(trial, &b)
	if diff := cmp.Diff(want, got); diff != "" || len(a.all) == 0 || !cmp.Equal(a.all, b.all, cmpopts.EquateEmpty()) {
		t.Errorf("here and there:\n%s%d and %d events", diff, len(a.all), len(b.all))
	}
	shrunk := func(w *explore.World) string {
		s := shrink(t, w, trial, 1000, 2)
		return fmt.Sprintf("%d runs, %+v, %s", s.Runs, *s.After, s.Certificate())
	}
	if x, y := shrunk(here), shrunk(apart); x != y {
		t.Errorf("shrunk here\n%s\nand apart\n%s", x, y)
	}
}

func TestShrinkingApartIsShrinkingHere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, trial := drawPuzzle(t)
		if !w.fails(trial) {
			t.Skip("it passes")
		}
		want := shrink(t, w.world(), trial, 300, 1)
		got := shrink(t, apartOf(t, w.world()), trial, 300, 2)
		if want.Runs != got.Runs || !cmp.Equal(want.After, got.After, cmpopts.EquateEmpty()) || want.Certificate() != got.Certificate() {
			t.Errorf("%+v in %d runs\nand apart %+v in %d", want.After, want.Runs, got.After, got.Runs)
		}
	})
}

func TestAProcessThatFailsEndsTheSearchAndIsReportedOnce(t *testing.T) {
	failures := 0
	ctx, cancel := context.WithCancelCause(t.Context())
	here := raceWorld()
	trial := failingRace(t, here)
	apart := here.Apart(explore.Processes{Context: ctx, Fail: func(err error) { failures++; cancel(err) },
		Start: func(int) (io.ReadWriteCloser, error) { return nil, errors.New("no such file") }})
	_, err := explore.Shrink(ctx, apart, trial, explore.ShrinkOptions{Runs: 1000, Workers: 3})
	var failed *explore.ProcessError
	if err == nil || failures != 1 || !errors.As(context.Cause(ctx), &failed) || !strings.Contains(failed.Error(), "no such file") {
		t.Errorf("%v, %d failures, %v", err, failures, context.Cause(ctx))
	}
}

// apartOf returns w with its runs in processes, each of which has a world of its own and ends after
// a run.
func apartOf(t interface{ Error(...any) }, w *explore.World) *explore.World {
	there := *w
	there.Isolation = explore.EachRun
	return there.Apart(explore.Processes{Context: context.Background(), Fail: func(err error) { t.Error(err) },
		Start: serving(func(in io.Reader, out io.Writer) error { return serveOne(&there, in, chatty{out}) })})
}

// failingRace returns a trial that fails.
func failingRace(t *testing.T, w *explore.World) *explore.Trial {
	t.Helper()
	faults, err := fault.Parse("order 0 at 0s; order 1 at 0s; heal at 20s; yield 0 20% at 0s; yield 1 20% at 0s for 5s")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range source.Seed(20) {
		if trial, o := recordRace(t, w, seed, faults); o.Failed() {
			return trial
		}
	}
	t.Fatal("no seed fails")
	return nil
}

// events keeps what it sees.
type events struct{ all []sim.Event }

func (x *events) Watch() sim.What { return sim.Received | sim.Sent | sim.Crashed }

func (x *events) Observe(e *sim.Event) {
	c := *e
	c.Body = append([]byte(nil), e.Body...)
	x.all = append(x.all, c)
}
