package cmdline

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// edited changes a replay file and returns the path of the new one.
func edited(t *testing.T, file, pattern, by string) string {
	t.Helper()
	text := read(t, file)
	at := regexp.MustCompile(pattern).FindStringSubmatchIndex(text)
	if at == nil {
		t.Fatalf("the file has no %s:\n%s", pattern, text)
	}
	other := filepath.Join(t.TempDir(), "edited.replay")
	write(t, other, text[:at[2]]+by+text[at[3]:])
	return other
}

// differences compares two runs of tally; it removes folders from what that prints.
func differences(t *testing.T, args ...string) result {
	t.Helper()
	r := tallies(t, "", append([]string{"diff"}, args...)...)
	for _, arg := range args {
		if filepath.IsAbs(arg) {
			r.stdout = strings.ReplaceAll(r.stdout, filepath.Dir(arg)+"/", "")
		}
	}
	return r
}

const secondDelay = `net\.delay 0 1 .*\nnet\.delay 0 1 [0-9a-f]+ (\d+) of `

func TestTwoRunsThatDifferByOneAnswer(t *testing.T) {
	a := recorded(t, "")
	b := edited(t, a, secondDelay, "7")
	r := differences(t, a, b)
	if r.code != exitViolation || r.stderr != "" {
		t.Errorf("exits with %d: %s", r.code, r.stderr)
	}
	golden(t, "diff.txt", []byte(r.stdout))
	turned := differences(t, b, a)
	if first, _, _ := strings.Cut(r.stdout, "\n"); !strings.HasPrefix(turned.stdout, first+"\n") {
		t.Errorf("the other way round:\n%s", turned.stdout)
	}
}

func TestEqualRunsDoNotDiffer(t *testing.T) {
	a := recorded(t, "")
	for _, args := range [][]string{{a, a}, {a, "-seed", "1"}, {"-seed", "1", "-seed", "1", "-scenario", "tally"}, {a, "-seed", "1", "-scenario", "tally"}, {a, a, "-events", "5"}} {
		if r := differences(t, args...); r.code != exitPass || !strings.HasPrefix(r.stdout, "the same: every event\nA  ") || r.stderr != "" {
			t.Errorf("diff %q: %+v", args, r)
		}
	}
}

func TestRunsWithTheSameEventsCanDifferInTheirVerdicts(t *testing.T) {
	a, b := recorded(t, ""), recorded(t, "-limit 100")
	r := differences(t, a, b)
	if r.code != exitViolation || !strings.HasPrefix(r.stdout, "differ: every event is the same, the verdicts are not\nA  x.replay: violation, ") ||
		!strings.Contains(r.stdout, "\n   no sum is above the limit, at step 13, 301.000000 ms: a sum is 6\nB  x.replay: pass, ") {
		t.Errorf("%+v", r)
	}
}

func TestARunThatBreaksDiffersWhereItBreaks(t *testing.T) {
	a, b := recorded(t, "-limit 100"), recorded(t, "-limit 100 -shy yes")
	for _, args := range [][]string{{a, b}, {b, a}} {
		r := differences(t, args...)
		if r.code != exitViolation || !strings.HasPrefix(r.stdout, "differ: from step 14 on, ") || strings.Count(r.stdout, "(nothing more)") != 1 ||
			!strings.Contains(r.stdout, "no node panics, at step 14") || !strings.Contains(r.stdout, "\nin the files:\nshy ") {
			t.Errorf("%+v", r)
		}
	}
}

func TestRunsOfWhichOneIsCutShortDifferAtItsEnd(t *testing.T) {
	a, b := recorded(t, "-limit 100"), recorded(t, "-limit 100 -events 7")
	for _, args := range [][]string{{a, b}, {b, a}} {
		r := differences(t, args...)
		if r.code != exitViolation || !regexp.MustCompile(`(?m)^[AB] .* 7  ended +most events reached$`).MatchString(r.stdout) || !strings.Contains(r.stdout, "events none in ") && !strings.Contains(r.stdout, "events 7 in ") {
			t.Errorf("%+v", r)
		}
	}
}

