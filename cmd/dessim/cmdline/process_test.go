//go:build unix

package cmdline

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAClosedPipeIsToldByItsCode(t *testing.T) {
	for _, args := range []string{"-scenario bootstrap -nodes 5", "-scenario bootstrap -nodes 5 -json", "list", "help"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var errs bytes.Buffer
		cmd := exec.Command(binary, strings.Fields(args)...)
		cmd.Stdout, cmd.Stderr = w, &errs
		cmd.Run()
		w.Close()
		wantLine(t, result{cmd.ProcessState.ExitCode(), "", errs.String()}, exitIO, "broken pipe")
	}
}

// A run that writes its trace into a pipe nobody empties waits there, so the
// signal arrives in the middle, however fast the machine.
func TestAnInterruptedRunTellsHowFarItCame(t *testing.T) {
	for _, signal := range append(hangups(), os.Interrupt, syscall.SIGTERM) { // no SIGHUP under nohup
		dir := t.TempDir()
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skip(err)
		}
		var out, errs bytes.Buffer
		cmd := exec.Command(binary, "-scenario", "bootstrap", "-nodes", "300", "-trace", pipe,
			"-record", filepath.Join(dir, "record"), "-logs", filepath.Join(dir, "logs"))
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		trace, err := os.Open(pipe)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 1)
		if _, err := trace.Read(first); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // to let it arrive while the run waits
		rest, _ := io.ReadAll(trace)
		trace.Close()
		cmd.Wait()
		told := regexp.MustCompile(`^dessim: (interrupted after \d+ events); -record wrote nothing\n$`).FindStringSubmatch(errs.String())
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || told == nil || !strings.HasPrefix(out.String(), "inconclusive: scenario bootstrap, seed 1\n"+told[1]) {
			t.Errorf("%v: exits with %d\n%s%s", signal, code, &errs, &out)
		}
		if got := entries(t, dir); !slices.Equal(got, []string{"logs"}) || !bytes.HasSuffix(rest, []byte("interrupted\n")) {
			t.Errorf("%v left %q, and a trace that ends in %q", signal, got, rest[max(0, len(rest)-100):])
		}
	}
}

func TestVerifyGoesWithEverything(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-scenario", "concurrent", "-seed", "9", "-loss", "5%"}
	once := process(t, binary, nil, args...)
	wantRun(t, once)
	for _, env := range []string{"GOMAXPROCS=1", "GOMAXPROCS=2"} {
		twice := process(t, binary, []string{env}, append(args, "-verify", "-trace", filepath.Join(dir, "trace"),
			"-record", filepath.Join(dir, "record"), "-logs", filepath.Join(dir, "logs"))...)
		text := regexp.MustCompile(`(?m)^verified .*every event the same\n`).ReplaceAllString(twice.stdout, "")
		if len(text) == len(twice.stdout) || text != once.stdout || twice.code != once.code || twice.stderr != "" {
			t.Errorf("%s -verify: %d\n%s%s", env, twice.code, twice.stdout, twice.stderr)
		}
	}
	object := process(t, binary, nil, append(args, "-json")...)
	object.stdout = strings.Replace(object.stdout, `"verified":false`, `"verified":true`, 1)
	if verified := process(t, binary, nil, append(args, "-json", "-verify")...); verified != object || !strings.Contains(object.stdout, `"verified":true`) {
		t.Errorf("-json -verify gives %+v", verified)
	}
	wantRun(t, process(t, binary, nil, "replay", filepath.Join(dir, "record")))
}

func TestAViolationIsFoundInTheTraceByItsStepAndTime(t *testing.T) {
	exe := planted(t, "order")
	t.Chdir(t.TempDir()) // a replay file is written
	r := process(t, exe, nil, "-scenario", "concurrent", "-nodes", "3", "-seed", "6")
	m := regexp.MustCompile(`^violation: .*\n.*: node .* since step \d+\nat step (\d+), (\d+\.\d{6}) ms; see it: dessim (.*) -trace run\.trace\n`).FindStringSubmatch(r.stdout)
	if r.code != exitViolation || m == nil {
		t.Fatalf("exits with %d\n%s", r.code, r.stdout)
	}
	trace := filepath.Join(t.TempDir(), "run.trace")
	process(t, exe, nil, append(strings.Fields(m[3]), "-trace", trace)...)
	if line := ` ` + regexp.QuoteMeta(m[2]) + ` +` + m[1] + `  output `; !regexp.MustCompile(line).MatchString(read(t, trace)) {
		t.Errorf("the trace has no line %q; the summary begins\n%.500s", line, r.stdout)
	}
}

func TestVerifyFindsTheFirstEventThatDiffers(t *testing.T) {
	exe := planted(t, "answers")
	r := process(t, exe, nil, "-scenario", "concurrent", "-json", "-verify")
	lines := strings.Split(r.stderr, "\n")
	first := regexp.MustCompile(`not deterministic: a second process differs from step (\d+), (\d+\.\d{6}) ms on, line \d+ of the trace`).FindStringSubmatch(lines[0])
	if r.code != exitInternal || len(lines) != 5 || first == nil || !strings.HasPrefix(lines[1], "dessim: here:  ") ||
		!regexp.MustCompile(` `+regexp.QuoteMeta(first[2])+` +`+first[1]+` `).MatchString(lines[1]) || !strings.Contains(lines[3], "map order, a clock") || !strings.HasPrefix(lines[2], "dessim: there: ") || lines[1][15:] == lines[2][15:] {
		t.Errorf("exits with %d\n%s", r.code, r.stderr)
	}
	if !strings.Contains(r.stdout, `"verdict":"error"`) || !strings.Contains(r.stdout, `"error":"not deterministic: `) || !json.Valid([]byte(r.stdout)) {
		t.Errorf("stdout: %s", r.stdout)
	}
}

// A node may print, as long as it does what it does: what it prints in the second process, by
// whatever way, is not compared.
func TestVerifyComparesNothingThatNodesPrint(t *testing.T) {
	exe := planted(t, "prints")
	file := filepath.Join(t.TempDir(), "x")
	for _, args := range [][]string{{"-scenario", "bootstrap", "-nodes", "3", "-record", file, "-verify"}, {"replay", file, "-verify"}} {
		r := process(t, exe, nil, args...)
		if r.code != exitPass || !strings.Contains(r.stdout, "in a second process: every event the same") || !strings.Contains(r.stdout, "pid ") {
			t.Errorf("%q exits with %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	// The second process fails alone: the first is told not to by its arguments.
	wantLine(t, process(t, planted(t, "second"), nil, "-scenario", "bootstrap", "-nodes", "5", "-verify"), exitInternal, "second process failed: internal error: boom")
}

func TestVerifyFindsADifferenceThatNoEventShows(t *testing.T) {
	exe := planted(t, "digest")
	r := process(t, exe, nil, "-scenario", "bootstrap", "-nodes", "5", "-verify")
	if r.code != exitInternal || !strings.Contains(r.stderr, "the same trace and another report") || !strings.HasPrefix(r.stdout, "error: ") {
		t.Errorf("%+v", r)
	}
}

func TestAPanicIsOneLine(t *testing.T) {
	exe := planted(t, "panic")
	for _, args := range []string{"-scenario bootstrap -nodes 5", "-scenario bootstrap -nodes 5 -json"} {
		wantLine(t, process(t, exe, nil, strings.Fields(args)...), exitInternal, `internal error: boom\nbang`)
	}
}
