package mutate_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dessim/cmd/dessim/mutate"
	"dessim/cmd/dessim/mutate/reached"
)

var update = flag.Bool("update", false, "write the golden file")

const golden = "testdata/mutants.txt"

// output runs the program with a mutant, and returns its lines.
func output(t *testing.T, exe string, number int, env ...string) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), exe)
	c.Env = append(append(os.Environ(), mutate.EnvOn+"="+strconv.Itoa(number)), env...)
	text, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("mutant %d: %v\n%s", number, err, text)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Every place is rewritten in one build; each mutant changes what its function comes to as
// the golden file says, and nothing else.
func TestEachMutantMakesItsOwnMistake(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	p, err := mutate.Load(t.Context(), "", "./testdata/fixture")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	exe := filepath.Join(dir, "fixture")
	if err := p.Build(t.Context(), dir, p.Dir+"/cmd/fixture", exe); err != nil {
		t.Fatal(err)
	}
	plain := output(t, exe, 0, reached.Env+"=1")
	last := len(plain) - 1
	numbers := strings.Fields(strings.Trim(strings.TrimPrefix(plain[last], "reached "), "[]"))
	plain = plain[:last]
	var got bytes.Buffer
	fmt.Fprintf(&got, "%s\n\n%d do not compile\n", strings.Join(plain, "\n"), p.Omitted)
	rules := make(map[string]bool)
	for _, m := range p.Mutants {
		if m.File != "fixture.go" {
			continue
		}
		rules[m.Rule] = true
		if !slices.Contains(numbers, strconv.Itoa(m.Number)) {
			t.Errorf("%s: its place is not reached", m.ID())
		}
		fmt.Fprintf(&got, "\n%s\n  - %s\n  + %s\n", m.ID(), m.Before, m.After)
		changed := false
		for i, line := range output(t, exe, m.Number) {
			if line != plain[i] {
				fmt.Fprintf(&got, "%s\n", line)
				changed = true
			}
		}
		if !changed {
			t.Errorf("%s changes nothing", m.ID())
		}
	}
	for _, rule := range mutate.Rules {
		if !rules[rule] {
			t.Errorf("no place for rule %s", rule)
		}
	}
	compareGolden(t, got.Bytes())
}

func compareGolden(t *testing.T, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant what %s has; write it anew: go test ./cmd/dessim/mutate -update", got, golden)
	}
}

func TestWhatIsNoPackageToMutateIsRefusedInWords(t *testing.T) {
	for pattern, words := range map[string]string{
		"./testdata/fixture/...": "names 2 packages; want one",
		"./none":                 "directory not found",
		"strings":                "in no module",

		"golang.org/x/tools/go/packages": "golang.org/x/tools is in the module cache, where the go command replaces no file; want a copy of it: go mod edit -replace golang.org/x/tools=COPY",
	} {
		if _, err := mutate.Load(t.Context(), "", pattern); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v; want %q", pattern, err, words)
		}
	}
}

func TestAProgramThatDoesNotUseThePackageIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	p, err := mutate.Load(t.Context(), "", "./testdata/fixture")
	if err != nil {
		t.Fatal(err)
	}
	for main, words := range map[string]string{".": "is no main package", "../../mutants": "does not use package"} {
		dir := t.TempDir()
		main, err := filepath.Abs(main)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Build(t.Context(), dir, main, filepath.Join(dir, "exe")); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v; want %q", main, err, words)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: something is built", main)
		}
	}
}

// What tests write below testdata stays in the mirror.
func TestAMirrorHasTheFilesOfThePackageAndTakesOthers(t *testing.T) {
	p, err := mutate.Load(t.Context(), "", ".")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := p.Mirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mutate.go", "testdata/fixture/fixture.go", "../cmdline/run.go", "../../../go.mod"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "testdata/new"), nil, 0o666); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("testdata/new"); err == nil {
		t.Error("what is written in the mirror is in the package")
	}
	if !slices.ContainsFunc(p.Mutants, func(m *mutate.Mutant) bool { return m.File == "rules.go" }) {
		t.Error("no mutants of rules.go")
	}
}
