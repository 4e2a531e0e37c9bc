package cmdline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/watch"
	"dessim/sim/wording"
)

const sweepUsage = `dessim sweep -scenario NAME -seeds A-B [flags]

Runs a scenario with many seeds, and writes a replay file for each group of similar
failures. The report covers the seeds from the first on without a gap, and does not
depend on -j. Inconclusive runs are listed by reason. The report ends with the faults that
did nothing in any run: each of -fault, and each kind of -faults. With -results, a sweep
that was interrupted or killed resumes when it is started again.

-report writes a page on all seeds for a browser: failures with their stories, what became
of each check, what the faults did, and how large runs are. It is written again while the
sweep goes on. At the end, a failure of each of the first groups is shrunk for it. The page
of a sweep that has ended has the same bytes for the same results.

-shard I/N is the I-th of N blocks of the seeds, from 1. -shard /N takes I from
JOB_COMPLETION_INDEX (Kubernetes Indexed Jobs), plus 1, or else from
SLURM_ARRAY_TASK_ID, _MIN and _STEP. -shard auto takes N from
SLURM_ARRAY_TASK_COUNT as well. Without -shard none of them is read: an array
may vary parameters instead. Join the results of shards by dessim merge.`

func (t *tool) sweepCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.find("seed").hidden = true // newSweep refuses it
	f.add("seeds", "1-1000", "first and last seed")
	f.add("strategy", "random", "how seeds answer: "+strings.Join(strategyNames(), ", "))
	f.add("j", "2", "runs at a time; the default is one for each core")
	f.addThreads()
	f.add("shard", "I/N", "run only the I-th of N blocks of the seeds; /N and auto: see above")
	f.add("stop-after", "1", "stop at the seed by which this many have failed")
	f.add("budget", "10m", "start no more runs after this time")
	f.add("out", "DIR", "write replay files here; created if needed, the default is this folder")
	f.add("results", "FILE", "append the result of each seed, and resume after those that it has")
	f.addSweepReport()
	f.addStrict()
	f.add("json", "", "print one JSON object")
	f.add("worker-process", "", "make the runs that another sweep asks for on stdin").hidden = true
	return f.command("sweep", "runs a scenario with many seeds", sweepUsage, func(ctx context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		s, err := t.newSweep(f)
		if err != nil {
			return err
		}
		if f.find("worker-process").on() {
			return s.serve()
		}
		defer s.page.discard()
		return s.do(ctx)
	})
}

// mostWorkers is how many runs can be made at a time.
const mostWorkers = 1024

func strategyNames() (names []string) {
	for _, s := range explore.Strategies() {
		names = append(names, s.String())
	}
	return names
}

// sweep is one invocation of dessim sweep.
type sweep struct {
	found
	explore.SweepOptions
	shard   *explore.Shard
	whole   explore.Span // the seeds of all shards
	results *flag
	threads scenario.Options // Threads and Fewer of them
	asJSON  bool
	differs *explore.NotDeterministicError // what ended the sweep, or nil
}

func (t *tool) newSweep(f *flags) (s *sweep, err error) {
	if x := f.find("seed"); x.given {
		return nil, refuse("-seed is a flag of %s run; use -seeds, such as -seeds %s-%s", f.program.Name, plain(x.text), plain(x.text))
	}
	s = &sweep{found: found{tool: t, strict: f.find("strict").on()}, asJSON: f.find("json").on(), results: f.find("results")}
	if s.subject, err = f.subject(); err != nil {
		return nil, err
	}
	if err := s.readStrategy(f); err != nil {
		return nil, err
	}
	if s.whole, err = readSeeds(f.find("seeds")); err != nil {
		return nil, err
	}
	s.From, s.To = s.whole.From, s.whole.To
	if x := f.find("shard"); x.given {
		if err := s.readShard(x); err != nil {
			return nil, err
		}
	}
	if s.Workers, err = count(f.find("j"), 0, mostWorkers); err != nil {
		return nil, err
	}
	if s.threads, err = t.readThreads(f, &s.subject); err != nil {
		return nil, err
	}
	if s.StopAfter, err = count[uint64](f.find("stop-after"), 0, explore.MaxSeeds); err != nil {
		return nil, err
	}
	if s.Budget, err = readBudget(f.find("budget")); err != nil {
		return nil, err
	}
	s.strategy, s.command, s.workers = s.Strategy, s.line(), s.Workers
	if f.find("worker-process").on() {
		return s, nil // it writes no files
	}
	if err := s.open(f.find("out")); err != nil {
		return nil, err
	}
	var taken []string
	if s.results.given {
		taken = append(taken, s.results.text)
	}
	return s, s.openPage(f.find("report"), taken)
}

