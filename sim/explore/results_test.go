package explore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"

	"pgregory.net/rapid"
)

// resultsOf returns the results file of a sweep as text, and the report.
func resultsOf(t *testing.T, o explore.SweepOptions) (string, explore.SweepReport) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "results")
	r := sweepTo(t, path, o)
	return read(t, path), r
}

func merge(texts ...string) (*explore.Merged, error) {
	var files []explore.ResultsFile
	for i, text := range texts {
		files = append(files, explore.ResultsFile{Name: string(rune('a' + i)), R: strings.NewReader(text)})
	}
	return explore.Merge(files)
}

func TestAResultsFileOfSomethingElseIsRefused(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 30}
	good, _ := resultsOf(t, o)
	lines := strings.SplitAfter(good, "\n")
	without := func(i int) string { return strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "") }
	cases := []struct{ text, want string }{
		{"some notes\n", "is not a results file"},
		{"some notes", "is not a results file"},
		{"{}\n", "is not a results file"},
		{`{"format":"dessim results 2"}` + "\n", `has the format "dessim results 2"`},
		{without(0), "is not a results file"},
		{without(1), "line 2 is not the result of seed 1"},
		{without(9), "line 10 is not the result of seed 9"},
		{lines[0] + lines[1] + lines[1], "line 3 is not the result of seed 2"},
		{lines[0] + "{\n", "line 2 is damaged"},
		{lines[0] + strings.Replace(lines[1], `"events":`, `"events": `, 1), "line 2 is not the result"},
		{lines[0] + strings.Repeat("x", 2<<20), "line 2 is longer"},
		{strings.Replace(good, `"unseen":["seldom"`, `"unseen":["x","seldom"`, 1), ""}, // as good as any other
		{strings.Replace(good, `"checks":["seldom"`, `"checks":["rarely"`, 1), "has results of other checks"},
		{strings.Replace(good, `"v1"`, `"v2"`, 1), `has results of version "v2", not "v1"`},
		{strings.Replace(good, `"coin"`, `"dice"`, 1), `has results of scenario "dice", not "coin"`},
		{strings.Replace(good, `"random"`, `"pct"`, 1), `has results of strategy "pct", not "random"`},
		{strings.Replace(good, `"nodes","3"`, `"nodes","4"`, 1), `parameters of "sweep <coins>"`},
		{strings.ReplaceAll(good, `"from":1`, `"from":2`), "begins with seed 2, not 1"},
		{strings.Replace(good, `"from":1`, `"from":2`, 1), "line 1 begins with seed 2, which is not the first of its range, 1"},
		{strings.Replace(good, `"to":30`, `"to":0`, 1), "line 1 has no range of seeds"},
		{strings.Replace(good, `"to":30}`, `"to":30},"shard":{"index":3,"of":2}`, 1), "line 1 is of shard 3 of 2"},
		{strings.Replace(good, `"verdict":"violation"`, `"verdict":"violatNon"`, 1), `is damaged: it has the verdict "violatNon"`},
		{strings.Replace(good, `"verdict":"pass"`, `"verdict":"unseen"`, 1), `is damaged: it has the verdict "unseen"`},
		{strings.Replace(good, `"verdict":"pass"`, `"verdict":""`, 1), `is damaged: it has the verdict ""`},
		{lines[0] + lines[1] + strings.Replace(lines[0], `"v1"`, `"v2"`, 1), "line 3 continues another sweep"},
		{lines[0] + lines[1] + strings.ReplaceAll(lines[0], `"from":1`, `"from":2`), "line 3 continues another sweep"},
		{lines[0] + lines[1] + strings.Replace(lines[0], `"from"`, ` "from"`, 1), "line 3 is not what a sweep writes"},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), "results")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		results, err := explore.OpenResults(path, header(o))
		if err == nil {
			with := o
			with.Results = results
			_, err = explore.Sweep(t.Context(), coin(), with)
			results.Close()
		}
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80q: %v, want %q", c.text, err, c.want)
		}
		if got := read(t, path); got != c.text {
			t.Errorf("%.80q was refused and is now %.80q", c.text, got)
		}
	}
}

func TestResultsWithTheLineEndsOfWindowsAreMergedAndContinued(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 30}
	good, want := resultsOf(t, o)
	lines := strings.SplitAfter(good, "\n")
	windows := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	m, err := merge(windows(good), good)
	if err != nil || m.Seeds != want.Seeds || m.Violations != want.Violations {
		t.Errorf("merged to %+v, %v, want %+v", m, err, want)
	}
	path := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(path, []byte(windows(strings.Join(lines[:9], ""))+lines[9][:5]), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := sweepTo(t, path, o); !reflect.DeepEqual(got, want) || strings.ReplaceAll(read(t, path), "\r", "") != good {
		t.Errorf("continued to %+v, want %+v:\n%s", got, want, read(t, path))
	}
}

