package cmdline

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// emittedTests runs the tests that emitTest gives for some replay files, in a package
// of its own that only the compiler sees, with some lines of dessim replaced.
func emittedTests(t *testing.T, edits map[string][2]string, files ...string) (out string, passed bool) {
	t.Helper()
	dir := t.TempDir()
	replaced := make(map[string]string)
	for i, file := range files {
		s, x, err := program.readReplay(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := emitTest(s, x)
		if err != nil {
			t.Fatal(err)
		}
		name := "emitted" + string(rune('a'+i)) + "_test.go"
		write(t, filepath.Join(dir, name), string(text))
		replaced["emitted/"+name] = filepath.Join(dir, name)
	}
	for file, lines := range edits {
		text := read(t, filepath.Join(root, file))
		if strings.Count(text, lines[0]) != 1 {
			t.Fatalf("%q does not stand once in %s", lines[0], file)
		}
		edited := filepath.Join(dir, filepath.Base(file))
		write(t, edited, strings.Replace(text, lines[0], lines[1], 1))
		replaced[file] = edited
	}
	binary := filepath.Join(dir, "emitted.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay(t, dir, replaced), "-o", binary, "./emitted")
	build.Dir = root
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("what is emitted does not compile: %v\n%s", err, b)
	}
	r := process(t, binary, nil, "-test.v")
	return r.stdout + r.stderr, r.code == 0
}

func TestAnEmittedTestMakesTheRunOfItsFileAndFailsWithIt(t *testing.T) {
	builtInFull(t)
	dir := t.TempDir()
	plainRun, stormy := filepath.Join(dir, "plain"), filepath.Join(dir, "stormy")
	for file, args := range map[string]string{
		plainRun: "-seed 3 -scenario concurrent -nodes 4 -txs 5 -loss 10%",
		stormy:   "-seed 7 -scenario crash -nodes 4 -txs 4",
	} {
		wantRun(t, dessim(t, append(strings.Fields(args), "-record", file)...))
	}
	cut := filepath.Join(dir, "cut") // as shrinking leaves it: without faults, without a transfer
	text := read(t, stormy)
	var kept []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, " ")
		if name != "fault" && name != "hash" {
			kept = append(kept, line)
		}
		if name == "digest" {
			kept = append(kept, "without 1,2\n", "fault none\n")
		}
	}
	write(t, cut, strings.Join(kept, ""))
	out, passed := emittedTests(t, nil, plainRun, stormy, cut)
	if !passed || strings.Count(out, "--- PASS: Test") != 3 {
		t.Fatalf("runs that pass fail as tests:\n%s", out)
	}
	for _, file := range []string{plainRun, stormy} {
		_, x, err := program.readReplay(file)
		if err != nil {
			t.Fatal(err)
		}
		if same := "digest " + x.Digest + ", was " + x.Digest + "; 0 of"; !strings.Contains(out, same) {
			t.Errorf("the test of %s makes another run than the file, want %q:\n%s", file, same, out)
		}
	}
	if r := dessim(t, "replay", cut, "-json"); !strings.Contains(out, "digest "+digestOf(t, r.stdout)+", was") {
		t.Errorf("the test of the cut file makes another run than it:\n%s\n%s", r.stdout, out)
	}
	out, passed = emittedTests(t, map[string][2]string{
		"protocol/ledger/state.go": {"\t\ts.wallets[w].balance -= out.Amount\n", "\t\t_ = w\n"},
	}, plainRun)
	if passed || !strings.Contains(out, "violation: all nodes end with the same ledger") {
		t.Errorf("the emitted test does not see the planted bug:\n%s", out)
	}
}

func digestOf(t *testing.T, report string) string {
	t.Helper()
	var r struct{ Digest string }
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	return r.Digest
}