// readStrategy reads -strategy. A swarm without -faults draws from all kinds, so that
// there is something to draw.
func (s *sweep) readStrategy(f *flags) error {
	x := f.find("strategy")
	if !x.given {
		return nil
	}
	i := slices.Index(strategyNames(), x.text)
	if i < 0 {
		return refuse("unknown strategy %s; %s", quote(x.text), didYouMean(x.text, "", strategyNames()))
	}
	s.Strategy = explore.Strategies()[i]
	if s.Strategy != explore.Swarm || f.find("faults").given {
		return nil
	}
	if p := s.Scenario.Param("faults"); p != nil {
		if err := s.set(p, "swarm"); err != nil {
			return err
		}
	}
	return s.validate()
}

func readSeeds(x *flag) (s explore.Span, err error) {
	if !x.given {
		return s, refuse("no seeds; want -seeds with the first and the last, such as -seeds 1-1000")
	}
	first, last, both := strings.Cut(x.text, "-")
	if !both {
		last = first
	}
	if first == "" || last == "" {
		return s, refuse("seeds %s: want the first and the last, such as 1-1000", quote(x.text))
	}
	if s.From, err = source.ParseSeed(first); err != nil {
		return s, refuse("seeds %s: %v", quote(x.text), err)
	}
	if s.To, err = source.ParseSeed(last); err != nil {
		return s, refuse("seeds %s: %v", quote(x.text), err)
	}
	switch {
	case s.To < s.From:
		return s, refuse("seeds %s: the first is above the last; want %d-%d", quote(x.text), s.To, s.From)
	case s.To-s.From >= explore.MaxSeeds:
		return s, refuse("seeds %s: too many; want at most %d", quote(x.text), uint64(explore.MaxSeeds))
	}
	return s, nil
}

// line returns the command without its seeds and outputs.
func (s *sweep) line() string {
	line := s.reproduce()
	_, rest, _ := strings.Cut(line, " -scenario ")
	line = s.Name + " sweep -scenario " + rest
	if s.Strategy != explore.Random {
		line += " -strategy " + s.Strategy.String()
	}
	return line
}

// world returns what makes the runs. Its own seed is none of theirs, and always the same: the
// names of checks can depend on it, and shards agree on those.
func (s *sweep) world(watchdog *watch.Watchdog) *explore.World {
	s.threads.Watchdog = watchdog
	return s.Scenario.WorldOn(s.threads, 1, s.Params)
}

func (s *sweep) header(w *explore.World) explore.Header {
	h := explore.Header{Version: revision(), Command: s.command, Scenario: s.Scenario.Name, Checks: w.Checks, Strategy: s.Strategy.String(), From: s.From,
		Seeds: &s.whole, Shard: s.shard}
	for _, kv := range params(s.Scenario, &s.Params) {
		h.Params = append(h.Params, kv[0], kv[1])
	}
	return h
}

// revision says what the program was built from. It leaves out the machine, on which runs
// do not depend.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return buildVersion(info)
	}
	return "(devel)"
}

// sweepGC is how much the heap of a sweep grows between collections, in percent. A run
// needs a few megabytes, so that by the usual 100 the collector would be at work all
// the time: with it and two workers, a seed of concurrent took a quarter more.
const sweepGC = 400

