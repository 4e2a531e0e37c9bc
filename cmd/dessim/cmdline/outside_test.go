package cmdline

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"dessim/sim/scenario"
)

// outsideOf runs go in a module of sim/simtest/testdata, which is somebody else's. The module
// cache has all that it needs.
func outsideOf(t *testing.T, module string, args ...string) {
	t.Helper()
	outsideBy(t, []string{"go"}, module, args...)
}

// outsideBy is outsideOf with another command in the place of go.
func outsideBy(t *testing.T, command []string, module string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	module = filepath.Join(root, "sim/simtest/testdata", module)
	write(t, filepath.Join(dir, "go.mod"), strings.Replace(read(t, filepath.Join(module, "go.mod")), "../../../..", root, 1))
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
	args = append([]string{args[0], "-mod=mod", "-modfile", filepath.Join(dir, "go.mod")}, args[1:]...)
	c := exec.CommandContext(t.Context(), command[0], append(command[1:], args...)...)
	c.Dir = module
	c.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// outsideLock is held while such a program is built.
var outsideLock sync.Mutex

// outsideProgram returns the program of a module of sim/simtest/testdata. It is built once, since
// that takes longer than most tests.
func outsideProgram(t *testing.T, module string) (exe string) {
	t.Helper()
	return outsideProgramBy(t, []string{"go"}, module)
}

// hostedProgram is outsideProgram for one whose nodes are ordinary Go programs.
func hostedProgram(t *testing.T, module string) (exe string) {
	t.Helper()
	return outsideProgramBy(t, []string{binary, "go"}, module)
}

func outsideProgramBy(t *testing.T, command []string, module string) (exe string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	outsideLock.Lock()
	defer outsideLock.Unlock()
	exe = filepath.Join(filepath.Dir(binary), module)
	if _, err := os.Stat(exe); err != nil {
		outsideBy(t, command, module, "build", "-ldflags=-s -w", "-o", exe, "./cmd/"+module)
	}
	return exe
}

func TestSomebodyElsesScenarioHasTheWholeCommandLine(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	exe := outsideProgram(t, "kvstore")
	t.Chdir(t.TempDir())
	kvstore := func(code int, line string, words ...string) string {
		t.Helper()
		r := process(t, exe, nil, strings.Fields(line)...)
		if r.code != code {
			t.Fatalf("kvstore %s exits with %d, want %d\n%s%s", line, r.code, code, r.stdout, r.stderr)
		}
		for _, w := range words {
			if !strings.Contains(r.stdout+r.stderr, w) {
				t.Errorf("kvstore %s does not say %q:\n%s%s", line, w, r.stdout, r.stderr)
			}
		}
		if strings.Contains(strings.ReplaceAll(r.stdout, "dessim replay v1\n", ""), "dessim ") || strings.Contains(r.stderr, "dessim ") {
			t.Errorf("kvstore %s speaks of another command:\n%s%s", line, r.stdout, r.stderr)
		}
		return r.stdout
	}
	kvstore(exitPass, "list", "writes", "keeps what it acknowledged")
	kvstore(exitPass, "list -faults", "numbers a fault")
	kvstore(exitPass, "help", "kvstore COMMAND [flags]", "kvstore -seed 42")
	kvstore(exitPass, "help sweep", "kvstore sweep -scenario NAME")
	kvstore(exitPass, "version", "kvstore ")
	kvstore(exitUsage, "-scenario concurrent", `kvstore: unknown scenario "concurrent"; want writes, shared`)
	kvstore(exitUsage, "compare -scenario writes", "scenario writes has nothing to compare, nor has any other scenario of kvstore")
	kvstore(exitUsage, "write", "did you mean kvstore run -scenario writes?")
	kvstore(exitPass, "-scenario writes -seed 3 -faults none -shadow off -verify", "reproduce     kvstore run -seed 3 -scenario writes -faults none -shadow off", "in a second process: every event the same")
	kvstore(exitViolation, "sweep -scenario shared -shadow off -seeds 1-10", "clients see one store: no order of ")
	kvstore(exitViolation, "sweep -scenario writes -shadow off -seeds 1-50", "an acknowledged write is read back", ": kvstore replay ")
	found := regexp.MustCompile(`kvstore replay (\S+\.replay)`).FindStringSubmatch(kvstore(exitViolation, "sweep -scenario writes -shadow off -seeds 1-50"))
	if found == nil {
		t.Fatal("a sweep with failures names no replay file")
	}
	kvstore(exitPass, "shrink "+found[1]+" -o small.replay", "kvstore replay small.replay")
	kvstore(exitViolation, "replay small.replay -verify", "kvstore replay small.replay")
	kvstore(exitPass, "explore -scenario writes -writes 4 -shadow off -kinds lose,late", "all runs were made, and none failed") // of a client too
	kvstore(exitViolation, "explore -scenario writes -writes 4", "kvstore explore -scenario writes")
	kvstore(exitViolation, "explore -scenario writes -search all", "all runs with 2 delays for each message (1ms to 5ms) and at most 1 fault or loss", "kvstore replay dessim-writes-explored.replay")
	kvstore(exitViolation, "replay dessim-writes-explored.replay", ": the same, 0 of 1 answers stale")
	kvstore(exitInconclusive, "explore -scenario writes -search all -most 1 -delays 1 -runs 5 -json", `"within":"with a delay of 1ms and at most 1 fault or loss","complete":false`)
	emitted := kvstore(exitPass, "replay small.replay -emit-test")
	dir := t.TempDir()
	file := filepath.Join(dir, "emitted_test.go")
	write(t, file, emitted)
	outsideOf(t, "kvstore", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", filepath.Join(dir, "emitted.test"),
		"-overlay", overlay(t, dir, map[string]string{"sim/simtest/testdata/kvstore/emitted/emitted_test.go": file}), "./emitted")
	if r := process(t, filepath.Join(dir, "emitted.test"), nil, "-test.run", "TestWrites"); r.code != 1 || !strings.Contains(r.stdout, "violation: an acknowledged write is read back") {
		t.Errorf("the emitted test does not see the bug: %+v\n%s", r, emitted)
	}
}

func TestTheRandomBytesOfALibraryAreTheSameAtAnyNumberOfWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	exe := outsideProgram(t, "sessions")
	t.Chdir(t.TempDir())
	sessions := func(line string) result { return process(t, exe, nil, strings.Fields(line)...) }
	var want string
	for _, workers := range []string{"1", "2", "4"} {
		r := sessions("sweep -scenario sessions -seeds 1-200 -j " + workers + " -results r" + workers)
		if r.code != exitPass {
			t.Fatalf("%+v", r)
		}
		if got := read(t, "r"+workers); want == "" {
			want = got
		} else if got != want {
			t.Errorf("-j 1 and -j %s have different results", workers)
		}
	}
	if r := sessions("-scenario sessions -seed 3 -record x -verify"); r.code != exitPass || !strings.Contains(r.stdout, "every event the same") {
		t.Errorf("%+v", r)
	}
	if r := sessions("replay x -verify"); r.code != exitPass || !strings.Contains(r.stdout, ": the same, 0 of ") {
		t.Errorf("%+v", r)
	}
	// Without a Random both commands find the step in which the server makes a token.
	for _, line := range []string{"-scenario sessions -random system -verify", "sweep -scenario sessions -random system -seeds 64"} {
		r := sessions(line)
		place := regexp.MustCompile(`not deterministic: .* differs? from step (\d+), (\d+\.\d{6}) ms on`).FindStringSubmatch(r.stderr)
		if r.code != exitInternal || place == nil {
			t.Errorf("%s: exits with %d\n%s", line, r.code, r.stderr)
			continue
		}
		at := ` ` + regexp.QuoteMeta(place[2]) + ` +` + place[1] + `  sent .* reply `
		if !regexp.MustCompile(`(?m)^sessions: here: .*` + at + `.*\nsessions: there: .*` + at + `.*\nsessions: look in the node .* crypto/rand; see sessions help vet, and package cryptorand\n`).MatchString(r.stderr) {
			t.Errorf("%s:\n%s", line, r.stderr)
		}
	}
}

