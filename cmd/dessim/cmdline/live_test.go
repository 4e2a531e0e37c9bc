package cmdline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// liveRecording makes a live run in which a node crashes, and returns the folder of its
// recordings and the object that was printed.
func liveRecording(t *testing.T) (dir string, object map[string]any) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "rec")
	r := dessim(t, "live", "-scenario", "crash", "-nodes", "3", "-txs", "2", "-faults", "none",
		"-fault", "crash 1 at 2300ms for 200ms; heal at 3s", "-seed", "4", "-record", dir, "-json")
	if r.code != exitPass || r.stderr != "" {
		t.Fatalf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &object); err != nil {
		t.Fatal(err)
	}
	return dir, object
}

func TestALiveRunIsReplayedFromItsRecordings(t *testing.T) {
	t.Parallel()
	dir, live := liveRecording(t)
	again := dessim(t, "replay", dir, "-json")
	var object map[string]any
	if err := json.Unmarshal([]byte(again.stdout), &object); err != nil {
		t.Fatalf("%v: %s", err, again.stderr)
	}
	if again.code != exitPass || object["digest"] != live["digest"] {
		t.Errorf("the replay exits with %d and digest %v; the live run had %v", again.code, object["digest"], live["digest"])
	}
	wantRun(t, dessim(t, "explain", dir))
	wantLine(t, dessim(t, "shrink", dir), exitUsage, "nothing to shrink")
}

// The error names the file, or the node that did something else.
func TestRecordingsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	dir, _ := liveRecording(t)
	file := filepath.Join(dir, "node-1.rec")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	header := strings.SplitAfterN(string(whole), "\n", 4)
	for name, c := range map[string]struct {
		text string // of node 1's file, instead
		code int
		want string
	}{
		"not one":       {"hello\n", exitUsage, "node-1.rec"},
		"of two runs":   {header[0] + header[1] + "another\n" + header[3], exitUsage, "another run"},
		"of one node":   {header[0] + "0\n" + header[2] + header[3], exitInternal, "two recordings are of node 0"},
		"of no node":    {header[0] + "99\n" + header[2] + header[3], exitInternal, "node 99"},
		"without steps": {header[0] + header[1] + header[2], exitInternal, "cannot be made again"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		wantLine(t, dessim(t, "replay", dir), c.code, c.want)
	}
	wantLine(t, dessim(t, "replay", t.TempDir()), exitUsage, "without recordings of nodes")
}

// Processes that were killed as they began leave recordings without an entry, or without a byte.
func TestRecordingsThatBarelyBeganAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, c := range []struct{ text, want string }{
		{"", "without recordings of nodes"},
		{"dessim recording 1\n0\n-seed 4 -scenario crash\n", "end before anything happens"},
	} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("node-%d.rec", i)), []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		wantLine(t, dessim(t, "replay", dir), exitUsage, c.want)
	}
}

// A node that panics does so again in virtual time.
func TestALivePanicIsSavedAsAReplayFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, how := range []string{"panic", "quit"} {
		live := rogues(t, "live -scenario rogue -how "+how)
		replay := rogues(t, "replay dessim-live-rogue-1.replay")
		for name, r := range map[string]result{"live": live, "replay": replay} {
			if r.code != exitViolation || r.stderr != "" || !regexp.MustCompile(`no node panics(.|\n)*`+rogueLine).MatchString(r.stdout) {
				t.Errorf("%s, %s: exits with %d\n%s%s", how, name, r.code, r.stdout, r.stderr)
			}
		}
		if r := rogues(t, "shrink dessim-live-rogue-1.replay"); r.code != exitPass {
			t.Errorf("%s: shrink exits with %d: %s", how, r.code, r.stderr)
		}
	}
}

func TestLiveRefusesWhatItCannotDo(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-fault", "jump 2 by 3s at 3s"}, "a live run cannot inject it"},
		{[]string{"-fault", "crash 2 at"}, "fault"},
		{[]string{"-for", "5s", "-until", "6s"}, "one or the other"},
		{[]string{"-for", "soon"}, "duration"},
		{[]string{"-for", "0s"}, "for: until 0s: want more"},
		{[]string{"-trace", filepath.Join(full, "no", "x")}, "want a writable file"},
		{[]string{"-for", "10ms"}, "the first input comes at"},
		{[]string{"-record", full}, "new or empty folder"},
		{[]string{"-record", ""}, "name of a folder"},
		{[]string{"-record", filepath.Join(full, "r"), "-disks", filepath.Join(full, "r")}, "want two folders"},
		{[]string{"-disks", filepath.Join(full, "x")}, "disks"},
		{[]string{"-timing", "recorded"}, "timing"},
		{[]string{"now"}, "unexpected argument"},
	} {
		t.Log(c.args)
		wantLine(t, dessim(t, append([]string{"live", "-scenario", "concurrent"}, c.args...)...), exitUsage, c.want)
	}
}
