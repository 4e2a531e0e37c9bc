package simtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// savedDir is where failing runs are kept, below the folder of their test.
const savedDir = "testdata/dessim"

// readSaved reads a file that save wrote and people may have edited. An old file without a
// scenario has the runner's.
func (r *runner) readSaved(path string) (*scenario.Recording, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	saved, err := scenario.ParseRecording(text, func(name string) (*scenario.Scenario, error) {
		if name != "" && name != r.Scenario.Name {
			return nil, fmt.Errorf("scenario %q; the test runs %s", name, r.Scenario.Name)
		}
		own := *r.Scenario
		own.Defaults = r.Params
		return &own, nil
	})
	if err == nil && (saved.Test == "" || saved.Check == "") {
		err = errors.New("replay file: the header has no test, or no check")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return saved, nil
}

// stem begins the names of this test's files. Those of another test may begin with it too;
// their headers tell them apart.
func (p place) stem() string { return slug(strings.ReplaceAll(p.test, "/", "."), "._") + "-" }

// slug returns text as a part of a file name: it keeps letters, digits and the characters of
// extra, and writes single hyphens for all others.
func slug(text, extra string) string {
	fields := strings.FieldsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(extra, c))
	})
	return strings.Join(fields, "-")
}

// allSaved runs the saved runs of this test, sorted by file name. A file of another test may
// be of another scenario.
func (r *runner) allSaved() {
	r.Helper()
	entries, err := os.ReadDir(savedDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Fatalf("saved runs: %v", err)
	}
	for _, e := range entries { // sorted
		if !strings.HasPrefix(e.Name(), r.place.stem()) || !strings.HasSuffix(e.Name(), ".replay") {
			continue
		}
		path := filepath.Join(savedDir, e.Name())
		if !r.wrote(path) {
			continue
		}
		saved, err := r.readSaved(path)
		if err != nil {
			r.Fatalf("%v", err)
		}
		r.again(path, saved)
	}
}

// wrote reports whether the file is of this test, or cannot be read.
func (r *runner) wrote(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return true
	}
	f, err := source.ParseFile(text)
	return err != nil || !slices.ContainsFunc(f.Header, func(h source.Field) bool { return h.Name == "test" && h.Value != r.Name() })
}

// save writes a run and returns the file's name. It keeps a file with other contents, which
// is another run.
func (p place) save(x *scenario.Recording) (string, error) {
	text, err := x.AppendText(nil, p.command(fmt.Sprintf("%s=%d", SeedVariable, x.Seed)))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(savedDir, 0o777); err != nil {
		return "", err
	}
	name := p.stem() + slug(x.Check, "")
	for i := 1; i <= 100; i++ {
		path := filepath.Join(savedDir, name+".replay")
		if i > 1 {
			path = filepath.Join(savedDir, fmt.Sprintf("%s-%d.replay", name, i))
		}
		if have, err := os.ReadFile(path); err == nil && string(have) != string(text) {
			continue
		}
		return path, writeWhole(path, text)
	}
	return "", fmt.Errorf("%s has a hundred runs of %s", savedDir, name)
}

// writeWhole gives the file its name when it is complete: a killed test must not leave half a
// file, which all later runs would refuse.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".saving-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// again makes a saved run, and reports it if it fails.
func (r *runner) again(path string, x *scenario.Recording) {
	r.Helper()
	src := source.NewReplay(x.Answers)
	report, _ := x.Scenario.Try(x.Seed, x.Params, x.Trial(), src, scenario.Options{})
	outcome, stats := report.Outcome(), src.Stats()
	if unused := stats.Stale + stats.Misfit; unused > 0 {
		r.Logf("%s: %d of its %d answers are stale: the code has changed since", path, unused, len(x.Answers))
	}
	switch {
	case !outcome.Failed() && outcome.Verdict == check.Pass:
		r.Logf("%s: passes now; it violated %q", path, x.Check)
		return
	case !outcome.Failed():
		// Without some input or node it may be inconclusive once the bug is fixed.
		r.Logf("%s: does not fail now; it violated %q; %s", path, x.Check, describe(&outcome))
		return
	}
	r.trace(x)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", path, describe(&outcome))
	if outcome.Check() != x.Check {
		fmt.Fprintf(&b, "it violated %q when it was saved\n", x.Check)
	} else if outcome.Digest.String() != x.Digest {
		fmt.Fprintf(&b, "the run differs from the saved one, of digest %s; now it is %v\n", x.Digest, outcome.Digest)
	}
	listTrial(&b, x.Trial())
	r.Fatalf("%s%s", b.String(), r.place.command(ReplayVariable+"="+filepath.Base(path)))
}
