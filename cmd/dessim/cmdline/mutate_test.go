package cmdline

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kvstoreMutants goes to the module of the store, and returns its program.
func kvstoreMutants(t *testing.T) (exe string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	exe = outsideProgram(t, "kvstore")
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	t.Chdir(filepath.Join(root, "sim/simtest/testdata/kvstore"))
	return exe
}

const whatever = -1

// mutantsOf makes the mutants of a small store; whether some survive is told by the code,
// which whatever leaves open.
func mutantsOf(t *testing.T, exe string, code int, more ...string) string {
	t.Helper()
	args := append(strings.Fields("mutate . -scenario writes -writes 4 -shadow off -seeds 30"), more...)
	r := process(t, exe, nil, args...)
	if code != whatever && r.code != code || code != exitUsage && r.stderr != "" {
		t.Fatalf("kvstore %q exits with %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}

func TestMutantsOfSomebodyElsesPackageAreSweptAndToldTheSameWithAnyWorkers(t *testing.T) {
	exe := kvstoreMutants(t)
	got := mutantsOf(t, exe, exitViolation)
	if one := mutantsOf(t, exe, exitViolation, "-j", "1"); one != got {
		t.Errorf("with one worker:\n%s\nwith more:\n%s", one, got)
	}
	t.Chdir(filepath.Join(root, "cmd/dessim/cmdline"))
	golden(t, "mutants.txt", []byte(got))
}

func TestMutantsThatAreMarkedAreListedApartWithTheReason(t *testing.T) {
	exe := kvstoreMutants(t)
	marks := filepath.Join(t.TempDir(), "marks")
	write(t, marks, "# of the store\n\n"+
		"store.go:Server.Receive:drop-send:1 nobody waits for it\n"+
		"store.go:Server.Timeout:drop-sync:1 not at all\n")
	got := mutantsOf(t, exe, exitViolation, "-equivalent", marks)
	for _, words := range []string{
		"\nequivalent:\nstore.go:88: store.go:Server.Receive:drop-send:1\n  because nobody waits for it\n  - env.Send(",
		"\nmarked as equivalent, but killed:\nstore.go:",
		"store.go:Server.Timeout:drop-sync:1\n  because not at all\n  by an acknowledged write is read back",
	} {
		if !strings.Contains(got, words) {
			t.Errorf("does not say %q:\n%s", words, got)
		}
	}
}

func TestWhatIsNoPartOfANodeIsLeftOut(t *testing.T) {
	exe := kvstoreMutants(t)
	marks := filepath.Join(t.TempDir(), "marks")
	write(t, marks, "store.go:Client.Receive of the client\nstore.go:Decode every run reads messages\n")
	got := mutantsOf(t, exe, exitViolation, "-equivalent", marks)
	if strings.Contains(got, ":Decode") || strings.Contains(got, ":Client.Receive") || !strings.Contains(got, ":Server.Receive") {
		t.Error(got)
	}
	write(t, marks, "store.go:Server no function\n")
	if got := mutantsOf(t, exe, exitUsage, "-equivalent", marks); !strings.Contains(got, "store.go:Server is no mutant of") {
		t.Error(got)
	}
}

func TestASampleOfMutantsDependsOnItsSeed(t *testing.T) {
	exe := kvstoreMutants(t)
	var samples []string
	for _, seed := range []string{"1", "2"} {
		got := mutantsOf(t, exe, whatever, "-sample", "12", "-seed", seed, "-json")
		if !strings.Contains(got, `"swept":12,`) {
			t.Errorf("seed %s: %s", seed, got)
		}
		samples = append(samples, got)
	}
	if samples[0] == samples[1] {
		t.Errorf("both seeds give\n%s", samples[0])
	}
}

func TestOnlyTheMutantsThatAreNamedAreSwept(t *testing.T) {
	exe := kvstoreMutants(t)
	if got := mutantsOf(t, exe, exitPass, "-only", "Server.Timeout:drop-sync", "-json"); !strings.Contains(got, `"swept":1,"killed":1,`) {
		t.Error(got)
	}
	if got := mutantsOf(t, exe, exitInconclusive, "-only", "none"); !strings.Contains(got, " 0 swept") {
		t.Error(got)
	}
}

func TestMutantsThatTheBudgetLeavesOverAreInconclusive(t *testing.T) {
	exe := kvstoreMutants(t)
	if got := mutantsOf(t, exe, exitInconclusive, "-budget", "1ns"); !strings.HasPrefix(got, "inconclusive: mutants of example.com/kvstore") || !strings.Contains(got, " mutants not run\n") {
		t.Errorf("without any time:\n%s", got)
	}
}

func TestTestsThatFailWithoutAMutantShowNothingOfMutants(t *testing.T) {
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