func TestWhatDiffersInTheFilesIsShown(t *testing.T) {
	a := recorded(t, "")
	for _, test := range []struct{ pattern, by, want string }{
		{`\nlimit (5)\n`, "9", "limit 5 in A, 9 in B"},
		{`\nuntil (10s)\n`, "250ms", "until 10s in A, 250ms in B"},
		{`\n(fault none)\n`, "fault 7: pause 0 at 150ms for 1s", "fault 7: none in A, pause 0 at 150ms for 1s in B"},
		{`\n()fault none\n`, "without 2\n", "input 2 left out in B only"},
		{secondDelay, "9", "answer net.delay 0 1 3b71b1d2164f32b1 51150 of 1000001 in A, 9 in B"},
	} {
		r := differences(t, a, edited(t, a, test.pattern, test.by))
		if r.code != exitViolation || !strings.Contains(r.stdout, "\nin the files:\n"+test.want+"\n") {
			t.Errorf("%s: %+v", test.pattern, r)
		}
	}
}

func TestWhatDiffCannotCompareIsRefused(t *testing.T) {
	a := recorded(t, "")
	for args, words := range map[string]string{
		"":                                      "0 runs; diff compares two",
		"FILE":                                  "1 run; diff compares two",
		"FILE FILE FILE":                        "3 runs; diff compares two",
		"FILE -seed 1 -seed 2":                  "3 runs; diff compares two",
		"-seed 1 -scenario tally":               "1 run; diff compares two",
		"-seed 1 -seed 2":                       "no scenario",
		"FILE -seed=":                           `seed ""`,
		"FILE -seed one":                        `seed "one"`,
		"FILE -seed 1 -limit 6":                 "-limit without -scenario",
		"FILE FILE -limit 6":                    "-limit without -scenario",
		"FILE nofile":                           `replay file "nofile": no such file`,
		"FILE FILE -other x":                    "-other replays one file",
		"-seed 1 -scenario tally -other x":      "-other replays one file",
		"FILE FILE -events 0":                   "events \"0\"",
		"-seed 1 -seed 2 -scenario tally -nope": "unknown flag",
	} {
		wantLine(t, tallies(t, "", diffWords(args, a)...), exitUsage, words)
	}
}

// diffWords returns the words of a diff command line, in which FILE stands for a file.
func diffWords(line, file string) []string {
	return strings.Fields("diff " + strings.ReplaceAll(line, "FILE", file))
}

func TestTheObjectOfDiffHasWhatItsTextHas(t *testing.T) {
	a := recorded(t, "")
	b := edited(t, a, secondDelay, "7")
	type side struct{ Run, Verdict, Digest, Fails, Event, Exact string }
	var o struct {
		Same          bool
		A, B          side
		Step          uint64
		Before, Files []string
		States        []struct {
			Node  int
			Lines []string
		}
	}
	text, r := tallies(t, "", "diff", a, b), tallies(t, "", "diff", a, b, "-json")
	if got := strings.Join(keys(t, r.stdout), " "); got != "same a b files step before states" || r.code != exitViolation || r.stderr != "" {
		t.Errorf("%s: %+v", got, r)
	}
	if err := json.Unmarshal([]byte(r.stdout), &o); err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprintf("differ: from step %d on,", o.Step), "\nA  " + o.A.Event + "\nB  " + o.B.Event + "\n"}
	for _, s := range []side{o.A, o.B} {
		want = append(want, "  "+s.Run+": "+s.Verdict+", ", ", digest "+s.Digest+"\n   "+s.Fails+"\n")
	}
	want = append(want, "\nin the files:\n"+strings.Join(o.Files, "\n")+"\n", strings.Join(o.Before, "\n   "))
	for _, n := range o.States {
		want = append(want, fmt.Sprintf("\nnode %d after step %d: ", n.Node, o.Step), strings.Join(n.Lines, "\n"))
	}
	for _, w := range want {
		if !strings.Contains(text.stdout, w) {
			t.Errorf("the text lacks %q:\n%s\n%s", w, text.stdout, r.stdout)
		}
	}
	if o.Same || o.A.Exact == o.B.Exact || len(o.States) == 0 {
		t.Errorf("%+v", o)
	}
	r = tallies(t, "", "diff", a, a, "-json")
	if got := strings.Join(keys(t, r.stdout), " "); got != "same a b files" || r.code != exitPass || !strings.HasPrefix(r.stdout, `{"same":true,`) {
		t.Errorf("%s: %+v", got, r)
	}
}