func (s *sweep) do(ctx context.Context) error {
	w := s.world(s.watchdog)
	if s.results.given {
		if s.results.text == standard {
			return refuse("results %s: a sweep reads its results to resume; want the name of a file", quote(standard))
		}
		results, err := explore.OpenResults(s.results.text, s.header(w))
		if err != nil {
			return refuse("results %s: %s", quote(s.results.text), files.Reason(err))
		}
		defer results.Close()
		s.Results = results
	}
	defer debug.SetGCPercent(debug.SetGCPercent(sweepGC))
	p := &sweepProgress{meter: newMeter(&s.streams)}
	s.Progress = func(now explore.Progress) {
		p.at(now)
		if s.page.due() {
			s.showProgress(p, now.Report())
		}
	}
	if processes() && (w.Isolation == explore.EachRun || w.Isolation == explore.EachWorker && s.Workers != 1) {
		s.Process, s.Tell = s.starting(s.watchdog.Context, &s.subject), s.complainAll
	}
	r, err := explore.Sweep(ctx, w, s.SweepOptions)
	p.end(p.last.Done-p.last.Known, "seeds")
	var write *explore.WriteError
	if errors.As(err, &write) { // the results so far are printed all the same
		s.lost("results %s: %s; the sweep ends at that seed", quote(s.results.text), files.Reason(write.Err))
	} else if err != nil && !errors.As(err, &s.differs) { // after a difference they are, too
		return s.failed(err)
	}
	s.report = r
	if s.differs != nil {
		s.note = fmt.Sprintf("not deterministic: the sweep ended at seed %d, of which two runs differ", s.differs.Seed)
	}
	if s.page.live() {
		s.showProgress(p, r) // what follows can take a while
	}
	if !r.Complete {
		s.proceed = s.continued()
	}
	if err := s.write(); err != nil {
		return err
	}
	s.writePage()
	s.print(s.asJSON)
	if ctx.Err() != nil && !r.Complete {
		s.complain(fmt.Sprintf("interrupted after %d of %d seeds; continue: %s", r.Seeds, s.To-s.From+1, s.proceed))
		return &exit{code: exitInterrupted}
	}
	if s.differs != nil {
		return s.different(s.differs)
	}
	if err := s.unwritten(); err != nil {
		return err
	}
	return verdictExit(s.conclusion())
}

// different returns how a sweep ends in which two runs of a seed differ.
func (s *sweep) different(err *explore.NotDeterministicError) error {
	s.complain(err.Error())
	if d := err.Difference; d != nil {
		s.complainOf(d)
		s.complain(s.whereToLook())
	}
	return &exit{code: exitInternal}
}

// failed returns how a sweep without a report ends.
func (s *sweep) failed(err error) error {
	var process *explore.ProcessError
	if errors.As(err, &process) {
		return &exit{exitInternal, err.Error()}
	}
	return refuse("results %s: %s", quote(s.results.text), files.Reason(err))
}

// continued returns the command that runs the remaining seeds. Without results it is a new
// sweep, which does not know the failures so far.
func (s *sweep) continued() string {
	line, stopAfter := s.command, s.StopAfter
	if s.results.given {
		line += fmt.Sprintf(" -seeds %d-%d", s.whole.From, s.whole.To)
		if s.shard != nil {
			line += fmt.Sprintf(" -shard %d/%d", s.shard.Index, s.shard.Of)
		}
	} else {
		line += fmt.Sprintf(" -seeds %d-%d", s.report.Next, s.To)
		if failed := s.report.Violations + s.report.Errors; stopAfter > failed {
			stopAfter -= failed
		}
	}
	if stopAfter > 0 {
		line += fmt.Sprintf(" -stop-after %d", stopAfter)
	}
	if s.dir != "" {
		line += " -out " + wording.Shell(s.dir)
	}
	if s.page != nil {
		line += " -report " + wording.Shell(s.page.text)
	}
	line += strictly(s.strict)
	if s.results.given {
		line += " -results " + wording.Shell(s.results.text)
	}
	return line
}
