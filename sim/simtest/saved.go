package simtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
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

// allSaved runs the saved runs of this test, sorted by file name. A file of another test may
// be of another scenario.
func (r *runner) allSaved() {
	r.Helper()
	entries, err := os.ReadDir(savedDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Fatalf("saved runs: %v", err)
	}
	for _, e := range entries { // sorted
		path := filepath.Join(savedDir, e.Name())
		if !strings.HasSuffix(path, ".replay") || !r.wrote(path) {
			continue
		}
		saved, err := r.readSaved(path)
		if err != nil {
			r.Fatalf("%v", err)
		}
		r.again(path, saved)
	}
}

// wrote reports whether the file is of this test. Its header says so, or else its name, which
// begins as those of this test: then the file is damaged.
func (r *runner) wrote(path string) bool {
	text, err := os.ReadFile(path)
	if err == nil {
		var f *source.File
		if f, err = source.ParseFile(text); err == nil {
			if i := slices.IndexFunc(f.Header, func(h source.Field) bool { return h.Name == "test" }); i >= 0 {
				return f.Header[i].Value == r.Name()
			}
		}
	}
	const kept = 60 // bytes, however short a name must be
	return strings.HasPrefix(filepath.Base(path), files.Shorten(r.place.name("", "-"), kept))
}

// name returns the name of a file of this test.
func (p place) name(about, suffix string) string {
	return files.Name(suffix, strings.ReplaceAll(p.test, "/", "."), about)
}

// keep saves a run, and says so only if it did.
func (p place) keep(x *scenario.Recording, again string) string {
	path, err := p.save(x, again)
	if err != nil {
		return "not saved: " + err.Error()
	}
	return "saved: " + path + ", which is run first from now on"
}

// save writes a run, with the command that repeats it, and returns the path of the file. It does not
// replace a file with other contents, which is another run.
func (p place) save(x *scenario.Recording, again string) (path string, err error) {
	text, err := x.AppendText(nil, again)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(savedDir, 0o777); err != nil {
		return "", err
	}
	const most = 100
	for i := 1; i <= most; i++ {
		suffix := ".replay"
		if i > 1 {
			suffix = fmt.Sprintf("-%d.replay", i)
		}
		path := filepath.Join(savedDir, p.name(x.Check, suffix))
		if have, err := os.ReadFile(path); err == nil && !bytes.Equal(bytes.ReplaceAll(have, []byte("\r\n"), []byte("\n")), text) {
			continue
		}
		return files.Write(path, text)
	}
	return "", fmt.Errorf("%s has %d runs of %s", savedDir, most, p.name(x.Check, ""))
}

// again makes a saved run, and reports it if it fails.
func (r *runner) again(path string, x *scenario.Recording) {
	r.Helper()
	src := source.NewReplay(x.Answers)
	report, _ := x.Scenario.Try(x.Seed, x.Params, x.Trial(), src, scenario.Options{Watchdog: r.watchdog})
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
	command := r.place.command(ReplayVariable + "=" + filepath.Base(path))
	if w, alone, broken := r.apart(x.Seed); alone && paramsText(r.Scenario, &x.Params) == paramsText(r.Scenario, &r.Params) {
		outcome, _ = r.confirmed(path, &outcome, broken, command, func() (explore.Outcome, *explore.Trial) { return w.Try(x.Trial()), nil })
	}
	r.trace(x)
	r.show(x, command, x.Trial())
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", path, describe(&outcome))
	if outcome.Check() != x.Check {
		fmt.Fprintf(&b, "it violated %q when it was saved\n", x.Check)
	} else if outcome.Digest.String() != x.Digest {
		fmt.Fprintf(&b, "the run differs from the saved one, of digest %s; now it is %v\n", x.Digest, outcome.Digest)
	}
	listTrial(&b, x.Trial())
	r.Fatalf("%s%s", b.String(), command)
}
