package cmdline

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dessim/sim/scenario"
)

// What a scenario keeps in replay files alone may be secret: the file is its owner's, and no
// command prints it.
func TestReplayFilesWithSecretsArePrivate(t *testing.T) {
	s := misbehavior()
	s.Own = append(s.Own, scenario.Words("key", "a key", func(string) error { return nil }))
	p := &Program{Name: "dessim", Scenarios: []*scenario.Scenario{s}}
	const secret = "hush-hush"
	a, b := filepath.Join(t.TempDir(), "a.replay"), filepath.Join(t.TempDir(), "b.replay")
	writeWith(t, p, 1, secret, a)
	writeWith(t, p, 2, "sub-rosa", b)
	for _, args := range [][]string{{"diff", a, b}, {"replay", a}, {"replay", a, "-json"}, {"explain", a}, {"replay", a, "-trace", "-"}} {
		var out, errs bytes.Buffer
		p.run(t.Context(), args, streams{stdout: &out, stderr: &errs})
		if said := out.String() + errs.String(); strings.Contains(said, secret) || len(said) == 0 {
			t.Errorf("%q prints the secret, or nothing:\n%s", args, said)
		}
		if args[0] == "diff" && !strings.Contains(out.String(), "key differs") {
			t.Errorf("diff does not say that the keys differ:\n%s%s", &out, &errs)
		}
	}
}

// writeWith writes the replay file of a run with that key.
func writeWith(t *testing.T, p *Program, seed uint64, key, path string) {
	t.Helper()
	x := scenario.Subject{Scenario: p.Scenarios[0], Seed: seed, Params: p.Scenarios[0].Defaults}
	if err := x.Scenario.Set(&x.Params, "key", key); err != nil {
		t.Fatal(err)
	}
	o, trial := x.World().Seed(x.Seed, nil, true)
	tl := &tool{Program: p, streams: streams{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}}
	file, err := tl.outputs(nil).open(&flag{name: "o", text: path})
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{subject: subject{p, x}, command: "a test", trial: trial, verdict: o.Verdict, digest: o.Digest}
	if r.write(file) != path {
		t.Fatalf("%s was not written", path)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "\nkey "+key+"\n") {
		t.Fatalf("the file lacks the key: %v\n%s", err, text)
	}
	if now, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && now.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600; %v", now.Mode(), err)
	}
}
