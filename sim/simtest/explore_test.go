package simtest

import (
	"path/filepath"
	"strings"
	"testing"

	"dessim/sim/scenario"
)

func explored(t *testing.T, o ExploreOptions) *fake {
	t.Helper()
	f := &fake{name: "TestExplored"}
	s := counting(nil)
	r := &runner{tester: f, o: Options{ShrinkRuns: o.ShrinkRuns}, Subject: scenario.Subject{Scenario: s, Params: s.Defaults}, place: place{test: f.name, dir: "./x"}}
	f.run(func() { r.explore(&o, "") })
	return f
}

func TestExploreReportsTheFirstMisfortuneThatFails(t *testing.T) {
	t.Chdir(t.TempDir())
	f := explored(t, ExploreOptions{Runs: 200, ShrinkRuns: 200})
	text := f.text
	for _, want := range []string{`, with crash: crash 0 after `, `violates "counts grow"`, "shrunk in ", "saved: ", "go test ./x -run '^TestExplored$' -count=1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
	if files, _ := filepath.Glob("testdata/dessim/TestExplored*.replay"); len(files) != 1 {
		t.Errorf("%d files are saved, want one", len(files))
	}
	if again := explored(t, ExploreOptions{Runs: 1}); !strings.Contains(again.text, "testdata/dessim/TestExplored") {
		t.Errorf("the saved run is not made first:\n%s", again.text)
	}
}

func TestExplorePassesWhatNoMisfortuneHurts(t *testing.T) {
	t.Chdir(t.TempDir())
	if f := explored(t, ExploreOptions{Runs: 60, Kinds: []string{"lose", "pause", "late"}}); f.text != "" {
		t.Errorf("it reports\n%s", f.text)
	}
}
