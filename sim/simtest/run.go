package simtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/report"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/story"
	"dessim/sim/watch"
	"dessim/sim/wording"
)

// Options are the options of Run. Seeds is required.
type Options struct {
	// Flags are parameters in place of the scenario's defaults, as on the command line:
	// "-nodes 5 -faults crash".
	Flags string
	// Seeds is the number of seeds, which begin at 1.
	Seeds int
	// Strategy is how seeds answer: explore.Random, Swarm, PCT or Guided, as for a sweep.
	Strategy explore.Strategy
	// ShrinkRuns bounds the runs of shrinking a failure; 0 shrinks nothing.
	ShrinkRuns int
	// Strict fails the test if a fault that Flags ask for did nothing in any of the runs, or if
	// a message went to a node that does not exist. Else both are logged.
	Strict bool
	// Events ends a run after that many events: it is inconclusive then, which fails the
	// test, and says what filled it. 0 is no bound.
	Events uint64
}

// Environment variables of Run. Flags would break "go test ./...", since other packages do
// not know them.
const (
	// SeedVariable runs one seed alone. A run of explore.Guided has its ancestors before its
	// seed: "7,19,64".
	SeedVariable = "DESSIM_SEED"
	// SeedsVariable replaces Options.Seeds, for a long night.
	SeedsVariable = "DESSIM_SEEDS"
	// ReplayVariable runs one saved file alone; its value is the file's name in
	// testdata/dessim.
	ReplayVariable = "DESSIM_REPLAY"
	// ReportVariable names a file for a page that shows a run that fails, and the run
	// before it was shrunk. Without it, the page is report.html among the test's artifacts,
	// if go test keeps them: go test -artifacts.
	ReportVariable = "DESSIM_REPORT"
	// TraceVariable names a file for the trace of a run that fails: the shrunk one,
	// or the saved one.
	TraceVariable = "DESSIM_TRACE"
)

// Run makes the runs of s under many seeds, and fails t at the first that does not pass. It
// makes a failing run again, shrinks it, and saves it in testdata/dessim beside the test;
// later runs of the test begin with the saved files. The report ends in a command that
// repeats the run, to be pasted at the root of the module. Under -v it tells how far it is, ten
// times.
//
// A Sometimes that never happens fails t, too: the test is vacuous. With Options.Strict, so
// does a fault that never did anything, and a message to a node that does not exist. A node
// that panics, or calls t.FailNow, fails t as a check does, with its place. A step that does
// not end within 5 s is reported on stderr.
//
// The runs of a test share its process, even with scenario.EachRun. But then a failure is reported as
// it is in a process that has made no other run, and is shrunk in such processes: the test's binary,
// run again up to this call. If the run passes there, the report says so. A test must not call Run
// twice for a scenario and parameters then.
//
// Tests that call Run may be parallel.
func Run(t *testing.T, s *scenario.Scenario, o Options) {
	t.Helper()
	p, err := paramsOf(s, o.Flags)
	if err != nil {
		t.Fatalf("simtest: %v", err)
	}
	if o.Seeds < 1 || o.ShrinkRuns < 0 {
		t.Fatalf("simtest: Options has %d seeds and %d runs to shrink in; want at least 1 and at least 0", o.Seeds, o.ShrinkRuns)
	}
	r := &runner{tester: t, o: o, verbose: testing.Verbose(), watchdog: watchdog(t.Name()), Subject: scenario.Subject{Scenario: s, Params: p}, place: newPlace(t.Name())}
	r.start = r.startTest()
	if r.serve() {
		return
	}
	r.run(os.Getenv(SeedVariable), os.Getenv(SeedsVariable), os.Getenv(ReplayVariable))
}

// paramsOf returns the parameters of flags, if the scenario can run with them.
func paramsOf(s *scenario.Scenario, flags string) (scenario.Params, error) {
	if err := s.Flaw(); err != nil {
		return scenario.Params{}, err
	}
	p, err := s.ParseParams(flags)
	if err != nil {
		return p, err
	}
	return p, s.Plannable(1, p)
}

