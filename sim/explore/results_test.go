package explore_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

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
		{strings.Replace(good, `"seldom"`, `"x","seldom"`, 1), ""}, // as good as any other
		{strings.Replace(good, `"v1"`, `"v2"`, 1), `has results of version "v2", not "v1"`},
		{strings.Replace(good, `"coin"`, `"dice"`, 1), `has results of scenario "dice", not "coin"`},
		{strings.Replace(good, `"random"`, `"pct"`, 1), `has results of strategy "pct", not "random"`},
		{strings.Replace(good, `"nodes","3"`, `"nodes","4"`, 1), `parameters of "sweep <coins>"`},
		{strings.Replace(good, `"from":1`, `"from":2`, 1), "begins with seed 2, not 1"},
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

func TestSeedsThatAreMissingBetweenShardsAreTold(t *testing.T) {
	a, _ := resultsOf(t, explore.SweepOptions{From: 1, To: 20})
	b, _ := resultsOf(t, explore.SweepOptions{From: 31, To: 40})
	m, err := merge(b, a, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := []explore.Span{{From: 1, To: 20}, {From: 31, To: 40}}; m.Complete || m.Seeds != 30 || !reflect.DeepEqual(m.Covered, want) || m.Next != 21 {
		t.Errorf("%+v", m)
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
	none := strings.Replace(strings.SplitAfter(e, "\n")[0], `"from":301`, `"from":500`, 1) // a shard that made no run
	for shards, files := range map[int][]string{1: {c, c, none}, 2: {c, e, none}} {
		if m, err := merge(files...); err != nil || m.Shards != shards || !m.Complete {
			t.Errorf("of %d shards: %+v, %v", shards, m, err)
		}
	}
	if _, err := merge(c, d); !errors.As(err, &file) || !strings.Contains(err.Error(), "shards of one guided sweep") {
		t.Errorf("guided sweeps that began at different seeds: %v", err)
	}
}
