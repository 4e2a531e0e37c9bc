package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"dessim/scenarios"
)

// program is dessim, as its main has it.
var program = &Program{Name: "dessim", Scenarios: scenarios.All(), Package: "dessim/scenarios"}

// root is the folder of the module.
var root string

// garbage is how much a heap of the tests grows until it is collected, in percent.
const garbage = 400

// binary is dessim, built once, for the tests that need a process.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if grace := os.Getenv(misbehave); grace != "" {
		Main(*misbehaving(grace))
	}
	// Most runs are small, and so is the heap that they are collected in: less often takes an
	// eighth of the CPU away, here and in the processes that tests start.
	debug.SetGCPercent(garbage)
	os.Setenv("GOGC", strconv.Itoa(garbage))
	dir, err := os.MkdirTemp("", "dessim-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if root, err = filepath.Abs("../../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "dessim")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "dessim/cmd/dessim").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building dessim: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if left, _ := filepath.Glob("*.replay"); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "a test left %q in the folder of the package: it wants t.Chdir(t.TempDir())\n", left)
		return 1
	}
	return code
}

// result is what a command came to.
type result struct {
	code           int
	stdout, stderr string
}

// dessim runs the command within the test.
func dessim(t *testing.T, args ...string) result {
	t.Helper()
	return dessimUnder(t.Context(), args...)
}

func dessimUnder(ctx context.Context, args ...string) result {
	var out, errs bytes.Buffer
	code := program.run(ctx, args, streams{stdout: &out, stderr: &errs})
	return result{code, out.String(), errs.String()}
}

// process runs the binary, or another one, with more environment.
func process(t *testing.T, exe string, env []string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// wantLine fails unless r is a refusal or failure: the code, nothing on stdout,
// and one line on stderr with all the words.
func wantLine(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exits with %d, want %d; stderr: %s", r.code, code, r.stderr)
	}
	if r.stdout != "" {
		t.Errorf("stdout has %q, want nothing", r.stdout)
	}
	if !strings.HasPrefix(r.stderr, "dessim: ") || strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
		t.Errorf("stderr is not one line:\n%s", r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("stderr lacks %q: %s", w, r.stderr)
		}
	}
}

// wantRun fails unless r is of a run that came to its end.
func wantRun(t *testing.T, r result) {
	t.Helper()
	if r.code != exitPass && r.code != exitViolation && r.code != exitInconclusive || r.stderr != "" || r.stdout == "" {
		t.Fatalf("exits with %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
	}
}

// overlay writes to dir what tells go build to see other files, by the paths from root
// of those that it shall not see.
func overlay(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	replace := make(map[string]string)
	for path, file := range files {
		replace[filepath.Join(root, path)] = file
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	write(t, path, string(text))
	return path
}

// entries lists the files of a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// words returns the words of text, and more.
func words(text string, more ...string) []string { return append(strings.Fields(text), more...) }
