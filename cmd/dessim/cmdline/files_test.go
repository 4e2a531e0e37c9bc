package cmdline

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestARecordReplaysToTheSameDigest(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bootstrap", "concurrent"} {
		file := filepath.Join(dir, name)
		ran := dessim(t, "-seed", "5", "-scenario", name, "-loss", "10%", "-copy", "10%", "-json", "-record", file)
		wantRun(t, ran)
		if text := read(t, file); !strings.HasPrefix(text, "# dessim run -seed 5 -scenario "+name+" ") {
			t.Errorf("the file begins with\n%.100s", text)
		}
		again := dessim(t, "replay", file, "-json")
		wantRun(t, again)
		want, _, _ := strings.Cut(ran.stdout, `,"reproduce"`)
		got, rest, _ := strings.Cut(again.stdout, `,"reproduce"`)
		if got != want || again.code != ran.code || !strings.Contains(rest, `"same":true,"stale":0,`) {
			t.Errorf("the replay gives\n%s\nnot what was run\n%s", again.stdout, ran.stdout)
		}
		if text := dessim(t, "replay", file); !strings.Contains(text.stdout, ": the same, 0 of ") {
			t.Errorf("the summary does not tell that the digest is the same:\n%s", text.stdout)
		}
	}
}

// record returns a replay file of a small run, without its comment.
func record(t *testing.T) (path, text string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.replay")
	wantRun(t, dessim(t, "-scenario", "concurrent", "-nodes", "4", "-record", path))
	_, text, _ = strings.Cut(read(t, path), "\n")
	return path, text
}

func TestDamagedReplayFilesAreRefused(t *testing.T) {
	file, text := record(t)
	for _, x := range [][3]string{
		{"replay v1", "replay v2", "newer dessim"},
		{"dessim replay v1", "something else", "line 1"},
		{"scenario concurrent\n", "", "the header has no scenario"},
		{"scenario concurrent\n", "scenario concurent\n", "did you mean concurrent?"},
		{"seed 1\n", "", "the header has no seed"},
		{"seed 1\n", "seed 1\nseed 1\n", `header field "seed"`},
		{"seed 1\n", "seed one\n", "seed"},
		{"nodes 4\n", "nodes 1\n", "3 to 100000"},
		{"nodes 4\n", "nodes many\n", `nodes "many"`},
		{"nodes 4\n", "", "the header has no nodes"},
		{"loss 0%\n", "", "the header has no loss"},
		{"nodes 4\n", "nodes\n", `nodes ""`},
		{"nodes 4\n", "nodes 4\ncolour red\n", `header field "colour"`},
		{"verdict ", "verdict x", "verdict"},
		{"digest ", "digest 1", "16 hex digits"},
		{"\nhash ", "\nhush ", `header field "hush"`},
		{"\nhash ", "\nhash 1", "16 hex digits"},
		{"\nanswers\n", "\n", "answers"},
		{"\nend ", "\nend 1", "end"},
		{"\nend ", "\n", "end"},
	} {
		if !strings.Contains(text, x[0]) {
			t.Fatalf("the file has no %q:\n%.300s", x[0], text)
		}
		write(t, file, strings.Replace(text, x[0], x[1], 1))
		wantLine(t, dessim(t, "replay", file, "-json"), exitUsage, x[2], "x.replay")
	}
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "")
	wantLine(t, dessim(t, "replay", empty), exitUsage, "line 1")
}

func TestAReplayExitsByItsVerdictAndTellsWhetherItIsTheRecordedRun(t *testing.T) {
	path, text := record(t)
	file, err := scenario.ParseRecording([]byte(text), program.lookup)
	if err != nil {
		t.Fatal(err)
	}
	// replay writes the file as other code would have, and replays it.
	replay := func(recorded, words string) {
		t.Helper()
		text, err := file.AppendText(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(text))
		wantReplay(t, path, recorded, words)
	}
	file.Digest = "0123456789abcdef"
	replay(`"digest":"0123456789abcdef","same":false,"stale":0,`, "although every recorded answer was used: the code changed, or the run is nondeterministic")
	// An answer to a question that nobody asks.
	file.Answers = append(file.Answers, source.Answer{Key: protocol.Key{Kind: protocol.KindOf("net.none"), B: 1}, Value: 1})
	replay(`"same":false,"stale":1,`, "answers stale (net.none 1): the code changed\n")
}

