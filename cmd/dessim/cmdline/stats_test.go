package cmdline

import (
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The twin of a spread is the sorted slice of its values.
func TestPercentilesAreThoseOfTheSortedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*spread
		s := spreadOf(&all, "x", "")
		values := rapid.SliceOfN(rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 1e7), rapid.Uint64Range(0, 1e15)), 1, 300).Draw(t, "values")
		sum := uint64(0)
		for _, v := range values {
			s.take(v)
			sum += v
		}
		slices.Sort(values)
		n := len(values)
		if s.min != values[0] || s.max != values[n-1] || s.count() != uint64(n) || s.mean() != sum/uint64(n) {
			t.Fatalf("min %d, max %d, count %d, mean %d of %v", s.min, s.max, s.count(), s.mean(), values)
		}
		for _, p := range percentiles {
			want := values[max(int(p.percent/100*float64(n)+0.5), 1)-1] // HdrHistogram rounds the rank
			if got := s.percentile(p.percent); got < want || got-want > want/1000 {
				t.Fatalf("%s is %d, want %d to three digits; of %v", p.key, got, want, values)
			}
		}
	})
}

func TestThreeDigitsOfATimeAreShown(t *testing.T) {
	for ns, want := range map[uint64]string{
		0: "0s", 7: "7ns", 999: "999ns", 1234: "1.23us", 999_999: "1ms", 12_345_678: "12.3ms", 123_456_789: "123ms",
		1_234_567_890: "1.23s", 61_234_567_890: "1m1.2s", 5_025_000_000_000: "1h23m50s",
	} {
		if got := threeDigits(ns); got != want {
			t.Errorf("%d ns is shown as %s, want %s", ns, got, want)
		}
	}
}

const smallStats = "stats -scenario ledger -nodes 4 -txs 2"

func TestTheFiguresOfARunReadAsInTheGoldenFiles(t *testing.T) {
	for name, args := range map[string]string{"stats.txt": smallStats, "stats.json": smallStats + " -seeds 1-2 -json"} {
		r := dessim(t, strings.Fields(args)...)
		if r.code != exitPass || r.stderr != "" {
			t.Fatalf("dessim %s: %+v", args, r)
		}
		golden(t, name, []byte(r.stdout))
	}
}

// statsObject is what -json prints.
type statsObject struct {
	Verdict, Reproduce, Failed string
	Runs, Passed               int
	VirtualNS                  uint64 `json:"virtual_ns"`
	Times                      []struct {
		Name        string
		Count, Open int
		Max         uint64 `json:"max_ns"`
	}
	Kinds []struct {
		Kind            string
		Sent, Delivered int
	}
	Nodes []struct{ ID, Sent, Received int }
}

func objectOf(t *testing.T, r result) (o statsObject) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &o); err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return o
}

func TestManySeedsHaveTheSameFiguresAtAnyNumberOfWorkers(t *testing.T) {
	args := strings.Fields("stats -scenario crash -nodes 3 -txs 3 -seeds 1-6")
	want := dessim(t, append(args, "-j", "1")...)
	if !strings.HasPrefix(want.stdout, "pass: scenario crash, seeds 1-6\n6 of 6 runs pass\n\n") {
		t.Fatalf("%+v", want)
	}
	for _, j := range []string{"2", "5", "64"} {
		if got := dessim(t, append(args, "-j", j)...); got != want {
			t.Errorf("-j %s\n%s\n-j 1\n%s", j, got.stdout, want.stdout)
		}
	}
}

func TestManySeedsAddUp(t *testing.T) {
	var sum statsObject
	for _, seed := range []string{"7", "8", "9"} {
		o := objectOf(t, dessim(t, "stats", "-scenario", "commit", "-seed", seed, "-json"))
		sum.Runs, sum.Passed, sum.VirtualNS = sum.Runs+o.Runs, sum.Passed+o.Passed, sum.VirtualNS+o.VirtualNS
		for i, n := range o.Nodes {
			if seed == "7" {
				sum.Nodes = append(sum.Nodes, n)
				continue
			}
			sum.Nodes[i].Sent += n.Sent
			sum.Nodes[i].Received += n.Received
		}
		for i, x := range o.Times {
			if seed == "7" {
				sum.Times = append(sum.Times, x)
				continue
			}
			sum.Times[i].Count += x.Count
			sum.Times[i].Max = max(sum.Times[i].Max, x.Max)
		}
	}
	all := objectOf(t, dessim(t, "stats", "-scenario", "commit", "-seeds", "7-9", "-json"))
	if all.Runs != 3 || all.Passed != 3 || all.VirtualNS != sum.VirtualNS || !slices.Equal(all.Nodes, sum.Nodes) || !slices.Equal(all.Times, sum.Times) {
		t.Errorf("seeds 7-9 have\n%+v\nalone they add up to\n%+v", all, sum)
	}
}