func TestTwoProcessesCannotAppendToOneFile(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "results"), explore.SweepOptions{From: 1, To: 2}
	first, err := explore.OpenResults(path, header(o))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if second, err := explore.OpenResults(path, header(o)); err == nil {
		second.Close()
		t.Skip("no locks here")
	} else if !strings.Contains(err.Error(), "another process") {
		t.Error(err)
	}
}

func TestResultsThatCannotBeWrittenEndTheSweep(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 2}
	results, err := explore.OpenResults(filepath.Join(t.TempDir(), "results"), header(o))
	if err != nil {
		t.Fatal(err)
	}
	results.Close()
	o.Results = results
	_, err = explore.Sweep(t.Context(), coin(), o)
	var write *explore.WriteError
	if !errors.As(err, &write) {
		t.Errorf("%v, want a WriteError", err)
	}
}

// Whatever files the seeds are in, and how often, the report is that of one sweep.
func TestMergedShardsAreOneSweep(t *testing.T) {
	const from, to = 10, 150
	part := make(map[explore.Span]string)
	results := func(s explore.Span) string {
		if part[s] == "" {
			part[s], _ = resultsOf(t, explore.SweepOptions{From: s.From, To: s.To})
		}
		return part[s]
	}
	_, want := resultsOf(t, explore.SweepOptions{From: from, To: to})
	rapid.Check(t, func(rt *rapid.T) {
		texts := []string{results(explore.Span{From: from, To: 60}), results(explore.Span{From: 61, To: to})}
		for range rapid.IntRange(0, 4).Draw(rt, "more") {
			first := from + rapid.Uint64Range(0, 9).Draw(rt, "first")*10
			text := results(explore.Span{From: first, To: min(to, first+40)})
			texts = append(texts, text[:rapid.IntRange(0, len(text)).Draw(rt, "torn")])
		}
		got, err := merge(rapid.Permutation(texts).Draw(rt, "order")...)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got.SweepReport, want) || len(got.Covered) != 1 || got.Covered[0] != (explore.Span{From: from, To: to}) {
			rt.Fatalf("merged to\n%+v, covering %v\nwant\n%+v", got.SweepReport, got.Covered, want)
		}
	})
}

func TestSeedsThatAreMissingBetweenShardsAreReported(t *testing.T) {
	a, _ := resultsOf(t, explore.SweepOptions{From: 1, To: 20})
	b, _ := resultsOf(t, explore.SweepOptions{From: 31, To: 40})
	m, err := merge(b, a, "")
	if err != nil {
		t.Fatal(err)
	}
	if gap := []explore.Span{{From: 21, To: 30}}; !reflect.DeepEqual(m.Missing(), gap) || m.Verdict() == check.Pass {
		t.Errorf("misses %v, want %v; verdict %s", m.Missing(), gap, m.Verdict())
	}
	if want := []explore.Span{{From: 1, To: 20}, {From: 31, To: 40}}; m.Complete || m.Seeds != 30 || !reflect.DeepEqual(m.Covered, want) || m.Next != 21 {
		t.Errorf("%+v", m)
	}
}

// passes is a world in which nothing fails.
func passes() *explore.World {
	return &explore.World{Seed: func(uint64, protocol.Source, bool, ...sim.Observer) (explore.Outcome, *explore.Trial) {
		return explore.Outcome{Verdict: check.Pass}, nil
	}}
}