func wantReplay(t *testing.T, path, recorded, words string) {
	t.Helper()
	object, text := dessim(t, "replay", path, "-json"), dessim(t, "replay", path)
	if object.code != exitPass || !strings.Contains(object.stdout, recorded) {
		t.Errorf("want %s: %+v", recorded, object)
	}
	if text.code != exitPass || !strings.Contains(text.stdout, words) {
		t.Errorf("want %q:\n%s", words, text.stdout)
	}
}

func TestAnEditedReplayFileRunsAndIsToldFromChangedCode(t *testing.T) {
	path, text := record(t)
	delay := regexp.MustCompile(`(?m)^(net\.delay .*) (\d+) of .*\n`).FindString(text)
	of := strings.Index(delay, " of ")
	changed := delay[:strings.LastIndexByte(delay[:of], ' ')] + " 1" + delay[of:]
	for _, x := range [][2]string{
		{delay, changed},
		{"nodes 4\n", "nodes 5\n"},
	} {
		write(t, path, strings.Replace(text, x[0], x[1], 1))
		wantReplay(t, path, `"same":false`, ": the file was edited after it was recorded\n")
	}
	// Which verdict was recorded is no part of the run, and is told.
	write(t, path, strings.Replace(text, "verdict pass\n", "verdict violation\n", 1))
	wantReplay(t, path, `"same":true`, ": the same run, 0 of ")
	wantReplay(t, path, `"verdict":"violation"`, "but the verdict differs: the file was edited after it was recorded\n")
	// What says the same is the same run.
	write(t, path, strings.Replace(text, delay, "# nothing\n"+delay[:of]+delay[of:strings.IndexByte(delay, '#')]+"# slow\n", 1))
	wantReplay(t, path, `"same":true`, ": the same, 0 of ")
}

func TestATestIsEmittedInsteadOfARun(t *testing.T) {
	file, _ := record(t)
	for _, flags := range [][]string{{"-json"}, {"-trace", "x.trace"}, {"-until", "1s"}, {"-verify"}} {
		wantLine(t, dessim(t, append([]string{"replay", file, "-emit-test"}, flags...)...), exitUsage, "-emit-test and "+flags[0])
	}
}

func TestAReplayFileIsNotOverwrittenByItsOwnTrace(t *testing.T) {
	file, _ := record(t)
	before := read(t, file)
	wantLine(t, dessim(t, "replay", file, "-trace", file), exitUsage, "already uses it")
	if read(t, file) != before {
		t.Error("the file changed")
	}
}

func TestFilesAppearWhenTheyAreComplete(t *testing.T) {
	dir := t.TempDir()
	trace, record, logs := filepath.Join(dir, "trace"), filepath.Join(dir, "record"), filepath.Join(dir, "logs")
	write(t, trace, "old")
	if err := os.Chmod(trace, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-scenario", "bootstrap", "-nodes", "100", "-trace", trace, "-record", record, "-logs", logs}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if r := dessimUnder(interrupted, args...); r.code != exitInterrupted || r.stderr != "dessim: interrupted after 0 events; -record wrote nothing\n" {
		t.Errorf("an interruption gives %+v", r)
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"logs", "trace"}) || !strings.HasSuffix(read(t, trace), "interrupted\n") {
		t.Errorf("after an interruption the folder holds %q", got)
	}
	args[3] = "3"
	wantRun(t, dessim(t, args...))
	if got := entries(t, dir); !slices.Equal(got, []string{"logs", "record", "trace"}) {
		t.Errorf("the folder holds %q", got)
	}
	if text := read(t, trace); !strings.HasPrefix(text, "#") || !strings.Contains(text, "ended") {
		t.Errorf("the trace is %q", text)
	}
	if info, err := os.Stat(trace); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's permissions became %v", info.Mode())
	}
	if got := entries(t, logs); len(got) < 3 || strings.HasPrefix(got[0], ".") {
		t.Errorf("the logs are %q", got)
	}
}

