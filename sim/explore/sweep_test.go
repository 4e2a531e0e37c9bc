package explore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a third
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// coin is a world of runs that ask a few questions and are judged by the answers: one
// in 16 fails, in one of two ways, one in 16 is inconclusive, and one in 1024 panics.
// Later seeds often end before earlier ones.
func coin() *explore.World {
	return &explore.World{Checks: []string{"seldom", "never", "order"}, Seed: func(seed uint64, src protocol.Source, record bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		if src == nil {
			src = source.Seed(seed)
		}
		r := &source.Recorder{Source: src}
		ask := func(kind string, n uint64) uint64 {
			return r.Choose(protocol.Key{Kind: protocol.KindOf(kind), N: seed}, n)
		}
		var answers uint64
		for i := range uint64(20) {
			k := protocol.KindOf(fmt.Sprintf("m%d", ask(fmt.Sprintf("a%d", i), 12)))
			for _, o := range observers {
				o.Observe(&sim.Event{What: sim.Received, Node: protocol.NodeID(i % 3), Kind: k, Incarnation: 1})
			}
			answers = protocol.Hash2(answers, uint64(k))
		}
		for range ask("slow", 50) {
			runtime.Gosched()
		}
		o := explore.Outcome{Verdict: check.Pass, Digest: sim.Digest{Decisions: answers}}
		o.Sim.Events = 10 + ask("size", 90)
		o.Sim.Sent, o.Sim.End = 2*o.Sim.Events, protocol.Time(seed)
		o.Counts = []explore.Count{{Name: "b", N: ask("b", 5)}, {Name: "a"}}
		o.Impacts = []explore.Count{{Name: "fault 1"}, {Name: "fault 2", N: ask("impact", 100) / 99}}
		o.Checks = []check.Result{{Name: "seldom", Verdict: check.Unseen}, {Name: "never", Verdict: check.Unseen}}
		switch ask("verdict", 16) {
		case 1:
			o.Verdict = check.Violation
			o.Checks = append(o.Checks, check.Result{Name: "order", Verdict: check.Violation,
				Detail: fmt.Sprintf("node %d is %s", seed, []string{"early", "late"}[ask("how", 2)])})
		case 2:
			o.Verdict = check.Inconclusive
			o.Checks = append(o.Checks, check.Result{Name: fmt.Sprintf("node %d speaks", seed), Verdict: check.Inconclusive})
		case 3:
			o.Checks[0].Verdict = check.Pass
		case 4:
			if ask("panic", 64) == 1 {
				o.Failure, o.Checks = "node 1: bad state", nil
			}
		}
		return o, &explore.Trial{Answers: r.Answers()}
	}}
}

