package cmdline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARunWithAPageIsTheSameRunAndNamesThePage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.html")
	args := []string{"-scenario", "crash", "-nodes", "4", "-txs", "3"}
	plain, shown := dessim(t, args...), dessim(t, append(args, "-report", file)...)
	if want := plain.stdout + "report                 " + file + "\n"; shown.stdout != want {
		t.Errorf("with a page the summary is\n%s\nwant\n%s", shown.stdout, want)
	}
	page := read(t, file)
	for _, want := range []string{"<title>dessim: -seed 1 -scenario crash", "<h1>pass: scenario crash, seed 1</h1>", "<pre>dessim run -seed 1 -scenario crash"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	object := dessim(t, append(args, "-report", file, "-json")...)
	if !strings.Contains(object.stdout, `"report":"`+file+`"}`) {
		t.Errorf("the object does not end in the page: %s", object.stdout)
	}
	again := dessim(t, append(args, "-report", "-")...)
	if again.stdout != page || !strings.HasPrefix(again.stderr, "pass: scenario crash") {
		t.Errorf("the page on stdout has %d bytes, the file %d; stderr: %.100s", len(again.stdout), len(page), again.stderr)
	}
}

func TestAReplayAndAShrinkingHavePages(t *testing.T) {
	_, _, failed := failure(t)
	saved, err := filepath.Glob("*.replay")
	if err != nil || len(saved) != 1 {
		t.Fatalf("%q, %v\n%s", saved, err, failed.stdout)
	}
	if r := dessim(t, "replay", saved[0], "-report", "replay.html"); r.code != exitViolation || !strings.Contains(read(t, "replay.html"), "<h1>violation: scenario concurrent") {
		t.Errorf("replay exits with %d: %s", r.code, r.stderr)
	}
	r := dessim(t, "shrink", saved[0], "-runs", "20", "-report", "shrunk.html", "-o", "small.replay")
	page := read(t, "shrunk.html")
	for _, want := range []string{"(shrunk)</h1>\n<pre>dessim replay small.replay</pre>", "(before shrinking)</h1>\n<pre>dessim replay " + saved[0] + "</pre>", "<p>step "} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if !strings.Contains(r.stdout, "report  shrunk.html\n") {
		t.Errorf("shrink does not name the page:\n%s", r.stdout)
	}
}

func TestAPageThatCannotBeIsOneLine(t *testing.T) {
	dir := t.TempDir()
	run := []string{"run", "-scenario", "concurrent", "-nodes", "3", "-txs", "1"}
	with := func(more ...string) []string { return append(run[:len(run):len(run)], more...) }
	wantLine(t, dessim(t, with("-report", dir)...), exitUsage, "report", dir, "want a writable file")
	wantLine(t, dessim(t, with("-report", filepath.Join(dir, "no", "x.html"))...), exitUsage, "report")
	wantLine(t, dessim(t, with("-report", "")...), exitUsage, `report ""`)
	same := filepath.Join(dir, "x")
	wantLine(t, dessim(t, with("-report", same, "-trace", same)...), exitUsage, "writes there; want two files")
	if _, err := os.Stat(same); err == nil {
		t.Error("a refused command left a file")
	}
	path, _ := record(t)
	wantLine(t, dessim(t, "replay", path, "-report", path), exitUsage, "already uses it")
	wantLine(t, dessim(t, "replay", path, "-until", "1s", "-report", same), exitUsage, "-until and -report")
	wantLine(t, dessim(t, "replay", path, "-emit-test", "-report", same), exitUsage, "-emit-test and -report")
	if _, err := os.Stat("/dev/full"); err == nil {
		r := dessim(t, with("-report", "/dev/full")...)
		if r.code != exitIO || !strings.Contains(r.stderr, "report \"/dev/full\": no space left on device") || strings.Contains(r.stdout, "report ") {
			t.Errorf("on a full disk: exits with %d; stderr %q", r.code, r.stderr)
		}
	}
}
