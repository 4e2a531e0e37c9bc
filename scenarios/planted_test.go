package scenarios_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dessim/sim/check"
)

// sweepOf is what finds planted bugs: few nodes and transfers, so that a run
// takes some milliseconds, with and without loss, in every order. Lookups take
// more nodes than they return.
var sweepOf = []string{
	"-scenario concurrent -nodes 4 -txs 6",
	"-scenario concurrent -nodes 4 -txs 6 -loss 10% -copy 10%",
	"-scenario concurrent -nodes 4 -txs 6 -order lamport",
	"-scenario concurrent -nodes 4 -txs 6 -order lamport -loss 10% -copy 10%",
	"-scenario concurrent -nodes 4 -txs 6 -order sequencer",
	"-scenario concurrent -nodes 4 -txs 6 -order sequencer -loss 10% -copy 10%",
	"-scenario verify -nodes 4 -txs 2",
	"-scenario doublespend -nodes 4 -txs 2",
	"-scenario doublespend -nodes 4 -txs 2 -loss 10% -copy 10%",
	"-scenario commit -nodes 4 -txs 2",
	"-scenario broadcast -nodes 4 -txs 2",
	"-scenario bootstrap -nodes 20",
	"-scenario crash -nodes 4 -txs 6",
	"-scenario crash -nodes 4 -txs 6 -faults swarm",
	"-scenario crash -nodes 4 -txs 6 -order lamport -faults swarm",
	"-scenario crash -nodes 4 -txs 6 -order sequencer -faults swarm",
}

const sweepMost = 1000 // seeds within which a planted edit must be reported

// root is the module's, as seen from the tests.
const root = ".."

// build runs the Go toolchain at the root of the module, such as "build -o file
// ./cmd/dessim", with the environment env added.
func build(t *testing.T, env []string, args ...string) {
	t.Helper()
	c := exec.Command("go", args...)
	c.Dir = root
	c.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// buildEdited builds the test binary of this package with e.
func buildEdited(t *testing.T, e *edit) (binary, overlay string) {
	t.Helper()
	dir := t.TempDir()
	overlay, err := e.overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "edited.test")
	build(t, nil, "test", "-c", "-overlay", overlay, "-ldflags=-s -w", "-o", binary, "./scenarios")
	return binary, overlay
}

func TestPlantedEditsAreReportedWithinAThousandSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a test binary for each edit")
	}
	for _, e := range loadEdits(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			binary, _ := buildEdited(t, e)
			out, err := exec.Command(binary, "-test.run=^TestSweep$", "-test.v", "-sweep", strings.Join(sweepOf, ";")).CombinedOutput()
			if err != nil {
				t.Fatalf("the sweep finds nothing: %v\n%s\n%s", err, e.why, out)
			}
			line, ok := reported(string(out))
			if !ok || !slices.ContainsFunc(e.checks, func(name string) bool { return strings.Contains(line, `"`+name+`"`) }) {
				t.Fatalf("want a violation of one of %q\n%s\n%s", e.checks, e.why, out)
			}
			t.Log(line)
		})
	}
}

// reported gives the line of a sweep's output that tells the violation.
func reported(out string) (string, bool) {
	for line := range strings.Lines(out) {
		if _, v, ok := strings.Cut(line, ": violation of "); ok {
			return "violation of " + strings.TrimSpace(v), true
		}
	}
	return "", false
}

// What the edits name must exist: a check that was renamed would be waited for
// in vain, and lines that moved show here without building anything.
func TestPlantedEditsNameChecksAndLinesThatExist(t *testing.T) {
	verdicts := make(map[string]check.Verdict) // by name, where the check applies
	for _, flags := range sweepOf {
		r := mustParse(t, flags).run(nil)
		for _, c := range r.Checks {
			if v, known := verdicts[c.Name]; !known || v == check.NotApplicable {
				verdicts[c.Name] = c.Verdict
			}
		}
	}
	for _, e := range loadEdits(t) {
		if _, err := e.overlay(root, t.TempDir()); err != nil {
			t.Error(err)
		}
		for _, name := range e.checks {
			if v := verdicts[name]; v != check.Pass {
				t.Errorf("edit %s: check %q of the unedited code is %q, want pass", e.name, name, v)
			}
		}
	}
}

func TestTheUneditedCodePassesTheSweepThatFindsPlantedEdits(t *testing.T) {
	var runs []subject
	for _, flags := range sweepOf {
		runs = append(runs, mustParse(t, flags))
	}
	seeds := 300
	if testing.Short() {
		seeds = 50
	}
	if f, others := sweep(runs, seeds); f != nil || others != 0 {
		t.Errorf("%v, and %d runs without verdict, of %d", f, others, seeds)
	}
}