func TestAProgramThatCannotWorkSaysSo(t *testing.T) {
	s := program.Scenarios
	own := func(name string) Program {
		x := *s[0]
		x.Own = []*scenario.Param{scenario.Int(name, 1, 0, 2, "")}
		return Program{Name: "sim", Scenarios: []*scenario.Scenario{&x}}
	}
	for want, p := range map[string]Program{
		`the program has the name ""`:                                 {Scenarios: s},
		`the program has the name "my sim"`:                           {Name: "my sim", Scenarios: s},
		"the program has no scenarios":                                {Name: "sim"},
		"two scenarios are called bootstrap":                          {Name: "sim", Scenarios: append(s[:1:1], s[0])},
		"scenario bootstrap: parameter verify has the name of a flag": own("verify"),
		"scenario bootstrap: parameter shard has the name of a flag":  own("shard"),
		"scenario bootstrap: parameter help has the name of a flag":   own("help"),
		"scenario bootstrap: parameter j has the name of a flag":      own("j"),
		"scenario bootstrap: parameter nodes is a field of Params":    own("nodes"),
	} {
		var out, errs strings.Builder
		if code := p.run(t.Context(), []string{"list"}, streams{stdout: &out, stderr: &errs}); code != exitInternal || out.Len() > 0 ||
			strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), want+"; want ") {
			t.Errorf("%+v: exits with %d, stdout %q, stderr %q, want %q", p, code, &out, &errs, want)
		}
	}
	p := Program{Name: "sim", Scenarios: s}
	x := filepath.Join(t.TempDir(), "x")
	wantRun(t, dessim(t, "-scenario", "bootstrap", "-nodes", "5", "-record", x))
	var out, errs strings.Builder
	if code := p.run(t.Context(), []string{"replay", x, "-emit-test"}, streams{stdout: &out, stderr: &errs}); code != exitUsage || !strings.Contains(errs.String(), "no package is known") {
		t.Errorf("-emit-test without a package exits with %d, stdout %q, stderr %q", code, &out, &errs)
	}
}