// tester is what a runner needs of a *testing.T.
type tester interface {
	TB
	Name() string
	ArtifactDir() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// runner is one call of Run.
type runner struct {
	tester
	scenario.Subject // without a seed
	o                Options
	verbose          bool
	watchdog         *watch.Watchdog
	place            place
	start            func(threads int) (io.ReadWriteCloser, error) // starts a process that serves; or nil
}

func (r *runner) run(seed, seeds, file string) {
	r.Helper()
	if r.o.Events > 0 {
		r.Params.Events = r.o.Events
	}
	switch {
	case seed != "":
		run, err := parseRun(seed)
		if err != nil {
			r.Fatalf("%s: %v", SeedVariable, err)
		}
		o := r.make(run, r.o.Strategy.Source(run))
		r.judge(run, &o)
		return
	case file != "":
		r.saved(file)
		return
	case seeds != "":
		n, err := source.ParseSeed(seeds)
		if err != nil || n < 1 || n > 1<<40 {
			r.Fatalf("%s=%q: want a number of seeds", SeedsVariable, seeds)
		}
		r.o.Seeds = int(n)
	}
	r.allSaved()
	r.sweep()
}

// saved runs one saved file.
func (r *runner) saved(file string) {
	r.Helper()
	path := filepath.Join(savedDir, filepath.Base(file))
	saved, err := r.readSaved(path)
	if err != nil {
		r.Fatalf("%v", err)
	}
	r.again(path, saved)
}

// tell adds the story of what is left, as far as the sentence of the check does not tell it.
func (r *runner) tell(b *strings.Builder, s scenario.Subject, x *reduced) {
	const most = 12
	told, _, ok := story.OfTrial(s, x.trial, &x.outcome, story.About{Check: x.outcome.Check()}, r.watchdog)
	if !ok {
		return
	}
	lines := append(told.Causes(most-len(told.Beliefs)), told.Beliefs...)
	for i, line := range lines {
		if i == 0 {
			b.WriteString("what led to it:\n")
		}
		fmt.Fprintf(b, "\t%s\n", line)
	}
}

// difference describes, in lines, where two more runs of a seed differ first.
func (r *runner) difference(w *explore.World, run explore.SeedRun) string {
	d := explore.FirstDifference(func(o sim.Observer) bool {
		out, _ := w.Seed(run.Salt(), r.o.Strategy.Source(run), false, o)
		return !out.Interrupted()
	})
	if d == nil {
		return ""
	}
	return fmt.Sprintf("two more runs differ from %s on:\n%s\n%s\n%s\n", d.Place(), d.Here, d.There, explore.WhereToLook)
}

// trace writes the trace of a recorded run, if TraceVariable asks for it.
func (r *runner) trace(x *scenario.Recording) {
	r.Helper()
	path := os.Getenv(TraceVariable)
	if path == "" {
		return
	}
	trace := sim.Trace{Text: x.Scenario.Words(&x.Params)}
	got, _ := x.Scenario.Try(x.Seed, x.Params, x.Trial(), source.NewReplay(x.Answers), scenario.Options{Observers: []sim.Observer{&trace}})
	r.strays(TraceVariable, got.Sim.Digest, x.Digest)
	if _, err := files.Write(path, []byte(trace.String())); err != nil {
		r.Logf("%s: %v", TraceVariable, err)
	}
}

// show writes the page of a recorded run and of what it was shrunk from, if it is wanted.
func (r *runner) show(x *scenario.Recording, again string, trials ...*explore.Trial) {
	r.Helper()
	path := os.Getenv(ReportVariable)
	if kept := flag.Lookup("test.artifacts"); path == "" && kept != nil && kept.Value.String() == "true" {
		path = filepath.Join(r.ArtifactDir(), "report.html")
	}
	if path == "" {
		return
	}
	var runs []*report.Run
	for i, t := range slices.Compact(trials) {
		about := report.About{Label: [...]string{"shrunk", "before shrinking"}[i], Command: again}
		run, ok := report.OfTrial(x.Subject, t, r.watchdog, about)
		if !ok {
			r.Logf("no page was written: a run was interrupted")
			return
		}
		runs = append(runs, run)
	}
	if len(runs) == 1 {
		runs[0].Label = ""
	}
	var page bytes.Buffer
	err := report.Write(&page, r.Name(), runs...)
	if err == nil {
		_, err = files.Write(path, page.Bytes())
	}
	if err != nil {
		r.Logf("no page was written: %v", err)
		return
	}
	r.Logf("the run as a page: %s", path)
}

func describe(o *explore.Outcome) string {
	switch c := o.Violated(); {
	case o.Failure != "":
		return o.Failure
	case o.Verdict == check.Violation:
		return fmt.Sprintf("violates %q: %s (at %v, step %d)%s", c.Name, c.Detail, c.At, c.Step, stack(o))
	}
	for _, c := range o.Checks {
		if c.Verdict == check.Inconclusive {
			return fmt.Sprintf("inconclusive: %q: %s", c.Name, c.Detail)
		}
	}
	if len(o.Checks) == 0 {
		return fmt.Sprintf("%s: the suite has no check, so it judges nothing", o.Verdict)
	}
	return string(o.Verdict)
}

// stack returns the lines of a node's panic after the first, each on a line of its own.
func stack(o *explore.Outcome) (text string) {
	if o.Panic == nil || o.Check() != explore.Panicked {
		return ""
	}
	for _, line := range watch.Callers(o.Panic.Frames) {
		text += "\n\t" + line
	}
	return text
}

// watchdog returns what watches over the runs of a test. It reports on stderr, since what a
// test logs shows only when the test is over.
func watchdog(test string) *watch.Watchdog {
	return &watch.Watchdog{Tell: func(s watch.Stuck) {
		fmt.Fprintf(os.Stderr, "%s: seed %d: %s\n", test, s.Seed, s.String())
	}}
}

// place is where a test is: what goes into its file names and its command.
type place struct {
	test string
	dir  string // of the package, from the root of its module: "./pkg"
}

// newPlace finds the root of the module. Tests run in the folder of their package.
func newPlace(test string) place {
	p := place{test: test, dir: "."}
	here, err := os.Getwd()
	if err != nil {
		return p
	}
	for root := here; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			if rel, err := filepath.Rel(root, here); err == nil && rel != "." {
				p.dir = "./" + filepath.ToSlash(rel)
			}
			return p
		}
		if root == filepath.Dir(root) {
			return p
		}
	}
}

// command returns the command that runs this test alone, under an assignment, or under none.
func (p place) command(assignment string) string {
	command := fmt.Sprintf("go test %s -run %s -count=1", wording.Shell(p.dir), wording.Shell(p.pattern()))
	if overlaid() {
		command = "dessim " + command
	}
	if assignment == "" {
		return command
	}
	return wording.Shell(assignment) + " " + command
}

// overlaid reports whether the tests were built by dessim go test, without which hosted programs do
// not run.
func overlaid() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), "dessim_overlay")
	})
}

// pattern matches the name of the test alone.
func (p place) pattern() string {
	var names []string
	for name := range strings.SplitSeq(p.test, "/") {
		names = append(names, "^"+regexp.QuoteMeta(name)+"$")
	}
	return strings.Join(names, "/")
}
