package cmdline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"dessim/cmd/dessim/mutate"
	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/files"
	"dessim/sim/wording"
)

const mutateUsage = `dessim mutate PACKAGE -scenario NAME [flags]

Measures the checks: it makes mutants of a package of nodes, each with one small mistake,
and sweeps the scenario, and those that -then names, with each of them. A mutant that
survives is a mistake that no check reports in these seeds. PACKAGE is as for go build, such
as . or ./node. Its source must be here; nothing is written there.

Rules make the mutants, one at each place:

  drop-sync, drop-persist, drop-discard, drop-set-timer, drop-cancel-timer, drop-send:
                    leave the effect out
  send-first        move a Send before the Persist or Sync that precedes it
  drop-guard        leave out an if that only returns, continues or breaks
  negate            negate the condition of an if, or of a case
  boundary, and-or  <= for <, || for &&, and the like
  off-by-one        a number that is compared or computed with, a bound, a length
  skip-assignment   to a field, or to what a field holds
  forget-reset      delete, clear, and a field that becomes its zero value
  return-early      between two statements of a function
  first-last        the first of a slice for its last, and the other way round

Statements that only add to a counter, a field of a struct type named Stats, are left
alone, and so are the methods Sizes and Waits, which only checks read.

The program of the scenario is built once, with all mutants, from its main package: the
default is cmd/dessim in the module of PACKAGE, or else that module's folder. If its nodes
are ordinary Go programs, it is built with the overlay of package host. A first sweep
without a mutant shows which mutants are reached by which seeds, and which seeds fail
anyway: these are left out. A mutant is swept with the seeds that reach it, since it
changes nothing in others. It is killed by the first run with it that does not pass: a
check fails, or has nothing to judge any more, a node panics, the run has ten times the
events of any run before, or it loops for ever. It is also killed by a check that passes in
no run with it, and in twelve without. The sweeps compare everything that nodes promise
with what is safe on their disks, unless -shadow says otherwise.

-equivalent names a file of mutants that change nothing that a check could see. Each line
is FILE:FUNCTION:RULE:NTH, as survivors are printed, and the reason. With -only and that
name, a survivor is swept again, once there is a check for it. A line of FILE:FUNCTION or
FILE leaves out all mutants of code that is not part of a node, such as text for people.

It exits with 0 if every mutant that is reached is killed or marked, with 1 if one
survived, and with 3 if -budget left some untried.`

// Defaults and limits of dessim mutate.
const (
	mutantSeeds  = 200
	mostMutants  = 1_000_000
	moreEvents   = 10 // times those of the longest run without a mutant
	fewestEvents = 1000
	needfulRuns  = 12 // in which a check passes without a mutant, where one that never passes kills it
	moreCPU      = 50 // times that of the slowest run without a mutant
	leastCPU     = 2 * time.Second
)

func (t *tool) mutateCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.find("events").usage = "end a run after this many events: that kills the mutant"
	f.find("seed").usage = "what -sample draws by"
	f.find("shadow").usage = "share of what nodes promise that is compared with what is safe on their disks: every, off, or such as 10%; the default is every"
	f.add("then", "SCENARIO", "sweep those that survive with this scenario too, with its defaults, but for a choice that a flag makes for both; several with commas")
	f.add("seeds", "200", "sweep the seeds from 1 to this one")
	f.add("only", "REGEXP", "sweep only the mutants of whose names this matches a part, such as Receive:drop-sync")
	f.add("sample", "50", "sweep only so many of the mutants that are reached, drawn by -seed")
	f.add("budget", "10m", "begin no more sweeps after this time")
	f.add("tests", "", "run the tests of the package with each mutant that no check reports")
	f.add("equivalent", "FILE", "mutants that are not to be killed, each with a reason")
	f.add("main", "./cmd/dessim", "folder of the program's main package")
	f.add("j", "2", "mutants at a time; the default is one for each core")
	f.add("json", "", "print one JSON object")
	f.add("child", "", "make the runs that another process asks for on stdin").hidden = true
	return f.command("mutate", "measures checks by mutants of a package", mutateUsage, func(ctx context.Context, args []string) error {
		if f.find("child").on() {
			return t.sweepMutant(f)
		}
		if len(args) == 0 {
			return refuse("no package; want one such as ./node, or . for that in this folder")
		}
		if err := onlyOne("mutate", "package", args[1:]); err != nil {
			return err
		}
		m, err := t.newMutation(f)
		if err != nil {
			return err
		}
		return m.run(ctx, args[0])
	})
}