// shardOf returns the results file of a shard of passing seeds.
func shardOf(t *testing.T, seeds explore.Span, shard explore.Shard) string {
	t.Helper()
	from, to, _ := shard.Part(seeds.From, seeds.To)
	h := header(explore.SweepOptions{From: from})
	h.Seeds, h.Shard = &seeds, &shard
	path := filepath.Join(t.TempDir(), "results")
	results, err := explore.OpenResults(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	mustSweep(t, passes(), explore.SweepOptions{From: from, To: to, Results: results})
	return read(t, path)
}

// Whichever shard is lost, cut short, or never began: the merge names its seeds.
func TestSeedsThatNobodyRanAreMissing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.SampledFrom([]uint64{0, 1, 7, math.MaxUint64 - 40}).Draw(rt, "from")
		seeds := explore.Span{From: from, To: from + rapid.Uint64Range(2, 40).Draw(rt, "seeds")}
		of := rapid.Uint64Range(1, 3).Draw(rt, "shards")
		run := make(map[uint64]bool)
		var texts []string
		for i := range of {
			shard := explore.Shard{Index: i + 1, Of: of}
			first, last, _ := shard.Part(seeds.From, seeds.To)
			lines := strings.SplitAfter(shardOf(t, seeds, shard), "\n")
			left := rapid.IntRange(-1, int(last-first)+1).Draw(rt, "lines")
			if left < 0 && (len(texts) > 0 || i+1 < of) {
				continue // the whole file is lost
			}
			for k := range max(left, 0) {
				run[first+uint64(k)] = true
			}
			texts = append(texts, strings.Join(lines[:1+max(left, 0)], ""))
		}
		m, err := merge(rapid.Permutation(texts).Draw(rt, "order")...)
		if err != nil {
			rt.Fatal(err)
		}
		missing := uint64(0)
		for _, s := range m.Missing() {
			for seed := s.From; ; seed++ {
				if missing++; run[seed] || seed < seeds.From || seed > seeds.To {
					rt.Fatalf("seed %d is said to be missing; %v", seed, m.Missing())
				}
				if seed == s.To {
					break
				}
			}
		}
		whole := seeds.To - seeds.From + 1
		if missing != whole-uint64(len(run)) || m.Asked != seeds || m.Complete != (missing == 0) || (m.Verdict() == check.Pass) != (missing == 0) || m.Unknown != nil {
			rt.Fatalf("%d of %d seeds were run; missing are %v, verdict %s: %+v", len(run), whole, m.Missing(), m.Verdict(), m)
		}
	})
}

func TestOldResultsAreMergedAndTheirRangeIsUnknown(t *testing.T) {
	seeds := explore.Span{From: 1, To: 12}
	a, b := shardOf(t, seeds, explore.Shard{Index: 1, Of: 2}), shardOf(t, seeds, explore.Shard{Index: 2, Of: 2})
	old := func(text string) string {
		i, j := strings.Index(text, `,"seeds":`), strings.Index(text, "}\n")
		return text[:i] + text[j:]
	}
	for _, x := range []struct {
		texts   []string
		unknown []string
		missing []explore.Span
	}{
		{[]string{old(a), old(b)}, []string{"a", "b"}, nil},
		{[]string{old(a)}, []string{"a"}, nil},
		{[]string{old(a), b}, []string{"a"}, nil},
		{[]string{a, ""}, nil, []explore.Span{{From: 7, To: 12}}},
		{[]string{strings.SplitAfter(old(a), "\n")[0]}, []string{"a"}, nil},
	} {
		m, err := merge(x.texts...)
		if err != nil || !reflect.DeepEqual(m.Unknown, x.unknown) || !reflect.DeepEqual(m.Missing(), x.missing) {
			t.Errorf("%+v, %v; missing %v; want %v and %v", m, err, m.Missing(), x.unknown, x.missing)
		}
	}
}

// A file is of the seeds that were asked for last, however far it is.
func TestAContinuedFileIsOfTheSeedsAskedForLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	for _, x := range []struct {
		to, ran uint64
		missing []explore.Span
	}{
		{10, 10, nil},
		{20, 20, nil},
		{5, 20, nil}, // all there: the file is left as it is
		{40, 20, []explore.Span{{From: 21, To: 40}}},
		{30, 30, nil},
		{30, 30, nil},
	} {
		o := explore.SweepOptions{From: 1, To: x.to}
		results, err := explore.OpenResults(path, header(o))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if o.Results = results; x.to == 40 {
			cancel() // before its first run
		}
		if _, err := explore.Sweep(ctx, passes(), o); err != nil {
			t.Fatal(err)
		}
		cancel()
		results.Close()
		m, err := merge(read(t, path))
		if err != nil || m.Seeds != x.ran || !reflect.DeepEqual(m.Missing(), x.missing) {
			t.Errorf("to %d: %+v, %v; missing %v, want %v", x.to, m, err, m.Missing(), x.missing)
		}
	}
}

