package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"dessim/sim/explore"
	"dessim/sim/source"
)

// failure runs what fails in code without bugs, in a folder of its own, and returns the file
// that it writes: a node that sends old messages again breaks what the protocols promise of
// nodes that only crash. The first seed that fails is the last argument. It shrinks in some
// 50 runs, by a node, a transfer, faults and all but a few answers.
func failure(t *testing.T) (args []string, file string, r result) {
	t.Helper()
	t.Chdir(t.TempDir())
	for seed := 1; seed < 50; seed++ {
		args := []string{"-scenario", "concurrent", "-nodes", "4", "-txs", "3", "-until", "30s", "-faults", "lose,copy", "-fault", "byzantine 1 replays 50% at 2s for 5s", "-seed", fmt.Sprint(seed)}
		if r := dessim(t, args...); r.code == exitViolation {
			return args, fmt.Sprintf("dessim-concurrent-%d.replay", seed), r
		}
	}
	t.Fatal("no seed fails")
	return nil, "", result{}
}

// shrunk names the file that shrinking writes beside a replay file.
func shrunk(file string) string { return strings.Replace(file, ".replay", ".min.replay", 1) }

func TestARunThatFailsWritesAReplayFileAndTellsTheLine(t *testing.T) {
	args, file, r := failure(t)
	line := regexp.MustCompile(`(?m)^replay +dessim replay (.*)$`).FindStringSubmatch(r.stdout)
	if len(line) != 2 || line[1] != file || r.stderr != "" {
		t.Fatalf("want the line that replays %s:\n%s%s", file, r.stdout, r.stderr)
	}
	again := dessim(t, "replay", file)
	if again.code != exitViolation || !strings.Contains(again.stdout, ": the same, 0 of ") {
		t.Errorf("the replay: %+v", again)
	}
	if got := entries(t, "."); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
	before := read(t, file)
	if object := dessim(t, append(args, "-json")...); !strings.Contains(object.stdout, `"replay":"dessim replay `+file+`"`) || read(t, file) != before {
		t.Errorf("once more: %+v", object)
	}
	recorded := dessim(t, append(args, "-record", "mine")...)
	if recorded.code != exitViolation || !strings.Contains(recorded.stdout, "dessim replay mine\n") || read(t, "mine") != before {
		t.Errorf("-record: %+v", recorded)
	}
	write(t, file, "my diary")
	r = dessim(t, args...)
	if r.code != exitViolation || read(t, file) != "my diary" || strings.Contains(r.stdout, "\nreplay ") ||
		!strings.Contains(r.stderr, "no replay file was written") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("over a file that is not ours: %+v", r)
	}
}

func TestAReplayFileTellsFaultsAsData(t *testing.T) {
	t.Chdir(t.TempDir())
	ran := dessim(t, "-scenario", "crash", "-faults", "swarm", "-seed", "7", "-json", "-record", "x")
	wantRun(t, ran)
	text := read(t, "x")
	faults := regexp.MustCompile(`(?m)^fault \d+: .*\n`).FindAllString(text, -1)
	if len(faults) < 3 || strings.Contains(text, "\nf.") {
		t.Fatalf("faults %q, or answers by which they were drawn:\n%.1500s", faults, text)
	}
	again := process(t, binary, nil, "replay", "x", "-verify", "-json")
	var o struct{ Digest string }
	if err := json.Unmarshal([]byte(ran.stdout), &o); err != nil {
		t.Fatal(err)
	}
	if again.code != ran.code || !strings.Contains(again.stdout, `"digest":"`+o.Digest+`","same":true,"stale":0,`) {
		t.Errorf("the replay: %+v", again)
	}
	// Without one fault, and without a transfer, it is another run.
	write(t, "y", strings.Replace(text, faults[0], "", 1))
	if r := dessim(t, "replay", "y", "-json"); !strings.Contains(r.stdout, `"same":false`) {
		t.Errorf("without %s: %+v", faults[0], r)
	}
	write(t, "y", strings.Replace(text, faults[0], "without 0,3\n"+faults[0], 1))
	if r := dessim(t, "replay", "y"); !strings.Contains(r.stdout, "the file was edited") {
		t.Errorf("without transfers: %+v", r)
	}
	for bad, words := range map[string]string{
		"fault 3: crahs 2 at 1s\n":                        "crahs",
		"fault 3: crash 77 at 1s\n":                       "77",
		"fault 3: crash 2 at 1s; 4: crash 2 at 2s\n":      "want one fault a line",
		faults[0] + faults[0]:                             "identity",
		"without 3,1\n" + faults[0]:                       "ascending numbers",
		"without 1\nwithout 2\n" + faults[0]:              "comes twice",
		"fault 3: heal at 1s\n":                           "another heal",
		"fault 3: crash 2 at 100s\n":                      "at or after the heal",
		"fault 3: crash 2 at 1s\nfault 4: heal at 200h\n": "200h",
	} {
		write(t, "y", strings.Replace(text, faults[0], bad, 1))
		wantLine(t, dessim(t, "replay", "y"), exitUsage, words)
	}
}

