package cmdline

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/cmd/dessim/mutate"
	"dessim/sim/check"
)

// kvstoreMutants goes to the module of the store, and returns its program.
func kvstoreMutants(t *testing.T) (exe string) {
	t.Helper()
	exe = outsideProgram(t, "kvstore")
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	t.Chdir(filepath.Join(root, "sim/simtest/testdata/kvstore"))
	return exe
}

// mutantsOf makes the mutants of a small store; whether some survive is told by the code.
func mutantsOf(t *testing.T, exe string, code int, more ...string) string {
	t.Helper()
	args := append(strings.Fields("mutate . -scenario writes -writes 4 -shadow off -seeds 30"), more...)
	r := process(t, exe, nil, args...)
	if r.code != code || code != exitUsage && r.stderr != "" {
		t.Fatalf("kvstore %q exits with %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}

func TestMutantsOfSomebodyElsesPackageAreSweptAndToldTheSameWithAnyWorkers(t *testing.T) {
	builtInFull(t)
	exe := kvstoreMutants(t)
	got := mutantsOf(t, exe, exitViolation)
	if one := mutantsOf(t, exe, exitViolation, "-j", "1"); one != got {
		t.Errorf("with one worker:\n%s\nwith more:\n%s", one, got)
	}
	t.Chdir(filepath.Join(root, "cmd/dessim/cmdline"))
	golden(t, "mutants.txt", []byte(got))
}

// Built without the overlay of the standard library, no run would begin.
func TestMutantsOfAnOrdinaryProgramAreBuiltWithTheOverlay(t *testing.T) {
	exe := hostedProgram(t, "plainwal")
	t.Chdir(filepath.Join(root, "sim/simtest/testdata/plainwal"))
	r := process(t, exe, nil, words("mutate ./wal -scenario plainwal -disk posix -seeds 12 -only syncDir -json")...)
	const want = `"swept":2,"killed":2,`
	if r.code != exitPass || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, `"by":"the log has what it acknowledged"`) {
		t.Errorf("exits with %d, want %d and %s\n%s%s", r.code, exitPass, want, r.stdout, r.stderr)
	}
}

func TestMutantsThatAreMarkedAreListedApartAndWhatIsNoPartOfANodeNotAtAll(t *testing.T) {
	builtInFull(t)
	exe := kvstoreMutants(t)
	marks := filepath.Join(t.TempDir(), "marks")
	write(t, marks, "# of the store\n\n"+
		"store.go:Server.Receive:drop-send:1 nobody waits for it\n"+
		"store.go:Server.Timeout:drop-sync:1 not at all\n"+
		"store.go:Client.Receive of the client\n"+
		"store.go:Decode every run reads messages\n")
	got := mutantsOf(t, exe, exitViolation, "-equivalent", marks, "-only", "drop-s|Decode|and-or")
	for _, words := range []string{
		"\nequivalent:\nstore.go:88: store.go:Server.Receive:drop-send:1\n  because nobody waits for it\n  - env.Send(",
		"\nmarked as equivalent, but killed:\nstore.go:",
		"store.go:Server.Timeout:drop-sync:1\n  because not at all\n  by an acknowledged write is read back",
		"| and-or ", "| drop-send ",
	} {
		if !strings.Contains(got, words) {
			t.Errorf("does not say %q:\n%s", words, got)
		}
	}
	for _, words := range []string{":Decode", ":Client.Receive", "| negate          |    9 |       8 |     8 |"} {
		if strings.Contains(got, words) {
			t.Errorf("says %q:\n%s", words, got)
		}
	}
}

// drawable is a mutation of which all mutants are reached.
func drawable(seed uint64, only string) *mutation {
	m := &mutation{only: regexp.MustCompile(only), sample: 12, tool: &tool{Program: program}}
	m.Seed = seed
	for i := range 40 {
		x := &mutate.Mutant{Number: i + 1, File: "a.go", Function: "f", Rule: mutate.Rules[i%2], Nth: i}
		m.rows = append(m.rows, mutant{Mutant: x, fate: undrawn})
	}
	return m
}

func TestASampleOfMutantsDependsOnItsSeedAndOnWhatIsNamed(t *testing.T) {
	sample := func(seed uint64, only string) (ids []string) {
		m := drawable(seed, only)
		m.draw()
		for i := range m.rows {
			if m.rows[i].fate == unswept {
				ids = append(ids, m.rows[i].ID())
			}
		}
		return ids
	}
	one := sample(1, "")
	if len(one) != 12 || !slices.Equal(one, sample(1, "")) || slices.Equal(one, sample(2, "")) {
		t.Errorf("seed 1 draws %v, again %v, and seed 2 %v", one, sample(1, ""), sample(2, ""))
	}
	if some := sample(1, mutate.Rules[1]); len(some) != 12 || strings.Contains(strings.Join(some, " "), mutate.Rules[0]) {
		t.Errorf("of %s: %v", mutate.Rules[1], some)
	}
	if some := sample(1, "f:.*:7$"); !slices.Equal(some, []string{"a.go:f:" + mutate.Rules[1] + ":7"}) {
		t.Errorf("of one: %v", some)
	}
}

func TestMutantsThatTheBudgetLeavesOverAreInconclusive(t *testing.T) {
	m := drawable(1, "")
	m.draw()
	m.begun, m.budget, m.workers = time.Now().Add(-time.Hour), time.Nanosecond, 2
	if err := m.sweepAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.verdict() != check.Inconclusive || m.leftOver() != "12 mutants not run" {
		t.Errorf("without any time: %v, %q", m.verdict(), m.leftOver())
	}
}

func TestMutantsAreNotShownByTestsThatFailWithoutOne(t *testing.T) {
	builtInFull(t)
	exe := kvstoreMutants(t)
	if got := mutantsOf(t, exe, exitUsage, "-tests"); got != "kvstore: mutate \".\": its tests fail without a mutant, too; leave -tests out\n" {
		t.Error(got)
	}
	if left := entries(t, "."); slices.Contains(left, "testdata") {
		t.Errorf("the tests wrote into the package, which has %q", left)
	}
}

func TestMutateRefusesWhatItCannotDoInOneLine(t *testing.T) {
	dir := t.TempDir()
	marks := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	for args, words := range map[string]string{
		"":                               "no package; want one such as ./node",
		". more":                         `unexpected argument "more"; mutate takes one package`,
		". -seeds 0":                     `seeds "0": want a number from 1`,
		". -sample x":                    `sample "x": want a number from 1`,
		". -only (":                      "only \"(\": error parsing regexp: missing closing ): `(`; want a regular expression",
		". -j 0":                         `j "0": want a number from 1 to 1024`,
		". -budget 5":                    `budget "5": want a duration`,
		". -main=":                       `main "": want the folder of the program's main package, such as ./cmd/dessim`,
		". -equivalent " + dir + "/none": "no such file",
		". -equivalent " + marks("a", "a:b:c:1\n"):                "line 1 is \"a:b:c:1\"; want FILE:FUNCTION:RULE:NTH, FILE:FUNCTION or FILE, and a reason",
		". -equivalent " + marks("b", "a:b:c:1 x\n\na:b:c:1 y\n"): "line 3 marks a:b:c:1 again",
		root + "/none":         "none",
		root + "/protocol/...": "packages; want one",
	} {
		args = strings.TrimSpace("mutate " + args + " -scenario commit")
		wantLine(t, dessim(t, strings.Fields(args)...), exitUsage, words)
	}
	wantLine(t, dessim(t, "mutate", "."), exitUsage, "no scenario")
	if testing.Short() {
		return
	}
	t.Chdir(root)
	marks("a1", "a:b:c:1 x\n")
	for args, words := range map[string]string{
		"./protocol/kv -main ./none":               "want the folder of the program's main package",
		"./protocol/kv -main ./protocol":           "is no main package; is it -main PATH?",
		"./sim/simtest/fixed":                      "does not use package dessim/sim/simtest/fixed; is it -main PATH?",
		"./protocol/kv -equivalent " + dir + "/a1": "a:b:c:1 is no mutant of dessim/protocol/kv",
	} {
		wantLine(t, dessim(t, strings.Fields("mutate "+args+" -scenario commit")...), exitUsage, words)
	}
}
