//go:build unix

package cmdline

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// full runs a program in a folder that takes names but no bytes. A file system that is full is
// played by a limit on the size of files.
func full(t *testing.T, exe, dir string, args ...string) result {
	t.Helper()
	return in(t, dir, "/bin/sh", append([]string{"-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh", exe}, args...)...)
}

// in runs a program in a folder.
func in(t *testing.T, dir, exe string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// files that a report names.
var named = regexp.MustCompile(`(?m)^(replay|shrink) .*\n|: dessim (replay|run) .*$|,"(replay|continue)":"[^"]*"`)

// Each command prints in a full folder, and beside foreign files of the names that it wants,
// what it prints elsewhere, but for the files: with the same verdict, and 5 in place of a pass.
func TestAResultIsPrintedWhateverHappensToItsFiles(t *testing.T) {
	exe := tieless(t)
	args, written, _ := failure(t)
	run := func(more string) []string { return slices.Concat(args, words(more)) }
	file, results := filepath.Join(t.TempDir(), "x"), filepath.Join(t.TempDir(), "r")
	if r := process(t, exe, nil, words(small+" -seeds 1-20 -results", results, "-out", t.TempDir())...); r.code != exitViolation {
		t.Fatalf("%+v", r)
	}
	process(t, binary, nil, append(args, "-record", file)...)
	for _, x := range []struct {
		exe     string
		args    []string
		code    int
		foreign string // the name that it writes to by itself
	}{
		{binary, run(""), exitViolation, written},
		{binary, run("-json"), exitViolation, written},
		{binary, run("-record x -trace t -logs l"), exitViolation, ""},
		{binary, words("-scenario bootstrap -nodes 3 -record x"), exitIO, ""},
		{binary, words("-scenario bootstrap -nodes 3 -trace t -json"), exitIO, ""},
		{binary, words("-scenario bootstrap -nodes 3 -logs l"), exitIO, ""},
		{binary, []string{"replay", file, "-trace", "t"}, exitViolation, ""},
		{binary, []string{"replay", file, "-trace", "t", "-until", "100"}, exitIO, ""}, // in place of inconclusive
		{binary, []string{"shrink", file, "-runs", "20"}, exitIO, ""},
		{exe, words(small + " -seeds 1-20"), exitViolation, "dessim-concurrent-*.replay"},
		{exe, words(small + " -seeds 1-20 -json -strategy pct"), exitViolation, "dessim-concurrent-pct-*.replay"},
		{exe, []string{"merge", results}, exitViolation, "dessim-concurrent-*.replay"},
		{exe, words("explore -scenario concurrent -nodes 3 -txs 2 -runs 30"), exitViolation, "dessim-concurrent-explored.replay"},
	} {
		good := t.TempDir()
		want := in(t, good, x.exe, x.args...)
		got := full(t, x.exe, t.TempDir(), x.args...)
		compare := func(how string, got result) {
			t.Helper()
			if a, b := strings.TrimSpace(named.ReplaceAllString(got.stdout, "")), strings.TrimSpace(named.ReplaceAllString(want.stdout, "")); a != b || got.code != x.code {
				t.Errorf("%s, dessim %q exits with %d, want %d, and prints\n%s\nnot\n%s\nstderr: %s", how, x.args, got.code, x.code, a, b, got.stderr)
			}
			for _, line := range strings.Split(strings.TrimSpace(got.stderr), "\n") {
				if !strings.HasPrefix(line, "dessim: ") {
					t.Errorf("%s, dessim %q says %q", how, x.args, got.stderr)
				}
			}
			if strings.Contains(got.stdout, ".replay\n") || strings.Contains(got.stdout, `.replay"`) {
				t.Errorf("%s, dessim %q names a file that is not there:\n%s", how, x.args, got.stdout)
			}
		}
		compare("in a full folder", got)
		if x.foreign == "" {
			continue
		}
		names, _ := filepath.Glob(filepath.Join(good, x.foreign))
		if len(names) == 0 {
			t.Fatalf("dessim %q writes %q, not %s", x.args, entries(t, good), x.foreign)
		}
		beside := t.TempDir()
		for _, name := range names {
			write(t, filepath.Join(beside, filepath.Base(name)), "my diary")
		}
		compare("beside foreign files", in(t, beside, x.exe, x.args...))
		for _, name := range entries(t, beside) {
			if read(t, filepath.Join(beside, name)) != "my diary" {
				t.Errorf("dessim %q replaced or added %s", x.args, name)
			}
		}
	}
}

func TestAFullDiskLeavesNothingAndASweepContinuesOnceItHasRoom(t *testing.T) {
	exe, dir := tieless(t), t.TempDir()
	args := words(small + " -seeds 1-20 -json -results r")
	r := full(t, exe, dir, args...)
	if o := object(t, r); r.code != exitIO || o.Seeds != 0 || o.Complete || !strings.Contains(r.stderr, "results \"r\": file too large") {
		t.Errorf("%+v", r)
	}
	full(t, binary, dir, words("-scenario bootstrap -nodes 3 -trace t -record x -logs l")...)
	if got := entries(t, dir); !slices.Equal(got, []string{"r"}) {
		t.Errorf("left %q", got)
	}
	continued := object(t, in(t, dir, exe, args...))
	if want := object(t, in(t, dir, exe, words(small+" -seeds 1-20 -json")...)); fmt.Sprint(continued) != fmt.Sprint(want) {
		t.Errorf("continued to %+v, want %+v", continued, want)
	}
}

// Where stdout takes a file, stderr takes what stdout would have had.
func TestAFileThatIsADashGoesToStdout(t *testing.T) {
	args, _, _ := failure(t)
	for flag, args := range map[string][]string{
		"-trace":  {"-scenario", "bootstrap", "-nodes", "3", "-json"},
		"-record": {"-scenario", "bootstrap", "-nodes", "3"},
		"-o":      append([]string{"shrink", "-runs", "20"}, args...),
	} {
		plain := dessim(t, args...)
		file := dessim(t, append(args, flag, "x")...)
		piped := dessim(t, append(args, flag, "-")...)
		said := named.ReplaceAllString(plain.stdout, "")
		if piped.stdout != read(t, "x") || strings.TrimSpace(piped.stderr) != strings.TrimSpace(said) || piped.code != file.code {
			t.Errorf("%s - exits with %d, want %d; stderr:\n%s\nnot\n%s\nstdout:\n%.500s", flag, piped.code, file.code, piped.stderr, said, piped.stdout)
		}
		if flag == "-trace" && !strings.HasPrefix(piped.stdout, "#     time") {
			t.Errorf("-trace - prints %.100s", piped.stdout)
		}
	}
}

// Even where no file can be made, there is a report.
func TestAMergeInAFolderThatTakesNoFilesIsPrinted(t *testing.T) {
	const dir = "/proc"
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	exe, results := tieless(t), filepath.Join(t.TempDir(), "r")
	process(t, exe, nil, words(small+" -seeds 1-20 -results", results, "-out", t.TempDir())...)
	r := in(t, dir, exe, "merge", results)
	if r.code != exitViolation || !strings.HasPrefix(r.stdout, "violation: sweep of concurrent, seeds 1-20\n") || !strings.Contains(r.stderr, "no replay file was written") {
		t.Errorf("%+v", r)
	}
}

func TestADeviceThatIsFullIsReported(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	r := dessim(t, "-scenario", "bootstrap", "-nodes", "3", "-json", "-trace", "/dev/full", "-record", filepath.Join(dir, "x"))
	if r.code != exitIO || !strings.HasPrefix(r.stdout, `{"scenario"`) || !strings.Contains(r.stderr, "no space left") || len(entries(t, dir)) != 1 {
		t.Errorf("%+v", r)
	}
}

// A killed process leaves its temporary files, which the next one in that folder removes.
func TestTheFilesOfAKilledRunAreRemovedByTheNext(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(binary, "-scenario", "bootstrap", "-nodes", "300", "-trace", pipe, "-record", "x", "-logs", "l")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	trace, err := os.Open(pipe) // the run waits for a reader, so it is under way
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	if _, err := trace.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got := entries(t, dir); len(got) != 2 || len(entries(t, filepath.Join(dir, "l"))) != 1 {
		t.Fatalf("the killed run leaves %q", got)
	}
	wantRun(t, in(t, dir, binary, words("-scenario bootstrap -nodes 3 -record x -logs l")...))
	if got := entries(t, dir); !slices.Equal(got, []string{"l", "x"}) || strings.HasPrefix(entries(t, filepath.Join(dir, "l"))[0], ".") {
		t.Errorf("the next run leaves %q", got)
	}
}