func TestARunWithoutItsFaultsHasNone(t *testing.T) {
	t.Chdir(t.TempDir())
	wantRun(t, dessim(t, "-scenario", "concurrent", "-nodes", "4", "-txs", "3", "-faults", "swarm", "-record", "x"))
	text := regexp.MustCompile(`(?m)^fault \d+: .*\n`).ReplaceAllString(read(t, "x"), "")
	write(t, "y", strings.Replace(text, "\nhash ", "\nfault none\nhash ", 1))
	r := dessim(t, "replay", "y", "-json")
	wantRun(t, r)
	if !strings.Contains(r.stdout, `{"name":"crashes","n":0}`) {
		t.Errorf("%+v", r)
	}
}

func TestAReplayStopsAtAStepOrATime(t *testing.T) {
	path, _ := record(t)
	t.Chdir(t.TempDir())
	wantRun(t, dessim(t, "replay", path, "-trace", "whole"))
	whole := read(t, "whole")
	for _, until := range []string{"700", "2.1s", "0s"} {
		r := dessim(t, "replay", path, "-until", until, "-trace", "part")
		if r.code != exitInconclusive || r.stderr != "" || !strings.HasPrefix(r.stdout, "stopped: scenario concurrent, seed 1, after step ") || !strings.Contains(r.stdout, "\nnode 0:\n  owner: ") {
			t.Fatalf("until %s: %+v", until, r)
		}
		part := read(t, "part")
		rest, ok := strings.CutPrefix(whole, part)
		if !ok || part == "" {
			t.Fatalf("until %s the trace is no part of the whole one", until)
		}
		next, _, _ := strings.Cut(rest, "\n")
		t.Logf("until %s; next is %s", until, next)
		for _, line := range []string{last(part), next} {
			var ms, step float64
			if _, err := fmt.Sscan(line, &ms, &step); err != nil {
				t.Fatal(err)
			}
			in := map[string]bool{"700": step <= 700, "2.1s": ms <= 2100, "0s": ms == 0}[until]
			if in != (line != next) {
				t.Errorf("until %s ends between\n%s\n%s", until, last(part), next)
			}
		}
		var o struct{ Step, VirtualNS int64 }
		if r := dessim(t, "replay", path, "-until", until, "-json"); json.Unmarshal([]byte(r.stdout), &o) != nil || o.Step == 0 {
			t.Errorf("-json: %+v", r)
		}
	}
	if r := dessim(t, "replay", path, "-until", "24h"); r != dessim(t, "replay", path) {
		t.Errorf("beyond the end it is another run:\n%s", r.stdout)
	}
	for _, bad := range []string{"0", "soon", "-3s", "9999h"} {
		wantLine(t, dessim(t, "replay", path, "-until="+bad), exitUsage, "until")
	}
	wantLine(t, dessim(t, "replay", path, "-until", "1s", "-verify"), exitUsage, "use one or the other")
}

