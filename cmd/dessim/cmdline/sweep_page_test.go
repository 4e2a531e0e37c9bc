//go:build unix

package cmdline

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pageOf sweeps with a bug, and returns the page, which is written in the current folder.
func pageOf(t *testing.T, exe, args string) string {
	t.Helper()
	r := process(t, exe, nil, words(args+" -report page.html")...)
	if r.code != exitViolation || r.stderr != "" || !strings.Contains(r.stdout, "\nreport: page.html\n") {
		t.Fatalf("%s: %+v", args, r)
	}
	return read(t, "page.html")
}

// TestOnePageForOneSweepHoweverItWasMade compares sweeps of the same seeds: with other numbers
// of workers, interrupted and resumed, and merged from shards.
func TestOnePageForOneSweepHoweverItWasMade(t *testing.T) {
	exe := tieless(t)
	t.Chdir(t.TempDir())
	const seeds = small + " -seeds 1-15"
	want := pageOf(t, exe, seeds+" -j 1")
	same := func(how, page string) {
		if page != want {
			t.Errorf("%s, the page is another", how)
		}
	}
	same("with 4 workers", pageOf(t, exe, seeds+" -j 4"))
	pageOf(t, exe, seeds+" -results r -stop-after 3")
	same("resumed", pageOf(t, exe, seeds+" -results r"))
	same("read from its results", pageOf(t, exe, seeds+" -results r"))
	for _, shard := range []string{"1", "2", "3"} {
		pageOf(t, exe, seeds+" -results s"+shard+" -shard "+shard+"/3")
	}
	same("merged", pageOf(t, exe, "merge s3 s1 s2"))
	if page := pageOf(t, exe, "merge s1 s3"); page == want || !strings.Contains(page, "<strong>Not run:</strong> seeds 6-10.") || !strings.Contains(page, "-seeds 6-10</code>") {
		t.Error("the page of a merge that lacks a shard does not say so")
	}
}

func TestAPageIsThereWhileTheSweepGoesOn(t *testing.T) {
	exe := tieless(t)
	t.Chdir(t.TempDir())
	args := words(small + " -results r -report page.html -seeds")
	cmd := exec.Command(exe, append(args, "1-1000000")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for page := ""; !strings.Contains(page, "The sweep goes on"); {
		b, err := os.ReadFile("page.html")
		if page = string(b); err == nil && !strings.HasSuffix(page, "</html>\n") {
			t.Fatalf("the page is not whole: %.100s", page)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	page := read(t, "page.html")
	if resume := "dessim " + small + " -seeds 1-1000000 -report page.html -results r</code>"; !strings.Contains(page, resume) {
		t.Errorf("the page of a killed sweep does not say how to resume: %q", regexp.MustCompile(`<code>[^<]*`).FindString(page))
	}
}

func TestAnInterruptedSweepsPageTellsItsPrefix(t *testing.T) {
	exe := tieless(t)
	t.Chdir(t.TempDir())
	cmd := exec.Command(exe, words(small+" -seeds 1-1000000 -report page.html")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat("page.html"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	page := read(t, "page.html")
	for _, want := range []string{`<strong>Not run:</strong> seed`, "<span>continue</span><code>dessim " + small + " -seeds ", "-1000000 -report page.html</code>", "The smallest run, not shrunk", "The sweep was interrupted."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if cmd.ProcessState.ExitCode() != exitInterrupted || strings.Contains(page, "goes on") {
		t.Errorf("exits with %d", cmd.ProcessState.ExitCode())
	}
}

func TestAPageChangesNoResult(t *testing.T) {
	exe := tieless(t)
	t.Chdir(t.TempDir())
	const args = small + " -seeds 1-30 -json -results "
	plain := process(t, exe, nil, words(args+"plain")...)
	with := process(t, exe, nil, words(args+"with -report page.html")...)
	if strings.Replace(with.stdout, `"report":"page.html",`, "", 1) != plain.stdout || with.stdout == plain.stdout || with.code != plain.code || with.stderr != plain.stderr {
		t.Errorf("with a page %+v\nwithout %+v", with, plain)
	}
	if read(t, "with") != read(t, "plain") {
		t.Error("the results differ")
	}
}

func TestAPageTellsShrunkRunsLinksTheirFilesAndHasCommandsThatWork(t *testing.T) {
	exe := tieless(t)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("pages of mine", 0o777); err != nil {
		t.Fatal(err)
	}
	r := process(t, exe, nil, append(words(small+" -seeds 1-80 -out replays -report"), "pages of mine/page.html")...)
	page := read(t, "pages of mine/page.html")
	links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if r.code != exitViolation || len(links) == 0 || len(links) != 2*len(entries(t, "replays")) { // each has a page, too
		t.Fatalf("%d links; %+v", len(links), r)
	}
	for _, link := range links {
		path, err := url.PathUnescape(link[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join("pages of mine", path)); err != nil {
			t.Error(err)
		}
	}
	for _, command := range regexp.MustCompile(`<code>dessim ([^<]*)`).FindAllStringSubmatch(page, -1) {
		if again := process(t, exe, nil, words(command[1])...); again.code == exitUsage || again.stderr != "" {
			t.Errorf("the command %s: %+v", command[1], again)
		}
	}
	if n := strings.Count(page, "<h3>The smallest run, shrunk in "); 2*n != len(links) {
		t.Errorf("%d of %d runs are shrunk", n, len(links))
	}
}

func TestAPageGoesToStandardOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	r := process(t, binary, nil, words(small+" -seeds 1-5 -report -")...)
	if r.code != exitPass || !strings.HasPrefix(r.stdout, "<!DOCTYPE html>") || strings.Contains(r.stdout, "goes on") || !strings.HasPrefix(r.stderr, "pass: sweep of concurrent, seeds 1-5\n") || strings.Contains(r.stderr, "report:") {
		t.Errorf("%+v", r)
	}
}

func TestAPageThatCannotBeWrittenIsRefusedBeforeTheRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	wantRun(t, dessim(t, words(small+" -seeds 1-5 -results r -report page.html")...))
	before := read(t, "r")
	for args, want := range map[string]string{
		small + " -seeds 1-9 -report":                      "-report has no value",
		small + " -seeds 1-9 -report=":                     `report "": want the name of a file`,
		small + " -seeds 1-9 -report .":                    `report ".": is a folder; want a writable file`,
		small + " -seeds 1-9 -report no/such/page.html":    "no such file or directory; want a writable file",
		small + " -seeds 1-9 -results r -report r":         `report "r": the command already uses it`,
		small + " -seeds 1-9 -results new -report ./new":   `report "./new": the command already uses it`,
		"merge r -report r":                                `report "r": the command already uses it`,
		"merge r -report .":                                `report ".": is a folder; want a writable file`,
		small + " -seeds 1-9 -report page.html -results .": `results "."`,
	} {
		wantLine(t, dessim(t, words(args)...), exitUsage, want)
	}
	if got := strings.Join(entries(t, "."), " "); got != "page.html r" || read(t, "r") != before {
		t.Errorf("left %s", got)
	}
}

func TestAFullDiskLosesThePageAlone(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
	want := dessim(t, words(small+" -seeds 1-5")...)
	got := dessim(t, words(small+" -seeds 1-5 -report /dev/full")...)
	if got.code != exitIO || got.stdout != want.stdout || got.stderr != "dessim: report \"/dev/full\": no space left on device\n" {
		t.Errorf("%+v", got)
	}
}
