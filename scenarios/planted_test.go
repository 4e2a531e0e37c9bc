package scenarios_test

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dessim/cmd/mutants/bank"
	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/explore"
)

var plantedOf = flag.Int("planted.of", 0, "build one planted edit of this many: 1 is all, and 0 none")

const sweepMost = "1000" // seeds within which a planted edit must be reported

// root is the module's, as seen from the tests.
const root = ".."

// loadEdits reads the bank: see package bank, and make mutants.
func loadEdits(t *testing.T) []*bank.Edit {
	t.Helper()
	edits, err := bank.Load("testdata/edits")
	if err != nil {
		t.Fatal(err)
	}
	return edits
}

func findEdit(t *testing.T, name string) *bank.Edit {
	t.Helper()
	for _, e := range loadEdits(t) {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("no edit %s", name)
	return nil
}

// build runs the Go toolchain at the root of the module, such as "build -o file
// ./cmd/dessim", with the environment env added.
func build(t *testing.T, env []string, args ...string) {
	t.Helper()
	c := exec.Command("go", args...)
	c.Dir = root
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// buildEdited builds the test binary of this package with e.
func buildEdited(t *testing.T, e *bank.Edit) (binary string) {
	t.Helper()
	return buildWith(t, e, "test", "-c", "./scenarios")
}

// buildWith builds what the arguments of the toolchain say, with e.
func buildWith(t *testing.T, e *bank.Edit, args ...string) (binary string) {
	t.Helper()
	dir := t.TempDir()
	overlay, err := e.Overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "edited")
	last := len(args) - 1
	build(t, nil, append(append([]string{}, args[:last]...), "-overlay", overlay, "-ldflags=-s -w", "-o", binary, args[last])...)
	return binary
}

// reported is what a child of cmd/mutants prints.
type reported struct {
	Seeds  int
	Found  string // the flags of the run
	Checks []string
}

// sweepWith has an edited cmd/mutants sweep runs, and gives what it found.
func sweepWith(t *testing.T, binary, runs string) (r reported) {
	t.Helper()
	out, err := exec.Command(binary, "-child", runs, "-seeds", sweepMost, "-runs", "0").Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("a sweep fails: %v\n%s", err, out)
	}
	return r
}

// sample returns one of -planted.of edits. Which ones depends on the code that bugs are
// planted in, so that each change of it tests others: to build a program for each takes
// minutes.
func sample(t *testing.T, edits []*bank.Edit) (some []*bank.Edit) {
	t.Helper()
	if *plantedOf < 0 {
		t.Fatalf("-planted.of=%d: want 1 or more, or 0 for none", *plantedOf)
	}
	files := make(map[string]bool)
	code := sha256.New()
	for _, e := range edits {
		if files[e.File] {
			continue
		}
		files[e.File] = true
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for i := int(code.Sum(nil)[0]) % *plantedOf; i < len(edits); i += *plantedOf {
		some = append(some, edits[i])
	}
	return some
}

// The run that an edit remembers is tried first, so that nothing is swept as long as
// the code around the bug behaves as it did.
func TestPlantedEditsAreReportedWithinAThousandSeeds(t *testing.T) {
	if *plantedOf == 0 {
		t.Skip("builds a program for each edit: make planted")
	}
	watchFolder(t, "../cmd/mutants")
	how := []string{"build"}
	if *plantedOf < 10 { // then the code without optimisation, which takes 7 s itself, pays: it builds in half the time
		how = append(how, "-gcflags=dessim/...=-N -l")
	}
	for _, e := range sample(t, loadEdits(t)) {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			binary := buildWith(t, e, append(slices.Clone(how), "./cmd/mutants")...)
			if e.Found != "" {
				if r := sweepWith(t, binary, e.Found); e.Reports(r.Checks) {
					return
				}
				t.Logf("not found any more by %s: go run ./cmd/mutants -only '^%s$' -sweeps 1 -runs 0 -note", e.Found, e.Name)
			}
			r := sweepWith(t, binary, bank.Settings())
			if !e.Reports(r.Checks) {
				t.Fatalf("found %q by %q, want a violation of one of %q\n%s", r.Found, r.Checks, e.Checks, e.Why)
			}
			t.Logf("found by %s", r.Found)
		})
	}
}

// What the edits name must exist: a check that was renamed would be waited for
// in vain, and lines that moved show here without building anything.
func TestPlantedEditsNameChecksAndLinesThatExist(t *testing.T) {
	verdicts := map[string]check.Verdict{explore.Panicked: check.Pass} // by name, where the check applies
	runs, err := bank.ParseSubjects(bank.Settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range runs {
		s.Seed = 1
		o, _ := s.World().Seed(s.Seed, nil, false)
		if o.Panic != nil {
			verdicts[explore.Panicked] = check.Violation
		}
		for _, c := range o.Checks {
			if v, known := verdicts[c.Name]; !known || v == check.NotApplicable {
				verdicts[c.Name] = c.Verdict
			}
		}
	}
	for _, e := range loadEdits(t) {
		if _, err := e.Overlay(root, t.TempDir()); err != nil {
			t.Error(err)
		}
		if len(e.Checks) == 0 || e.Found == "" {
			t.Errorf("edit %s tells no check that reports it, or no run that does", e.Name)
		}
		for _, name := range e.Checks {
			if v := verdicts[name]; v != check.Pass {
				t.Errorf("edit %s: check %q of the unedited code is %q, want pass", e.Name, name, v)
			}
		}
	}
}

func TestTheUneditedCodePassesTheSweepThatFindsPlantedEdits(t *testing.T) {
	runs, err := bank.ParseSubjects(bank.Settings())
	if err != nil {
		t.Fatal(err)
	}
	seeds := scenarios.SeedsOf(uint64(len(runs)), 100) // one of each, at least
	if r := bank.Sweep(runs, 1, int(seeds)); r.Failure != nil || r.Inconclusive != 0 {
		t.Errorf("of %d runs %d are without verdict, and one is a violation: %+v", r.Seeds, r.Inconclusive, r.Failure)
	}
}