// mutation is one invocation of dessim mutate.
type mutation struct {
	*tool
	subject
	begun   time.Time
	seeds   uint64
	only    *regexp.Regexp
	sample  int
	budget  time.Duration
	tests   bool
	marks   []mark
	main    string
	workers int
	asJSON  bool

	pkg      *mutate.Package
	dir      string // of what is built
	exe      string
	suite    string // the tests of the package, or ""
	patience time.Duration
	startup  time.Duration // of a process: see mutantStart
	sweeps   []*mutantSweep
	rows     []mutant // one for each of the package
}

// mutant is what became of a mutant.
type mutant struct {
	*mutate.Mutant
	fate
	by       string // what killed it
	scenario string // of the run that did, or ""
	seed     uint64 // of that run, or 0
	runs     int    // that it was swept in
	reason   string // why it is marked as equivalent, or ""
}

type fate int

const (
	unreached fate = iota
	undrawn        // by -sample
	unswept        // the budget, or an interruption
	killed
	killedByTests
	survived
)

func (t *tool) newMutation(f *flags) (m *mutation, err error) {
	m = &mutation{tool: t, begun: time.Now(), startup: mutantStart, asJSON: f.find("json").on(), tests: f.find("tests").on(), main: f.find("main").text}
	if m.subject, err = f.subject(); err != nil {
		return nil, err
	}
	m.Params.Shadow = cmp.Or(m.Params.Shadow, "every") // it costs half a sweep, and kills at once
	if err := m.readSweeps(f); err != nil {
		return nil, err
	}
	if m.seeds, err = count[uint64](f.find("seeds"), mutantSeeds, mostMutants); err != nil {
		return nil, err
	}
	if m.only, err = regexp.Compile(f.find("only").text); err != nil {
		return nil, refuse("only %s: %s; want a regular expression, such as Receive:drop-sync", quote(f.find("only").text), firstLine(err.Error()))
	}
	if m.sample, err = count(f.find("sample"), mostMutants, mostMutants); err != nil {
		return nil, err
	}
	if m.workers, err = count(f.find("j"), runtime.GOMAXPROCS(0), mostWorkers); err != nil {
		return nil, err
	}
	if m.budget, err = readBudget(f.find("budget")); err != nil {
		return nil, err
	}
	if x := f.find("main"); x.given && x.text == "" {
		return nil, refuse("main \"\": want the folder of the program's main package, such as ./cmd/%s", t.Name)
	}
	if x := f.find("equivalent"); x.given {
		if m.marks, err = readMarks(x.text); err != nil {
			return nil, err
		}
	}
	_, err = executable("mutate")
	return m, err
}

// readSweeps reads the names of further scenarios. One that declares a choice, such as that of
// an order, takes it from the flags: a package may be one of several to choose from.
func (m *mutation) readSweeps(f *flags) error {
	then := f.find("then")
	m.sweeps = []*mutantSweep{{subject: m.subject}}
	if !then.given {
		return nil
	}
	for name := range strings.SplitSeq(then.text, ",") {
		s, err := m.lookup(name)
		if err != nil {
			return err
		}
		more := subject{program: m.program}
		more.Scenario, more.Seed, more.Params = s, m.Seed, s.Defaults
		more.Params.Shadow, more.Params.Events = m.Params.Shadow, m.Params.Events
		for _, x := range s.Own {
			if text := f.find(x.Name); len(x.Values) > 0 && text.given {
				if err := more.set(x, text.text); err != nil {
					return err
				}
			}
		}
		m.sweeps = append(m.sweeps, &mutantSweep{subject: more})
	}
	return nil
}

// readBudget reads a time after which nothing more begins; 0 is none.
func readBudget(x *flag) (time.Duration, error) {
	if !x.given {
		return 0, nil
	}
	d, err := time.ParseDuration(x.text)
	if err != nil || d <= 0 {
		return 0, refuse("budget %s: want a duration of more than 0s, at most %v, such as 10m", quote(x.text), time.Duration(math.MaxInt64).Truncate(time.Hour))
	}
	return d, nil
}

