package cmdline

import (
	"path/filepath"
	"strings"
	"testing"
)

const concurrent = " -scenario concurrent"

// badUsage has command lines and words of the one line they take, parted by "|".
var badUsage = map[string]string{
	"":                                "no command",
	"nope":                            `unknown command "nope"|run, replay, sweep`,
	"lits":                            "did you mean list?",
	"concurrent":                      "did you mean dessim run -scenario concurrent?",
	"concurent":                       "did you mean dessim run -scenario concurrent?",
	"nope -seed 4":                    `unknown command "nope"`,
	"help nope":                       `no help on "nope"`,
	"help rnu":                        "did you mean run?",
	"help run more":                   `unexpected argument "more"; help takes one command`,
	"-h nope":                         `no help on "nope"`,
	"version more":                    `unexpected argument "more"`,
	"version -x":                      `unknown flag "-x"`,
	"list more":                       `unexpected argument "more"`,
	"list -jsno":                      "did you mean -json?",
	"run":                             "no scenario|bootstrap, commit",
	"-seed 4":                         "no scenario",
	"-seed 4 list":                    "a command comes first: dessim list",
	"run" + concurrent + " list":      "a command comes first: dessim list",
	"run concurrent":                  "did you mean -scenario concurrent?",
	"run concurent":                   "did you mean -scenario concurrent?",
	"run lits" + concurrent:           "did you mean the command list",
	"run -- " + concurrent:            `unexpected argument "-scenario"`,
	"run -5" + concurrent:             `unexpected argument "-5"`,
	"run -" + concurrent:              `unexpected argument "-"`,
	"run help":                        `unexpected argument "help"`,
	"-scenario concurent":             "did you mean concurrent?",
	"-scenario x":                     `unknown scenario "x"|want bootstrap, commit`,
	"-scenario=":                      `unknown scenario ""`,
	"-scenario -json":                 "-scenario has no value, -json follows",
	"-scenario":                       "-scenario has no value",
	"-sed 4" + concurrent:             "did you mean -seed?",
	"--sed=4" + concurrent:            "did you mean -seed?",
	"-x" + concurrent:                 `unknown flag "-x"|-scenario, -seed`,
	"-seed 4" + concurrent + " -seed": "-seed has no value",
	"-seed 4 -seed 4" + concurrent:    "-seed is given twice",
	"-seed= -seed 4" + concurrent:     "-seed is given twice",
	"-json -json" + concurrent:        "-json is given twice",
	"-json=false -json" + concurrent:  "-json is given twice",
	"-json=maybe" + concurrent:        `-json="maybe": want -json alone`,
	"-seed=" + concurrent:             `seed ""`,
	"-seed -1" + concurrent:           "negative",
	"-seed 1e3" + concurrent:          "no digit",
	"-seed 0x1_0" + concurrent:        "no digit",
	"-seed " + strings.Repeat("9", 100_000) + concurrent:  "seed",
	"-seed 18446744073709551616 -json" + concurrent:       "more than 64 bits",
	"-nodes 0 -json" + concurrent:                         "nodes 0|3 to 100000",
	"-nodes 2" + concurrent:                               "nodes 2",
	"-nodes 1000000" + concurrent:                         "nodes 1000000|3 to 100000",
	"-nodes 99999999999" + concurrent:                     "want a whole number from 0 to 2147483647",
	"-until 99999999999h" + concurrent:                    "of at most 2400h0m0s",
	"-fault 99999999999999999999:x" + concurrent:          "an identity from 0 to 2^62 - 1",
	"-seed 99999999999999999999" + concurrent:             "from 0 to 18446744073709551615",
	"sweep -seeds 1-2 -j 99999999999" + concurrent:        "want a number from 1 to 1024",
	"sweep -seeds 1-2 -budget 99999999h" + concurrent:     "at most 2562047h0m0s",
	"explore -down 99999999h" + concurrent:                "of at most 2400h0m0s",
	"-nodes -3" + concurrent:                              `nodes "-3"`,
	"-nodes 8.0" + concurrent:                             `nodes "8.0"`,
	"-nodes=" + concurrent:                                `nodes ""`,
	"-nodes " + strings.Repeat("9", 100_000) + concurrent: "too long",
	"-txs -1" + concurrent:                                `txs "-1"`,
	"-txs 1000001" + concurrent:                           `txs "1000001"`,
	"-order isys" + concurrent:                            "did you mean isis?",
	"-order isi" + concurrent:                             "did you mean isis?",
	"-order lampert" + concurrent:                         "did you mean lamport?",
	"-order seq" + concurrent:                             "want isis, lamport, sequencer, raft; did you mean sequencer?",
	"-order fifo" + concurrent:                            `order "fifo": want isis, lamport, sequencer`,
	"-order=" + concurrent:                                `order ""`,
	"-delay 0s" + concurrent:                              "delay 0s",
	"-delay 0" + concurrent:                               "delay 0s",
	"-delay 5" + concurrent:                               `delay "5"`,
	"-delay -1ms" + concurrent:                            "delay -1ms",
	"-delay 2h" + concurrent:                              "delay 2h",
	"-jitter -1ms" + concurrent:                           "jitter -1ms",
	"-loss -1%" + concurrent:                              `loss "-1%"`,
	"-loss 101%" + concurrent:                             `loss "101%"`,
	"-loss 1.5" + concurrent:                              `loss "1.5"`,
	"-loss 41%" + concurrent:                              "at most 40%",
	"-copy 200%" + concurrent:                             `copy "200%"`,
	"-abort NaN" + concurrent:                             `abort "NaN"`,
	"-until 1ms" + concurrent:                             "scenario concurrent: until 1ms: the first input comes at 2.140000001s; want that or later",
	"sweep -seeds 1-3 -until 1ms" + concurrent:            "the first input comes at 2.140000001s",
	"explore -until 1ms" + concurrent:                     "the first input comes at 2.1",
	"compare -until 1ms" + concurrent:                     "the first input comes at 2.140000001s",
	"shrink -until 1ms" + concurrent:                      "the first input comes at 2.140000001s",
	"-until 0s" + concurrent:                              "until 0s",
	"-until 9999999h" + concurrent:                        `until`,
	"-txs 4 -scenario bootstrap":                          "txs means nothing to scenario bootstrap",
	"-trace=" + concurrent:                                `trace ""`,
	"-trace - -record -" + concurrent:                     "-trace writes there; want two files",
	"-logs -" + concurrent:                                `logs "-": want the name of a folder`,
	"sweep -seeds 1-2 -out -" + concurrent:                `out "-": want the name of a folder`,
	"sweep -seeds 1-2 -results -" + concurrent:            `results "-": a sweep reads its results`,
	"-logs=" + concurrent:                                 `logs ""`,
	"-fault=" + concurrent:                                "fault \"\": has no fault",
	"-fault ; -strict" + concurrent:                       "fault \";\": has no fault",
	"replay":                                              "no replay file",
	"replay a b":                                          `unexpected argument "b"; replay takes one file`,
	"replay a -seed 4":                                    `unknown flag "-seed"`,
	"replay .":                                            "is a directory",
}

func TestBadUsageTakesOneLineAndNothingElse(t *testing.T) {
	for args, words := range badUsage {
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
		{"-logs", filepath.Join(dir, "none", "x"), "whose parent exists"},
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
	long := dessim(t, "run", "-seed", "7", "-scenario", "bootstrap", "-nodes", "5", "-json")
	wantRun(t, long)
	for _, args := range [][]string{
		{"-seed", "7", "-scenario", "bootstrap", "-nodes", "5", "-json"},
		{"--json", "--scenario=bootstrap", "-nodes=5", "-seed", "0x7"},
		{"-seed=007", "-json=true", "-scenario", "bootstrap", "-nodes", "5"},
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

// Children of verify and mutate are told the parameters by flags.
func TestEveryDefaultIsTakenAsAFlag(t *testing.T) {
	for _, s := range program.Scenarios {
		x := subject{program: program}
		x.Scenario, x.Params = s, s.Defaults
		for _, p := range params(s, &s.Defaults) {
			if err := x.set(s.Param(p[0]), p[1]); err != nil && p[1] != "" {
				t.Errorf("%s -%s %s: %v", s.Name, p[0], p[1], err)
			}
		}
	}
}
