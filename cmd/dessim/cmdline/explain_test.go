package cmdline

import (
	"strings"
	"testing"
)

func TestExplainTellsARunThatFails(t *testing.T) {
	args, file, ran := failure(t)
	for _, want := range []string{"\nwhat led to it:\n  step ", "\nshrink   ", " dessim shrink " + file + "\n"} {
		if !strings.Contains(ran.stdout, want) {
			t.Errorf("the run does not say %q:\n%s", want, ran.stdout)
		}
	}
	led := strings.Split(strings.Split(ran.stdout, "\nwhat led to it:\n")[1], "\n")[:nearCauses]
	of, by := dessim(t, append([]string{"explain"}, args...)...), dessim(t, "explain", file)
	if of.code != exitViolation || by.code != exitViolation || of.stderr != "" || by.stderr != "" {
		t.Fatalf("%+v\n%+v", of, by)
	}
	story, end, _ := strings.Cut(of.stdout, "\nreproduce  dessim run ")
	if !strings.HasPrefix(by.stdout, story) || end == "" || !strings.HasSuffix(by.stdout, "\nreproduce  dessim replay "+file+"\n") {
		t.Errorf("the seed gives\n%s\nits file\n%s", of.stdout, by.stdout)
	}
	for _, line := range led {
		if !strings.Contains(story, strings.TrimSpace(line)) {
			t.Errorf("the story lacks a cause that run prints: %s\n%s", line, story)
		}
	}
	if n := strings.Count(story, "\n"); n < 5 || n > 30 {
		t.Errorf("%d lines:\n%s", n, story)
	}
	object := dessim(t, "explain", file, "-json")
	if got := strings.Join(keys(t, object.stdout), " "); got != "scenario seed verdict story reproduce" || object.code != exitViolation {
		t.Errorf("-json: %s: %+v", got, object)
	}
	if got := entries(t, "."); len(got) != 1 {
		t.Errorf("it left files: %q", got)
	}
}

func TestExplainOutlinesARunThatDoesNotFail(t *testing.T) {
	t.Chdir(t.TempDir())
	r := dessim(t, "explain", "-scenario", "concurrent", "-nodes", "3", "-txs", "2")
	if r.code != exitPass || !strings.HasPrefix(r.stdout, "pass: scenario concurrent, seed 1\nnodes 3, txs 2, ") || !strings.Contains(r.stdout, "verdict pass\n") {
		t.Errorf("%+v", r)
	}
	r = dessim(t, "explain", "-scenario", "concurrent", "-nodes", "3", "-txs", "2", "-events", "100")
	if r.code != exitInconclusive || !strings.Contains(r.stdout, "verdict inconclusive\n") {
		t.Errorf("cut short: %+v", r)
	}
}

func TestExplainRefusesWhatItCannotTell(t *testing.T) {
	path, _ := record(t)
	t.Chdir(t.TempDir())
	wantLine(t, dessim(t, "explain"), exitUsage, "no scenario")
	wantLine(t, dessim(t, "explian"), exitUsage, "did you mean explain?")
	wantLine(t, dessim(t, "explain", "nothing.replay"), exitUsage, "nothing.replay")
	wantLine(t, dessim(t, "explain", path, path), exitUsage, "explain takes one file")
	wantLine(t, dessim(t, "explain", path, "-seed", "3"), exitUsage, "-seed", "use one or the other")
	wantLine(t, dessim(t, "explain", "-scenario", "concurrent", "-sed", "3"), exitUsage, "did you mean -seed?")
}

func TestASweepThatFailsTellsWhatLedToEachFailure(t *testing.T) {
	args, file, _ := failure(t)
	rest, seed := args[:len(args)-2], args[len(args)-1]
	r := dessim(t, append([]string{"sweep", "-seeds", seed + "-" + seed}, rest...)...)
	if r.code != exitViolation || !strings.Contains(r.stdout, ": dessim replay "+file+"\n  step ") || !strings.Contains(r.stdout, "\nshrink it: dessim shrink "+file+"\n") {
		t.Errorf("%+v", r)
	}
}