func TestAnOldFileThatIsContinuedSaysItsRange(t *testing.T) {
	path, seeds := filepath.Join(t.TempDir(), "results"), explore.Span{From: 1, To: 6}
	text := shardOf(t, seeds, explore.Shard{Index: 1, Of: 1})
	i, j := strings.Index(text, `,"seeds":`), strings.Index(text, "}\n")
	if err := os.WriteFile(path, []byte(text[:i]+text[j:]), 0o666); err != nil {
		t.Fatal(err)
	}
	o := explore.SweepOptions{From: 1, To: 9}
	results, err := explore.OpenResults(path, header(o))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	o.Results = results
	if r := mustSweep(t, passes(), o); r.Seeds != 9 {
		t.Errorf("%+v", r)
	}
	if m, err := merge(read(t, path)); err != nil || m.Unknown != nil || m.Asked != (explore.Span{From: 1, To: 9}) || m.Verdict() != check.Pass {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestABudgetLeavesAPassAndTellsWhatIsMissing(t *testing.T) {
	r := mustSweep(t, passes(), explore.SweepOptions{From: 1, To: explore.MaxSeeds, Budget: time.Millisecond})
	if r.Seeds == 0 {
		t.Skip("no run began within a millisecond")
	}
	if missing := r.Missing(); r.Verdict() != check.Pass || !r.Limited || len(missing) != 1 || missing[0] != (explore.Span{From: r.Next, To: explore.MaxSeeds}) {
		t.Errorf("%+v, missing %v", r, missing)
	}
}

func TestShardsThatDisagreeAreNotMerged(t *testing.T) {
	a, _ := resultsOf(t, explore.SweepOptions{From: 1, To: 20})
	b, _ := resultsOf(t, explore.SweepOptions{From: 11, To: 30})
	i := strings.Index(b, `"seed":15`)
	b = b[:i] + strings.Replace(b[i:], `"digest":"`, `"digest":"f`, 1)
	var differs *explore.NotDeterministicError
	for _, files := range [][]string{{a, b}, {b, a}} {
		if _, err := merge(files...); !errors.As(err, &differs) || differs.Seed != 15 {
			t.Errorf("%v, want that seed 15 differs", err)
		}
	}
	var file *explore.FileError
	other := strings.Replace(a, `"v1"`, `"v2"`, 1)
	for want, texts := range map[string][]string{
		`"b": has results of version`: {a, other},
		`"b": is not a results file`:  {a, "notes\n"},
		`"a": line 3 is damaged`:      {strings.Join(strings.SplitAfter(a, "\n")[:2], "") + "{\n", a},
	} {
		if _, err := merge(texts...); !errors.As(err, &file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := merge("", ""); err == nil {
		t.Error("merged nothing")
	}
	c, _ := resultsOf(t, explore.SweepOptions{From: 1, To: 300, Strategy: explore.Guided})
	d, _ := resultsOf(t, explore.SweepOptions{From: 100, To: 400, Strategy: explore.Guided})
	e, _ := resultsOf(t, explore.SweepOptions{From: 301, To: 400, Strategy: explore.Guided})
	none := strings.SplitAfter(e, "\n")[0] // a shard that made no run
	for shards, files := range map[int][]string{1: {c, c, none}, 2: {c, e, none}} {
		if m, err := merge(files...); err != nil || m.Shards != shards || m.Complete != (shards == 2) {
			t.Errorf("of %d shards: %+v, %v", shards, m, err)
		}
	}
	if _, err := merge(c, d); !errors.As(err, &file) || !strings.Contains(err.Error(), "shards of one guided sweep") {
		t.Errorf("guided sweeps that began at different seeds: %v", err)
	}
}

func TestASweepWithErrorsIsMergedAndContinued(t *testing.T) {
	o := explore.SweepOptions{From: 100, To: 1100}
	text, want := resultsOf(t, o)
	if want.Errors == 0 {
		t.Fatal("no run has an error")
	}
	m, err := merge(text)
	if err != nil || !reflect.DeepEqual(m.SweepReport, want) {
		t.Errorf("merged to %+v, %v, want %+v", m, err, want)
	}
	path := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(path, []byte(text[:len(text)-9]), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := sweepTo(t, path, o); !reflect.DeepEqual(got, want) {
		t.Errorf("continued to %+v, want %+v", got, want)
	}
}

// Who makes the runs one after the other makes those of a sweep.
func TestACourseMakesTheRunsOfASweep(t *testing.T) {
	const seeds = 300
	for _, strategy := range explore.Strategies() {
		text, _ := resultsOf(t, explore.SweepOptions{From: 1, To: seeds, Strategy: strategy, Workers: 3})
		w, course := coin(), explore.Course{Strategy: strategy}
		mutants := 0
		for seed := range uint64(seeds) {
			course.Next(seed+1, func(r explore.SeedRun, src protocol.Source, observers ...sim.Observer) {
				o, _ := w.Seed(r.Salt(), src, false, observers...)
				if !strings.Contains(text, fmt.Sprintf("%q", o.Digest.String())) {
					t.Errorf("%v: the sweep has no run like %+v", strategy, r)
				}
				if len(r.Ancestors) > 0 {
					mutants++
				}
			})
		}
		if (mutants > 0) != (strategy == explore.Guided) {
			t.Errorf("%v: %d mutants", strategy, mutants)
		}
	}
}