func TestAReplayFileHasTheFiguresOfItsRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.replay")
	wantRun(t, dessim(t, "-scenario", "crash", "-nodes", "3", "-txs", "2", "-seed", "3", "-record", file))
	strip := regexp.MustCompile(`"reproduce":"[^"]*"`)
	run, replay := dessim(t, "stats", "-scenario", "crash", "-nodes", "3", "-txs", "2", "-seed", "3", "-json"), dessim(t, "stats", file, "-json")
	if run.code != exitPass || strip.ReplaceAllString(run.stdout, "") != strip.ReplaceAllString(replay.stdout, "") {
		t.Errorf("the run has\n%+v\nits replay\n%+v", run, replay)
	}
	if o := objectOf(t, replay); !strings.HasPrefix(o.Reproduce, "dessim replay ") {
		t.Errorf("a replay is reproduced by %q", o.Reproduce)
	}
}

func TestFiguresOfARunThatIsCutShortSayWhy(t *testing.T) {
	r := dessim(t, "stats", "-scenario", "concurrent", "-events", "3000")
	if r.code != exitInconclusive || r.stderr != "" || !strings.HasPrefix(r.stdout, "inconclusive: scenario concurrent, seed 1\nits bound of 3000 events was reached; ") {
		t.Errorf("%+v", r)
	}
	o := objectOf(t, dessim(t, "stats", "-scenario", "concurrent", "-events", "3000", "-json"))
	if o.Verdict != "inconclusive" || o.Passed != 0 || o.Failed != "inconclusive: dessim run -seed 1 -scenario concurrent -events 3000" || len(o.Nodes) != 9 || o.Nodes[0].Sent == 0 || o.Times[0].Open == 0 {
		t.Errorf("%+v", o)
	}
}

func TestFiguresOfRunsThatFailAreShown(t *testing.T) {
	r := rogues(t, "stats -scenario rogue")
	if r.code != exitViolation || !regexp.MustCompile(`^violation: scenario rogue, seed 1\nno node panics: (.|\n)*`+rogueLine+`(.|\n)*scenario rogue names nothing to measure(.|\n)*\| ping +\| +\d+ \|`).MatchString(r.stdout) {
		t.Errorf("%+v", r)
	}
	r = rogues(t, "stats -scenario rogue -when seldom -seeds 1-30")
	if r.code != exitViolation || !regexp.MustCompile(`^violation: scenario rogue, seeds 1-30\n2\d of 30 runs pass\nthe first that does not is a violation: dessim run -seed \d+ -scenario rogue -when seldom\n`).MatchString(r.stdout) {
		t.Errorf("%+v", r)
	}
	if r := rogues(t, "stats -scenario rogue -how build -seeds 1-3"); r.code != exitInternal || r.stdout != "" || !strings.Contains(r.stderr, "Build of scenario rogue") {
		t.Errorf("%+v", r)
	}
}

func TestStatsRefusesWhatItCannotMeasure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.replay")
	wantRun(t, dessim(t, "-scenario", "bootstrap", "-nodes", "2", "-record", file))
	for args, words := range map[string]string{
		"":                                     "no scenario",
		"-scenario comit":                      "did you mean commit?",
		"-scenario commit -seeds 4-1":          "the first is above the last",
		"-scenario commit -seed 1 -seeds 1-4":  "-seed and -seeds: use one or the other",
		"-scenario commit -j 0":                "want a number from 1 to 1024",
		"-scenario bootstrap -txs 3":           "txs means nothing to scenario bootstrap",
		"-scenario commit -jsno":               "did you mean -json?",
		"missing.replay":                       "missing.replay",
		file + " -seeds 1-4":                   "-seeds: the file says what to run",
		file + " " + file:                      "stats takes one file",
		"-scenario commit -nodes 2 -seeds 1-2": "nodes 2",
	} {
		wantLine(t, dessim(t, append([]string{"stats"}, strings.Fields(args)...)...), exitUsage, words)
	}
	wantLine(t, dessim(t, "stat"), exitUsage, "did you mean stats?")
}

func TestAnInterruptedStatsShowsTheRunsSoFar(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantLine(t, dessimUnder(ctx, "stats", "-scenario", "commit", "-seeds", "1-3"), exitInterrupted, "interrupted; nothing was written")
	r := dessimUnder(ctx, "stats", "-scenario", "commit")
	if r.code != exitInterrupted || !strings.HasPrefix(r.stdout, "inconclusive: scenario commit, seed 1\ninterrupted after ") || r.stderr != "dessim: interrupted; the figures are of what came before\n" {
		t.Errorf("%+v", r)
	}
}

func TestSomebodyElsesScenarioNamesWhatItMeasures(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	exe := outsideProgram(t, "kvstore")
	r := process(t, exe, nil, "stats", "-scenario", "writes", "-shadow", "off", "-faults", "none", "-seeds", "1-3")
	for _, line := range []string{`write +\| +60 \| +0 `, `read +\| +60 \| +0 `, `request +\| +120 \| +120 \| +0 \|`} {
		if r.code != exitPass || !regexp.MustCompile(`(?m)^\| `+line).MatchString(r.stdout) {
			t.Errorf("no line %q in %+v", line, r)
		}
	}
}