func mustSweep(t *testing.T, w *explore.World, o explore.SweepOptions) explore.SweepReport {
	t.Helper()
	r, err := explore.Sweep(t.Context(), w, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func header(o explore.SweepOptions) explore.Header {
	return explore.Header{Version: "v1", Command: "sweep <coins>", Scenario: "coin", Checks: coin().Checks, Params: []string{"nodes", "3"}, Strategy: o.Strategy.String(), From: o.From,
		Seeds: &explore.Span{From: o.From, To: o.To}}
}

// sweepTo sweeps with a results file.
func sweepTo(t *testing.T, path string, o explore.SweepOptions) explore.SweepReport {
	t.Helper()
	results, err := explore.OpenResults(path, header(o))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	o.Results = results
	return mustSweep(t, coin(), o)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWorkersLeaveNoTraceInTheResults(t *testing.T) {
	for _, strategy := range explore.Strategies() {
		var report explore.SweepReport
		var text string
		for _, workers := range []int{1, 2, 7} {
			path := filepath.Join(t.TempDir(), "results")
			r := sweepTo(t, path, explore.SweepOptions{From: 5, To: 1200, Strategy: strategy, Workers: workers})
			if workers == 1 {
				report, text = r, read(t, path)
			}
			if !reflect.DeepEqual(r, report) || read(t, path) != text {
				t.Errorf("%v: %d workers report\n%+v\none\n%+v", strategy, workers, r, report)
			}
		}
		if n := report.Passed + report.Violations + report.Inconclusive + report.Errors; report.Seeds != 1196 || n != 1196 || !report.Complete {
			t.Errorf("%v: %+v", strategy, report)
		}
		if len(report.Groups) < 2 || report.Inconclusive == 0 {
			t.Errorf("%v: nothing happened: %+v", strategy, report)
		}
	}
}

// TestReportsAreWhatOneLoopCounts compares with the obvious loop.
func TestReportsAreWhatOneLoopCounts(t *testing.T) {
	const from, to = 100, 1100
	got := mustSweep(t, coin(), explore.SweepOptions{From: from, To: to})
	want := explore.SweepReport{Complete: true, Unseen: []string{"never"}, Next: to + 1,
		Checks:  []explore.Judged{{Check: "seldom"}, {Check: "never"}, {Check: "order"}, {Check: "node # speaks"}, {Check: explore.Unbroken}},
		Counts:  []explore.Sum{{Count: explore.Count{Name: "b"}}, {Count: explore.Count{Name: "a"}}},
		Impacts: []explore.Sum{{Count: explore.Count{Name: "fault 1"}}, {Count: explore.Count{Name: "fault 2"}}}, Ineffective: []string{"fault 1"},
		Asked: explore.Span{From: from, To: to}, Covered: []explore.Span{{From: from, To: to}}}
	groups := make(map[string]*explore.Group)
	var order []string
	var events []uint64
	for seed := uint64(from); seed <= to; seed++ {
		o, _ := coin().Seed(seed, nil, false)
		want.Seeds++
		for i := range 2 {
			addTo(&want.Counts[i], o.Counts[i].N)
			addTo(&want.Impacts[i], o.Impacts[i].N)
		}
		for _, c := range o.Checks {
			j := &want.Checks[3]
			if i := slices.IndexFunc(want.Checks, func(j explore.Judged) bool { return j.Check == c.Name }); i >= 0 {
				j = &want.Checks[i]
			}
			*map[check.Verdict]*uint64{check.Pass: &j.Passed, check.Violation: &j.Violated, check.Inconclusive: &j.Inconclusive, check.Unseen: &j.Unseen}[c.Verdict]++
		}
		events = append(events, o.Sim.Events)
		switch {
		case o.Failed():
			if o.Failure != "" {
				want.Errors++
				want.Checks[4].Violated++
			} else {
				want.Violations++
			}
			g := groups[o.Signature()]
			if g == nil {
				g = &explore.Group{Check: o.Check(), Signature: o.Signature(), First: seed, Events: math.MaxUint64}
				groups[o.Signature()] = g
				order = append(order, o.Signature())
			}
			g.Count++
			if o.Sim.Events < g.Events {
				g.Events, g.Smallest, g.Digest = o.Sim.Events, explore.SeedRun{Seed: seed}, o.Digest.String()
			}
		case o.Verdict == check.Pass:
			want.Passed++
		default:
			want.Inconclusive++
			if want.Doubts == nil {
				want.Doubts = []explore.Doubt{{Reason: "node # speaks", First: explore.SeedRun{Seed: seed}}}
			}
			if d := &want.Doubts[0]; d.Count < 5 {
				d.Seeds = append(d.Seeds, seed)
			}
			want.Doubts[0].Count++
		}
	}
	for _, s := range order {
		want.Groups = append(want.Groups, *groups[s])
	}
	slices.Sort(events) // the numbers are below 256, so that histograms know them exactly
	if h := &got.Events; h.N != got.Seeds || h.Least != events[0] || h.Quantile(50) != events[len(events)/2] || h.Most != events[len(events)-1] {
		t.Errorf("events are %+v, want from %d to %d", h, events[0], events[len(events)-1])
	}
	if got.Sent.Most != 2*got.Events.Most || got.End.Least != from || got.End.Most != to {
		t.Errorf("messages are %+v, times %+v", got.Sent, got.End)
	}
	want.Events, want.Sent, want.End = got.Events, got.Sent, got.End
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(order) != 3 {
		t.Errorf("groups %q, want two of the check and one of errors", order)
	}
}

// addTo adds what happened n times in a run.
func addTo(s *explore.Sum, n uint64) {
	s.N += n
	if n > 0 {
		s.Runs++
	}
}

// A file that ends anywhere, as a process that is killed leaves it, is continued to
// the very same file and report.
func TestASweepCutAnywhereContinues(t *testing.T) {
	for _, strategy := range []explore.Strategy{explore.Random, explore.Guided} {
		o := explore.SweepOptions{From: 1, To: 100, Strategy: strategy, Workers: 3}
		dir := t.TempDir()
		want := sweepTo(t, filepath.Join(dir, "whole"), o)
		whole := read(t, filepath.Join(dir, "whole"))
		rapid.Check(t, func(rt *rapid.T) {
			cut := rapid.IntRange(0, len(whole)).Draw(rt, "cut")
			path := filepath.Join(dir, "cut")
			if err := os.WriteFile(path, []byte(whole[:cut]), 0o666); err != nil {
				t.Fatal(err)
			}
			if r := sweepTo(t, path, o); !reflect.DeepEqual(r, want) || read(t, path) != whole {
				t.Fatalf("%v: cut at byte %d, it ends as\n%+v\nwant\n%+v", strategy, cut, r, want)
			}
		})
	}
}

func TestAnInterruptedSweepCoversAPrefix(t *testing.T) {
	for _, strategy := range []explore.Strategy{explore.Random, explore.Guided} {
		ctx, cancel := context.WithCancel(t.Context())
		w, o := coin(), explore.SweepOptions{From: 1, To: 100_000, Strategy: strategy, Workers: 3, Progress: func(p explore.Progress) {
			if p.Done == 300 {
				cancel()
			}
		}}
		r, err := explore.Sweep(ctx, w, o)
		if err != nil || r.Complete || r.Seeds < 300 || r.Seeds > 1000 || r.Next != r.Seeds+1 {
			t.Fatalf("%v: %+v, %v", strategy, r, err)
		}
		again := mustSweep(t, w, explore.SweepOptions{From: 1, To: r.Seeds, Strategy: strategy})
		again.Complete, again.Asked = false, r.Asked
		if !reflect.DeepEqual(r, again) {
			t.Errorf("%v: reports\n%+v\nwant\n%+v", strategy, r, again)
		}
	}
}

func TestASweepStopsAtTheSeedThatFailsItsQuota(t *testing.T) {
	all := mustSweep(t, coin(), explore.SweepOptions{From: 1, To: 2000})
	for _, quota := range []uint64{1, 2, 40} {
		r := mustSweep(t, coin(), explore.SweepOptions{From: 1, To: 2000, StopAfter: quota, Workers: 5})
		if r.Violations+r.Errors != quota || !r.Complete || quota == 1 && r.Next-1 != all.Groups[0].First {
			t.Errorf("stop after %d: %+v", quota, r)
		}
	}
}

func TestSeedsUpToTheLastAreSwept(t *testing.T) {
	r := mustSweep(t, coin(), explore.SweepOptions{From: math.MaxUint64 - 9, To: math.MaxUint64})
	if r.Seeds != 10 || !r.Complete {
		t.Errorf("%+v", r)
	}
}

func TestAFailureThatComesOnceIsNotBelieved(t *testing.T) {
	for _, flaky := range []uint64{77, 128} { // one that fails, and one of the sample
		w := coin()
		seed := w.Seed
		var runs atomic.Int64
		w.Seed = func(s uint64, src protocol.Source, record bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
			o, tr := seed(s, src, record, observers...)
			o.Verdict, o.Failure = check.Pass, ""
			if s == flaky && runs.Add(1) == 1 {
				o.Digest.Network++
				if s == 77 {
					o.Failure = "now and then"
				}
			}
			return o, tr
		}
		_, err := explore.Sweep(t.Context(), w, explore.SweepOptions{From: 1, To: 1000})
		var differs *explore.NotDeterministicError
		if !errors.As(err, &differs) || differs.Seed != flaky || !strings.Contains(err.Error(), "not deterministic: seed ") {
			t.Errorf("%v, want that seed %d is not deterministic", err, flaky)
		}
	}
}

func TestAPanicOfTheWorldReachesTheCaller(t *testing.T) {
	w := &explore.World{Seed: func(seed uint64, _ protocol.Source, _ bool, _ ...sim.Observer) (o explore.Outcome, t *explore.Trial) {
		if seed == 9 {
			panic("boom")
		}
		o.Verdict = check.Pass
		return o, nil
	}}
	defer func() {
		if v := recover(); !strings.HasPrefix(fmt.Sprint(v), "seed 9: boom, at dessim/sim/explore/sweep_test.go:") {
			t.Errorf("recovered %v", v)
		}
	}()
	explore.Sweep(t.Context(), w, explore.SweepOptions{From: 1, To: 500, Workers: 2})
	t.Error("no panic")
}

func TestRecordGivesTheRunThatWasCounted(t *testing.T) {
	for _, strategy := range explore.Strategies() {
		w := coin()
		r := mustSweep(t, w, explore.SweepOptions{From: 1, To: 700, Strategy: strategy})
		for i := range r.Groups {
			g := &r.Groups[i]
			trial, err := w.Record(strategy, g)
			if err != nil {
				t.Fatalf("%v: %v", strategy, err)
			}
			o, _ := w.Seed(g.Smallest.Salt(), source.NewReplay(trial.Answers), false)
			if o.Signature() != g.Signature || o.Sim.Events != g.Events || o.Digest.String() != g.Digest {
				t.Errorf("%v: group %+v replays as %q, %d events", strategy, g, o.Signature(), o.Sim.Events)
			}
			g.Digest = "other"
			if _, err := w.Record(strategy, g); err == nil {
				t.Errorf("%v: recorded as another run", strategy)
			}
		}
	}
}

func TestShardsPartTheSeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Uint64Range(0, math.MaxUint64-1000).Draw(t, "from")
		seeds := rapid.Uint64Range(1, 1000).Draw(t, "seeds")
		of := rapid.Uint64Range(1, 1100).Draw(t, "of")
		next, least, most := from, uint64(math.MaxUint64), uint64(0)
		for i := range of {
			first, last, ok := explore.Shard{Index: i + 1, Of: of}.Part(from, from+seeds-1)
			if ok != (i < seeds) {
				t.Fatalf("shard %d has seeds: %v", i+1, ok)
			}
			if !ok {
				continue
			}
			if first != next || last < first {
				t.Fatalf("shard %d is %d-%d, want it from %d", i+1, first, last, next)
			}
			next = last + 1
			least, most = min(least, last-first), max(most, last-first)
		}
		if next != from+seeds || most-least > 1 {
			t.Fatalf("shards end before %d, want %d; sizes differ by %d", next, from+seeds, most-least)
		}
	})
}
