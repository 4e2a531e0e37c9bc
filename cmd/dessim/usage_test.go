package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestBadUsageTakesOneLineAndNothingElse(t *testing.T) {
	const s = " -scenario concurrent"
	long := strings.Repeat("9", 100_000)
	for args, words := range map[string]string{
		"":                                     "no command",
		"nope":                                 `unknown command "nope"|run, replay, list`,
		"lits":                                 "did you mean list?",
		"concurrent":                           "did you mean dessim run -scenario concurrent?",
		"concurent":                            "did you mean dessim run -scenario concurrent?",
		"nope -seed 4":                         `unknown command "nope"`,
		"help nope":                            `no help on "nope"`,
		"help rnu":                             "did you mean run?",
		"help run more":                        `unexpected argument "more"`,
		"-h nope":                              `no help on "nope"`,
		"version more":                         `unexpected argument "more"`,
		"version -x":                           `unknown flag "-x"`,
		"list more":                            `unexpected argument "more"`,
		"list -jsno":                           "did you mean -json?",
		"run":                                  "no scenario|bootstrap, concurrent",
		"-seed 4":                              "no scenario",
		"-seed 4 list":                         "a command comes first: dessim list",
		"run" + s + " list":                    "a command comes first: dessim list",
		"run concurrent":                       "did you mean -scenario concurrent?",
		"run concurent":                        "did you mean -scenario concurrent?",
		"run lits" + s:                         "did you mean the command list",
		"run -- " + s:                          `unexpected argument "-scenario"`,
		"run -5" + s:                           `unexpected argument "-5"`,
		"run -" + s:                            `unexpected argument "-"`,
		"run help":                             `unexpected argument "help"`,
		"-scenario concurent":                  "did you mean concurrent?",
		"-scenario x":                          `unknown scenario "x"|want bootstrap, concurrent`,
		"-scenario=":                           `unknown scenario ""`,
		"-scenario -json":                      "-scenario has no value, -json follows",
		"-scenario":                            "-scenario has no value",
		"-sed 4" + s:                           "did you mean -seed?",
		"--sed=4" + s:                          "did you mean -seed?",
		"-x" + s:                               `unknown flag "-x"|-scenario, -seed`,
		"-seed 4" + s + " -seed":               "-seed has no value",
		"-seed 4 -seed 4" + s:                  "-seed is given twice",
		"-seed= -seed 4" + s:                   "-seed is given twice",
		"-json -json" + s:                      "-json is given twice",
		"-json=false -json" + s:                "-json is given twice",
		"-json=maybe" + s:                      `-json="maybe": want -json alone`,
		"-seed=" + s:                           `seed ""`,
		"-seed -1" + s:                         "negative",
		"-seed 1e3" + s:                        "no digit",
		"-seed 0x1_0" + s:                      "no digit",
		"-seed " + long + s:                    "seed",
		"-seed 18446744073709551616 -json" + s: "more than 64 bits",
		"-nodes 0 -json" + s:                   "nodes 0|3 to 100000",
		"-nodes 2" + s:                         "nodes 2",
		"-nodes 1000000" + s:                   "nodes 1000000|3 to 100000",
		"-nodes -3" + s:                        `nodes "-3"`,
		"-nodes 8.0" + s:                       `nodes "8.0"`,
		"-nodes=" + s:                          `nodes ""`,
		"-nodes " + long + s:                   "too long",
		"-txs -1" + s:                          `txs "-1"`,
		"-txs 1000001" + s:                     "txs 1000001",
		"-order isys" + s:                      "did you mean isis?",
		"-order=" + s:                          `order ""`,
		"-delay 0s" + s:                        "delay 0s",
		"-delay 0" + s:                         "delay 0s",
		"-delay 5" + s:                         `delay "5"`,
		"-delay -1ms" + s:                      "delay -1ms",
		"-delay 2h" + s:                        "delay 2h",
		"-jitter -1ms" + s:                     "jitter -1ms",
		"-loss -1%" + s:                        `loss "-1%"`,
		"-loss 101%" + s:                       `loss "101%"`,
		"-loss 1.5" + s:                        `loss "1.5"`,
		"-loss 51%" + s:                        "at most 50%",
		"-copy 200%" + s:                       `copy "200%"`,
		"-abort NaN" + s:                       `abort "NaN"`,
		"-until 0s" + s:                        "until 0s",
		"-until 9999999h" + s:                  `until`,
		"-txs 4 -scenario bootstrap":           "txs means nothing to scenario bootstrap",
		"-trace=" + s:                          `trace ""`,
		"-trace -" + s:                         `trace "-"`,
		"-logs=" + s:                           `logs ""`,
		"replay":                               "no replay file",
		"replay a b":                           `unexpected argument "b"`,
		"replay a -seed 4":                     `unknown flag "-seed"`,
		"replay .":                             "is a directory",
	} {
		t.Run(strings.TrimSpace(args)[:min(len(strings.TrimSpace(args)), 40)], func(t *testing.T) {
			wantLine(t, dessim(t, strings.Fields(args)...), exitUsage, strings.Split(words, "|")...)
		})
	}
}

