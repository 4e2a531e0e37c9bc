package simtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// savedDir is where failing runs are kept, below the folder of their test.
const savedDir = "testdata/dessim"

// saved is a failing run as it is kept: a replay file (see package source) whose
// header has, in this order,
//
//	test     the test that found it
//	seed     what identities derive from
//	nodes    as Params.Nodes
//	without  identities of inputs that are left out; the line may be missing
//	fault    one a line, with its identity: see fault.Parse
//	check    that failed
//	digest   of the run
type saved struct {
	test    string
	seed    uint64
	trial   explore.Trial
	outcome explore.Outcome // check and digest of a file that was read
	check   string
	digest  string
}

func (s *saved) file() *source.File {
	f := &source.File{Answers: s.trial.Answers}
	add := func(name, value string) { f.Header = append(f.Header, source.Field{Name: name, Value: value}) }
	add("test", s.test)
	add("seed", strconv.FormatUint(s.seed, 10))
	add("nodes", strconv.Itoa(s.trial.Nodes))
	if len(s.trial.Without) > 0 {
		add("without", strings.Trim(fmt.Sprint(s.trial.Without), "[]"))
	}
	for _, f := range s.trial.Faults {
		add("fault", fmt.Sprintf("%d: %v", f.ID, f))
	}
	add("check", oneLine(s.outcome.Check()))
	add("digest", s.outcome.Digest.String())
	return f
}

// oneLine makes text a header's value, whatever a check is called.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if strconv.IsPrint(c) {
			return c
		}
		return ' '
	}, text))
}

// readSaved reads a file that save wrote and that people may have edited.
func readSaved(path string) (*saved, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := source.ParseFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &saved{trial: explore.Trial{Answers: f.Answers}}
	for _, h := range f.Header {
		if err := s.take(h); err != nil {
			return nil, fmt.Errorf("%s: replay file: %s: %w", path, h.Name, err)
		}
	}
	if s.test == "" || s.trial.Nodes == 0 || s.check == "" {
		return nil, fmt.Errorf("%s: replay file: the header lacks test, nodes or check", path)
	}
	slices.Sort(s.trial.Without)
	return s, nil
}

func (s *saved) take(h source.Field) (err error) {
	switch h.Name {
	case "test":
		s.test = h.Value
	case "seed":
		s.seed, err = source.ParseSeed(h.Value)
	case "nodes":
		s.trial.Nodes, err = strconv.Atoi(h.Value)
		if err == nil && (s.trial.Nodes < 1 || s.trial.Nodes > sim.MaxNodes) {
			err = fmt.Errorf("%d; want 1 to %d", s.trial.Nodes, sim.MaxNodes)
		}
	case "without":
		for word := range strings.FieldsSeq(h.Value) {
			id, bad := strconv.ParseUint(word, 10, 64)
			s.trial.Without, err = append(s.trial.Without, id), errors.Join(err, bad)
		}
	case "fault":
		var faults []fault.Fault
		faults, err = fault.Parse(h.Value)
		s.trial.Faults = append(s.trial.Faults, faults...)
	case "check":
		s.check = h.Value
	case "digest":
		s.digest = h.Value
	default:
		err = errors.New("is no field of a saved run; want test, seed, nodes, without, fault, check and digest")
	}
	return err
}

// stem begins the names of this test's files. The names of another test's may begin
// so too, which their headers tell.
func (p place) stem() string { return slug(strings.ReplaceAll(p.test, "/", "."), "._") + "-" }

// slug gives text as a part of a file name: letters, digits and what is in extra, and
// single hyphens for all else.
func slug(text, extra string) string {
	fields := strings.FieldsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(extra, c))
	})
	return strings.Join(fields, "-")
}

// allSaved runs the saved runs of this test, by name of file.
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
		s, err := readSaved(path)
		if err != nil {
			r.Fatalf("%v", err)
		}
		if s.test == r.Name() {
			r.again(path, s)
		}
	}
}

// save keeps a run and gives the file's name. A file with other contents under that
// name is another run: it is left alone.
func (p place) save(s *saved) (string, error) {
	text, err := s.file().AppendText([]byte("# " + p.command(fmt.Sprintf("%s=%d", SeedVariable, s.seed)) + "\n"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(savedDir, 0o777); err != nil {
		return "", err
	}
	name := p.stem() + slug(s.outcome.Check(), "")
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

// writeWhole gives the file its name when it is complete: a test that is killed
// meanwhile leaves no half of one, which all later runs would refuse.
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
func (r *runner) again(path string, s *saved) {
	r.Helper()
	if s.trial.Nodes > r.o.Nodes {
		r.o.Nodes = s.trial.Nodes // the test had more nodes once
	}
	outcome, stats := try(s.seed, r.o, r.m, &s.trial)
	if unused := stats.Stale + stats.Misfit; unused > 0 {
		r.Logf("%s: %d of its %d answers are stale: nobody asked for them, or otherwise; the code has changed since", path, unused, len(s.trial.Answers))
	}
	switch {
	case !outcome.Failed() && outcome.Verdict == check.Pass:
		r.Logf("%s: passes now; it violated %q", path, s.check)
		return
	case !outcome.Failed():
		// Without some input or node it need not come to anything once it is fixed.
		r.Logf("%s: does not fail now; it violated %q; %s", path, s.check, told(&outcome))
		return
	}
	r.trace(World(s.seed, r.o, r.m), &s.trial)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", path, told(&outcome))
	if got := outcome.Check(); oneLine(got) != s.check {
		fmt.Fprintf(&b, "it violated %q when it was saved\n", s.check)
	} else if outcome.Digest.String() != s.digest {
		fmt.Fprintf(&b, "the run differs from the saved one, of digest %s; now it is %v\n", s.digest, outcome.Digest)
	}
	tellTrial(&b, &s.trial)
	r.Fatalf("%s%s", b.String(), r.place.command(ReplayVariable+"="+filepath.Base(path)))
}