func last(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestShrinkingGivesTheSameAtAnyNumberOfWorkers(t *testing.T) {
	args, file, _ := failure(t)
	var first result
	var text string
	for _, j := range []string{"1", "3"} {
		r := dessim(t, "shrink", file, "-j", j, "-runs", "300")
		if r.code != exitPass || r.stderr != "" {
			t.Fatalf("-j %s: %+v", j, r)
		}
		out := read(t, shrunk(file))
		if j == "1" {
			first, text = r, out
			t.Logf("%s", r.stdout)
		}
		if r != first || out != text {
			t.Errorf("-j %s gives\n%s\nnot\n%s", j, r.stdout, first.stdout)
		}
	}
	// The seed and its file come to the same, and the result is a failing run.
	r := dessim(t, append([]string{"shrink", "-o", "other", "-runs", "300"}, args...)...)
	if same := strings.Replace(r.stdout, "replay other", "replay "+shrunk(file), 1); same != first.stdout {
		t.Errorf("the seed gives\n%s\nits file\n%s", r.stdout, first.stdout)
	}
	again := dessim(t, "replay", "other")
	if again.code != exitViolation || !strings.Contains(again.stdout, ": the same, 0 of ") {
		t.Errorf("the replay of the result: %+v", again)
	}
	f, err := source.ParseFile([]byte(text))
	if err != nil || len(f.Answers) > 200 {
		t.Errorf("%v, %d answers", err, len(f.Answers))
	}
	object := dessim(t, append([]string{"shrink", "-o", "other", "-runs", "5", "-json"}, args...)...)
	const want = "scenario seed check before after runs minimal certificate faults answers story replay"
	if got := strings.Join(keys(t, object.stdout), " "); got != want {
		t.Errorf("-json has the keys %s, want %s", got, want)
	}
}

func TestAnInterruptedShrinkingKeepsTheSmallestRunSoFar(t *testing.T) {
	_, file, _ := failure(t)
	for _, last := range []int{1, 20} { // before anything was tried, and in the middle
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var errs bytes.Buffer
		k := &shrinking{tool: &tool{Program: program, streams: streams{stdout: new(bytes.Buffer), stderr: &errs}}, ctx: ctx}
		f := k.tool.flags()
		for _, name := range []string{"o", "runs", "j"} {
			f.add(name, "x", "")
		}
		if err := k.read(f, []string{file}); err != nil {
			t.Fatal(err)
		}
		if err := k.open(f); err != nil {
			t.Fatal(err)
		}
		k.options.Workers = 1
		runs, fails := 0, k.world.Fails
		k.world.Fails = func(t *explore.Trial, g explore.Guard) explore.Guarded {
			if runs++; runs == last {
				cancel()
			}
			return fails(t, g)
		}
		if last == 1 {
			cancel()
		}
		err := k.do()
		k.file.discard()
		e, ok := err.(*exit)
		if !ok || e.code != exitInterrupted {
			t.Fatalf("it ends with %v, want an interruption", err)
		}
		if last == 1 {
			if left := entries(t, "."); e.complaint == "" || k.out.Len() > 0 || len(left) != 1 {
				t.Errorf("before anything was tried: %q, %s, files %v", e.complaint, &k.out, left)
			}
			continue
		}
		smaller := shrunk(file)
		if e.complaint != "" || strings.Count(errs.String(), "\n") != 1 || !strings.HasSuffix(errs.String(), "; continue: dessim shrink "+smaller+"\n") {
			t.Errorf("it complains %q, %q", e.complaint, &errs)
		}
		if !strings.Contains(k.out.String(), "\nperhaps not minimal: interrupted after ") {
			t.Errorf("the output is\n%s", &k.out)
		}
		if len(read(t, smaller)) >= len(read(t, file)) {
			t.Errorf("%s is not smaller than %s", smaller, file)
		}
		if again := dessim(t, "replay", smaller); again.code != exitViolation || !strings.Contains(again.stdout, ": the same, 0 of ") {
			t.Errorf("its replay: %+v", again)
		}
		if r := dessim(t, "shrink", smaller, "-runs", "10"); r.code != exitPass {
			t.Errorf("continued: %+v", r)
		}
	}
}

func TestWhatCannotBeShrunkIsRefused(t *testing.T) {
	path, _ := record(t)
	t.Chdir(t.TempDir())
	wantLine(t, dessim(t, "shrink", path), exitUsage, "verdict is pass", "nothing to shrink")
	wantLine(t, dessim(t, "shrink", "-scenario", "bootstrap"), exitUsage, "nothing to shrink")
	wantLine(t, dessim(t, "shrink"), exitUsage, "no scenario")
	wantLine(t, dessim(t, "shrink", "nothing.replay"), exitUsage, "nothing.replay")
	wantLine(t, dessim(t, "shrink", path, "-runs", "0"), exitUsage, "runs", "1 to")
	wantLine(t, dessim(t, "shrink", path, "-j", "x"), exitUsage, "j", "1 to")
	wantLine(t, dessim(t, "shrink", path, "-nodes", "3"), exitUsage, "-nodes", "use one or the other")
	wantLine(t, dessim(t, "shrink", path, "-o", path), exitUsage, "already uses it")
	write(t, "x.min.replay", "my diary")
	wantLine(t, dessim(t, "shrink", path), exitUsage, "x.min.replay", "want another name by -o")
	if got := entries(t, "."); len(got) != 1 || read(t, "x.min.replay") != "my diary" {
		t.Errorf("the folder holds %q", got)
	}
}