func TestArgumentsThatNoShellWouldSplit(t *testing.T) {
	for _, args := range [][]string{
		{""},
		{"\x1b[31m\nred"},
		{"run", ""},
		{"run", "-scenario", ""},
		{"run", "-scenario", "a\nb"},
		{"run", "-scenario", "concurrent", "-seed", " 5"},
		{"run", "-scenario", "concurrent", "-seed", ""},
		{"run", "-scenario", "concurrent", "-nodes", "8\n"},
		{"run", "-scenario", "concurrent", "-trace", "no such\nfolder/x"},
		{"run", "-scenario", "concurrent", "-order", "\xff"},
		{"run", "-\xff"},
		{"run", "-a\nb"},
		{"replay", ""},
		{"replay", "no\nfile"},
		{"-json=\n", "-scenario", "concurrent"},
	} {
		wantLine(t, dessim(t, args...), exitUsage)
	}
}

func TestUnwritablePlacesAreRefusedBeforeTheRun(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "kept")
	for _, x := range [][]string{
		{"-trace", dir, "is a folder"},
		{"-trace", filepath.Join(dir, "none", "x"), "no such file"},
		{"-trace", filepath.Join(file, "x"), "not a directory"},
		{"-trace", "/proc/x", "no such file"},
		{"-record", dir, "is a folder"},
		{"-record", filepath.Join(dir, "none", "x"), "no such file"},
		{"-logs", file, "is a file"},
		{"-logs", filepath.Join(dir, "none", "x"), "its parent must be there"},
		{"-logs", "/proc/x", "no such file"},
		{"-logs", "/proc", "logs"},
	} {
		args := []string{"run", "-scenario", "concurrent", "-json", x[0], x[1], "-trace", filepath.Join(dir, "trace")}
		if x[0] == "-trace" {
			args = args[:6]
		}
		wantLine(t, dessim(t, args...), exitUsage, x[2])
	}
	twice := filepath.Join(dir, "twice")
	wantLine(t, dessim(t, "run", "-scenario", "concurrent", "-trace", twice, "-record", twice), exitUsage, "two files")
	if got := entries(t, dir); len(got) != 1 || read(t, file) != "kept" {
		t.Errorf("the folder holds %q and the file %q", got, read(t, file))
	}
}

func TestAFlagFirstMeansRun(t *testing.T) {
	long := dessim(t, "run", "-seed", "7", "-scenario", "bootstrap", "-json")
	wantRun(t, long)
	for _, args := range [][]string{
		{"-seed", "7", "-scenario", "bootstrap", "-json"},
		{"--json", "--scenario=bootstrap", "-seed", "0x7"},
		{"-seed=007", "-json=true", "-scenario", "bootstrap"},
	} {
		if short := dessim(t, args...); short != long {
			t.Errorf("dessim %q gives %+v, want what dessim run gives: %+v", args, short, long)
		}
	}
}

func TestHelpAndVersionComeOnStdout(t *testing.T) {
	for args, word := range map[string]string{
		"help":           "Exit codes",
		"-h":             "Exit codes",
		"--help":         "Exit codes",
		"help run":       "-seed 1",
		"-h run":         "-seed 1",
		"run -h":         "-seed 1",
		"run -seed 4 -h": "-seed 1",
		"-seed 4 -help":  "-seed 1",
		"run -bogus -h":  "unknown",
		"help replay":    "FILE",
		"list -h":        "-json",
		"version":        "dessim ",
		"-version":       "dessim ",
		"-v":             "dessim ",
	} {
		r := dessim(t, strings.Fields(args)...)
		if word == "unknown" {
			wantLine(t, r, exitUsage, word) // a mistake is told, help or not
			continue
		}
		if r.code != exitPass || r.stderr != "" || !strings.Contains(r.stdout, word) {
			t.Errorf("dessim %s: %+v, want %q on stdout", args, r, word)
		}
	}
	if r := dessim(t, "help", "run"); strings.Contains(r.stdout, "second-process") {
		t.Error("the help shows the hidden flag")
	}
}

func TestTheNearestNameIsAFewSlipsAway(t *testing.T) {
	names := []string{"bootstrap", "concurrent", "crash"}
	for word, want := range map[string]string{
		"concurent": "concurrent", "concurrnet": "concurrent", "Crash": "crash", "boot": "bootstrap",
		"cash": "crash", "xyz": "", "": "", "c": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