func (m *mutation) run(ctx context.Context, pattern string) (err error) {
	if m.pkg, err = mutate.Load(ctx, "", pattern); err == nil {
		err = m.mark()
	}
	if err != nil {
		return m.stopped(ctx, "mutate "+quote(pattern), err)
	}
	if m.dir, err = os.MkdirTemp("", "dessim-mutate-*"); err != nil {
		return refuse("mutate: %s", files.Reason(err))
	}
	defer os.RemoveAll(m.dir)
	if err := m.build(ctx); err != nil {
		return m.stopped(ctx, "mutate "+quote(pattern), err)
	}
	if err := m.baseline(ctx); err != nil {
		return m.stopped(ctx, "mutate "+quote(pattern), err)
	}
	m.draw()
	if err := m.sweepAll(ctx); err != nil {
		return err
	}
	m.print()
	if ctx.Err() != nil {
		m.complain("interrupted")
		return &exit{code: exitInterrupted}
	}
	return verdictExit(m.verdict())
}

// stopped returns how the command ends before it knows anything.
func (m *mutation) stopped(ctx context.Context, what string, err error) error {
	var e *exit
	switch {
	case ctx.Err() != nil:
		return &exit{exitInterrupted, "interrupted"}
	case errors.As(err, &e):
		return err
	}
	return refuse("%s: %s", what, firstLine(err.Error()))
}

func (m *mutation) build(ctx context.Context) error {
	main, err := filepath.Abs(cmp.Or(m.main, m.pkg.Main(m.Name)))
	if err != nil {
		return err
	}
	if info, err := os.Stat(main); err != nil || !info.IsDir() {
		return refuse("main %s: want the folder of the program's main package, such as ./cmd/%s", quote(m.main), m.Name)
	}
	m.exe = filepath.Join(m.dir, "program"+exeSuffix())
	if err := m.pkg.Build(ctx, m.dir, main, m.exe); err != nil {
		return fmt.Errorf("%w; is it -main PATH?", err)
	}
	if !m.tests {
		return nil
	}
	suite := filepath.Join(m.dir, "tests"+exeSuffix())
	some, err := m.pkg.BuildTest(ctx, m.dir, suite)
	if err == nil && !some {
		err = errors.New("the package has no tests; leave -tests out")
	}
	m.suite = suite
	return err
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// draw decides which mutants are swept: of those that -only names, those with the least hashes.
func (m *mutation) draw() {
	var drawn []int
	for i := range m.rows {
		if m.rows[i].fate == undrawn && m.only.MatchString(m.rows[i].ID()) {
			drawn = append(drawn, i)
		}
	}
	hash := func(i int) uint64 { return protocol.Hash2(m.Seed, protocol.HashBytes([]byte(m.rows[i].ID()))) }
	if len(drawn) > m.sample {
		slices.SortFunc(drawn, func(a, b int) int { return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b)) })
		drawn = drawn[:m.sample]
	}
	for _, i := range drawn {
		m.rows[i].fate = unswept
	}
}

func (m *mutation) verdict() check.Verdict {
	switch n := m.tally(""); {
	case n.survived > 0:
		return check.Violation
	case n.left > 0 || n.swept == 0:
		return check.Inconclusive
	}
	return check.Pass
}

// where returns the place of a mutant, from this folder if that is shorter.
func (m *mutation) where(x *mutant) string {
	path := filepath.Join(m.pkg.Dir, x.File)
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(path), x.Line)
}

func (m *mutation) describe() string {
	return fmt.Sprintf("mutants of %s, scenario %s, seeds 1-%d", m.pkg.Path, m.scenarios(), m.seeds)
}

// scenarios returns the names of what is swept.
func (m *mutation) scenarios() string {
	var names []string
	for _, s := range m.sweeps {
		names = append(names, s.Scenario.Name)
	}
	return strings.Join(names, ", then ")
}

// leftOut returns how many seeds fail without a mutant.
func (m *mutation) leftOut() (n uint64) {
	for _, s := range m.sweeps {
		n += m.seeds - uint64(len(s.job.Seeds))
	}
	return n
}

// leftOver says what was not swept, or returns "".
func (m *mutation) leftOver() string {
	n := m.tally("")
	if n.left == 0 {
		return ""
	}
	return wording.Count(n.left, "mutant") + " not run"
}