func TestATraceGoesWhereALinkLeads(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real"), "old")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Skip(err)
	}
	wantRun(t, dessim(t, "-scenario", "bootstrap", "-nodes", "5", "-trace", link))
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() || read(t, link) == "old" {
		t.Error("the link was replaced, or what it leads to was not")
	}
}

func TestLogsAreNamedByIdentity(t *testing.T) {
	r := handmade(3) // id 0 has a forger, 1 none
	r.Nodes[2].Cells[0] = r.Nodes[0].Cells[0]
	r.Nodes[1].Cells[0] = ""
	n := new(notes)
	n.Observe(&sim.Event{What: sim.Started, Node: 7, Incarnation: 2, At: 1_500_000})
	n.Observe(&sim.Event{What: sim.Noted, Node: 7, Kind: protocol.KindOf("joined"), Text: "all\nwell", At: 2_000_001})
	n.Observe(&sim.Event{What: sim.Crashed, Node: 1, Text: "after 2 effects"})
	hex := "00000000000000000000000000000000000000ff"
	var got []string
	for _, f := range fileNames(n, r) {
		got = append(got, f.name)
	}
	if want := []string{hex + ".txt", "node-1.txt", hex + "-2.txt", "client-7.txt"}; !slices.Equal(got, want) {
		t.Errorf("the files are %q, want %q", got, want)
	}
	const want = "      1.500000  started, incarnation 2\n      2.000001  joined: all\\nwell\n"
	if string(n.of[7]) != want {
		t.Errorf("the log is %q, want %q", n.of[7], want)
	}
}

func TestVerdictsHaveTheirExitCodes(t *testing.T) {
	for verdict, code := range map[check.Verdict]int{
		check.Pass: exitPass, check.Violation: exitViolation, check.Inconclusive: exitInconclusive, scenario.Failed: exitInternal,
	} {
		got := exitPass
		if e, ok := verdictExit(verdict).(*exit); ok {
			got = e.code
		}
		if got != code {
			t.Errorf("%s exits with %d, want %d", verdict, got, code)
		}
	}
}

// A checkout on Windows can give files other line ends.
func TestFilesWithTheLineEndsOfWindowsAreRead(t *testing.T) {
	file, text := record(t)
	write(t, file, strings.ReplaceAll(text, "\n", "\r\n"))
	wantReplay(t, file, `"same":true`, ": the same, 0 of ")
	faults := filepath.Join(t.TempDir(), "faults.txt")
	write(t, faults, "# two\ncrash 1 at 2500ms for 1s\n7: pause 2 at 3s for 1s\n")
	args := []string{"-scenario", "crash", "-nodes", "4", "-txs", "2", "-faults", faults}
	want := dessim(t, args...)
	wantRun(t, want)
	write(t, faults, strings.ReplaceAll(read(t, faults), "\n", "\r\n"))
	if got := dessim(t, args...); got != want {
		t.Errorf("a file of faults: %+v, want %+v", got, want)
	}
}

// The names of nodes are words of the scenario, or of a node.
func TestLogsOfAnyNamesAreFilesOfTheFolder(t *testing.T) {
	r := handmade(6)
	for i, name := range []string{"../../etc/passwd", "con", "a:b", "A/B", strings.Repeat("long", 100), strings.Repeat("long", 100)} {
		r.Nodes[i].Cells[0] = name
	}
	dir := t.TempDir()
	d, err := openFolder(&flag{name: "logs", text: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	if err := new(notes).writeTo(d, r); err != nil {
		t.Fatal(err)
	}
	d.Discard()
	got := entries(t, dir)
	if len(got) != 6 || !slices.Contains(got, "_con.txt") || !slices.Contains(got, "A-B-3.txt") || !slices.Contains(got, "etc-passwd.txt") {
		t.Errorf("the logs are %q", got)
	}
}

// Files in the forms of earlier versions are replayed: one of when churn took no faults, and
// one with its fields in another order. Their answers are of the machines of today.
func TestOldReplayFilesReplayAsTheyDid(t *testing.T) {
	files, err := filepath.Glob("testdata/old/*.replay")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		if r := dessim(t, "replay", file, "-json"); r.code != exitPass || !strings.Contains(r.stdout, `"same":true`) {
			t.Errorf("%s: %+v", file, r)
		}
	}
}
