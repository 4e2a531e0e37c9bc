package simtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outside copies a module of testdata, and others that it replaces, to folders of their
// own, as somebody else's modules would be. It returns the first one's folder and a
// function that runs a shell line in it. The module cache must have all that it needs.
func outside(t *testing.T, modules ...string) (dir string, sh func(line string) (out string, passed bool)) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	for _, module := range modules {
		if err := os.CopyFS(filepath.Join(parent, module), os.DirFS(filepath.Join("testdata", module))); err != nil {
			t.Fatal(err)
		}
		edit(t, filepath.Join(parent, module, "go.mod"), "=> ../../../..", "=> "+root)
	}
	dir = filepath.Join(parent, modules[0])
	return dir, func(line string) (string, bool) {
		c := exec.Command("sh", "-c", line)
		c.Dir = dir
		// -mod=mod: what dessim comes to need, this go.mod need not list.
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod -vet=off -ldflags=-s", "GOPROXY=off", "GOWORK=off", "DESSIM_SEED=", "DESSIM_SEEDS=", "DESSIM_REPLAY=")
		out, err := c.CombinedOutput()
		return string(out), err == nil
	}
}

func edit(t *testing.T, path, stands, instead string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), stands) != 1 {
		t.Fatalf("%q does not stand once in %s", stands, path)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), stands, instead, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The whole life of a bug in somebody else's module: a test finds it, shrinks it to
// one input, saves it, repeats it by the line that it printed and from what it saved,
// and goes on running what it saved when it is fixed.
func TestAnOutsideModulesLostWriteIsFoundShrunkSavedAndRepeated(t *testing.T) {
	dir, sh := outside(t, "kvstore")
	const lost = `violates "a promise is safe before it is told": node 0 sends reply to node 1, which promises acked 0 = 1; its record 0, which is not synced yet`
	found, passed := sh("go test .")
	if passed {
		t.Fatalf("the lost write is not found:\n%s", found)
	}
	contains(t, found, lost, ", 1 input, 0 faults, 0 answers\n", "removing any one of these makes the check pass", "saved: testdata/dessim/")
	line := regexp.MustCompile(`(?m)^\s+(DESSIM_SEED=\d+ go test \. -run '\^TestAcknowledgedWritesAreReadBack\$' -count=1)$`).FindStringSubmatch(found)
	if line == nil {
		t.Fatalf("no line to paste:\n%s", found)
	}
	if out, passed := sh(line[1]); passed || !strings.Contains(out, lost) {
		t.Errorf("%s passes, or fails otherwise:\n%s", line[1], out)
	}
	again, passed := sh("go test .")
	if passed {
		t.Fatalf("what was saved passes:\n%s", again)
	}
	contains(t, again, lost)
	if strings.Contains(again, "shrunk in") {
		t.Errorf("what was saved is not run first:\n%s", again)
	}
	line = regexp.MustCompile(`(?m)^\s+(DESSIM_REPLAY=\S+\.replay go test \. .*)$`).FindStringSubmatch(again)
	if line == nil {
		t.Fatalf("no line to paste:\n%s", again)
	}
	if out, passed := sh(line[1]); passed || !strings.Contains(out, lost) {
		t.Errorf("%s passes, or fails otherwise:\n%s", line[1], out)
	}
	edit(t, filepath.Join(dir, "store.go"), "\t\tenv.Persist(msg)\n", "\t\tenv.Persist(msg)\n\t\tenv.Sync()\n")
	fixed, passed := sh("go test -v . ./scenario")
	if !passed {
		t.Fatalf("the store without the bug fails:\n%s", fixed)
	}
	contains(t, fixed, "now; it violated")
}

// The file was saved by an earlier version, whose tests named no scenario.
func TestAnOldSavedRunFailsAsItDid(t *testing.T) {
	dir, sh := outside(t, "kvstore")
	text, err := os.ReadFile("testdata/old.replay")
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(dir, "testdata", "dessim")
	if err := os.MkdirAll(saved, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(saved, "TestAcknowledgedWritesAreReadBack-old.replay"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	out, passed := sh("go test .")
	if passed || strings.Contains(out, "the run differs") || strings.Contains(out, "stale") {
		t.Errorf("passed %v:\n%s", passed, out)
	}
	contains(t, out, `violates "a promise is safe before it is told"`, `it violated "an acknowledged write is read back" when it was saved`, "DESSIM_REPLAY=TestAcknowledgedWritesAreReadBack-old.replay")
}

func contains(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("the output lacks %q:\n%s", w, out)
		}
	}
}

func TestTheOutsideModuleIsSmall(t *testing.T) {
	text, err := os.ReadFile("testdata/kvstore/store.go")
	if n := strings.Count(string(text), "\n"); err != nil || n >= 120 {
		t.Errorf("the store has %d lines, want less than 120 (%v)", n, err)
	}
}
