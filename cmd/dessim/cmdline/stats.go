package cmdline

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/stats"
)

const statsUsage = `dessim stats FILE [flags]
dessim stats -scenario NAME [-seed N] [flags]
dessim stats -scenario NAME -seeds A-B [flags]

Makes a run, or the runs of many seeds, and shows their figures as tables: how long
what the scenario names took, in virtual time, and how many of them had not ended when the
run did; numbers such as hops; messages of each kind; and messages of each node. FILE is
a replay file. Percentiles are good to three digits. Runs that fail or are cut short
count as far as they went. Exit codes are those of run; of several runs, that of the
worst.`

func (t *tool) statsCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.add("seeds", "1-20", "first and last seed, of many runs that are taken together")
	f.add("j", "2", "runs at a time; the default is one for each core")
	f.addThreads()
	f.add("json", "", "print one JSON object: scenario, from, to, params, verdict, runs, passed, virtual_ns, times, numbers, kinds, nodes, reproduce, and failed unless all pass")
	return f.command("stats", "shows the figures of a run, or of many: latencies, hops, messages", statsUsage, func(ctx context.Context, args []string) error {
		x := &figures{job: &job{tool: t, ctx: ctx, json: f.find("json").on()}}
		err := x.read(f, args)
		if err == nil {
			x.threads, err = t.readThreads(f, &x.subject)
		}
		if err != nil {
			return err
		}
		return x.do()
	})
}

// figures is one invocation of dessim stats.
type figures struct {
	*job
	seeds   explore.Span
	many    bool // -seeds is given
	workers int

	report  scenario.Report // of the last run
	runs    uint64
	passed  uint64
	verdict check.Verdict // the worst
	failed  string        // of the first run that did not pass, how it ended and the command that makes it
	stopped bool          // by an interruption
	time    protocol.Time // of all runs
	totals
}

func (x *figures) read(f *flags, args []string) (err error) {
	x.verdict = check.Pass
	if x.workers, err = count(f.find("j"), runtime.GOMAXPROCS(0), mostWorkers); err != nil {
		return err
	}
	if len(args) > 0 || !f.find("seeds").given {
		if err := x.readRun(f, "stats", args); err != nil {
			return err
		}
		x.seeds = explore.Span{From: x.Seed, To: x.Seed}
		return nil
	}
	x.many = true
	if x.seeds, err = readSeeds(f.find("seeds")); err != nil {
		return err
	}
	if f.find("seed").given {
		return refuse("-seed and -seeds: use one or the other")
	}
	if x.subject, err = f.subject(); err != nil {
		return err
	}
	_, rest, _ := strings.Cut(x.reproduce(), " -scenario ")
	x.command = fmt.Sprintf("%s stats -scenario %s -seeds %d-%d", x.Name, rest, x.seeds.From, x.seeds.To)
	return nil
}

// measured is a run with its figures, or what panicked in it.
type measured struct {
	seed   uint64
	report scenario.Report
	meter  *stats.Meter
	broken any
}

// do makes the runs, some at a time, and takes their figures in the order of their seeds.
func (x *figures) do() error {
	stop := make(chan struct{})
	defer close(stop)
	p := newMeter(&x.streams)
	for next := range x.runAll(stop) {
		run := <-next
		if run.broken != nil {
			panic(run.broken)
		}
		r := &run.report
		x.stopped = r.Interrupted()
		if r.Stuck != nil || x.stopped && x.many {
			break // its figures cannot be read, or would not compare
		}
		x.report = run.report
		x.add(&run)
		p.show(int64(x.runs), int64(x.seeds.To-x.seeds.From+1), func(at, total int64) string {
			return fmt.Sprintf("%d of %d seeds ", at, total)
		}, func(int64, int64) string { return "" })
	}
	p.end(x.runs, "runs")
	return x.conclude()
}

// conclude prints what is known, and returns how the command ends.
func (x *figures) conclude() error {
	if x.runs == 0 {
		return interruptedEarly()
	}
	if x.json {
		x.object()
	} else {
		x.text()
	}
	if x.stopped {
		x.complain("interrupted; the figures are of what came before")
		return &exit{code: exitInterrupted}
	}
	return verdictExit(x.verdict)
}

// runAll makes the runs, until stop is closed. What it returns has a channel for each run, in
// the order of the seeds.
func (x *figures) runAll(stop <-chan struct{}) <-chan chan measured {
	all := make(chan chan measured, x.workers-1)
	free := make(chan struct{}, x.workers)
	go func() {
		defer close(all)
		for seed := x.seeds.From; ; seed++ {
			select {
			case <-stop:
				return
			case free <- struct{}{}:
			}
			next := make(chan measured, 1)
			go func() {
				next <- x.measure(seed)
				<-free
			}()
			select {
			case <-stop:
				return
			case all <- next:
			}
			if seed == x.seeds.To {
				return
			}
		}
	}()
	return all
}

// measure makes the run of a seed.
func (x *figures) measure(seed uint64) (out measured) {
	defer func() { out.broken = recover() }()
	out.seed, out.meter = seed, new(stats.Meter)
	o := scenario.Options{Cut: x.cut, Watchdog: x.watchdog, Meter: out.meter, Threads: x.threads.Threads, Fewer: x.threads.Fewer}
	if seed == x.seeds.From {
		o.Forewarn = x.complain // once is enough
	}
	answers := x.answers
	if x.many {
		answers = source.Seed(seed)
	}
	out.report, _ = x.Scenario.Execute(seed, x.Params, answers, o)
	return out
}

// add takes the figures of a run.
func (x *figures) add(run *measured) {
	r := &run.report
	x.runs++
	x.verdict = worse(x.verdict, r.Verdict)
	x.time += r.Sim.End
	x.totals.add(run.meter)
	if r.Verdict == check.Pass {
		x.passed++
	} else if x.failed == "" {
		command := x.command
		if x.many {
			s := x.subject
			s.Seed = run.seed
			command = s.reproduce()
		}
		x.failed = fmt.Sprintf("%s: %s", r.Verdict, command)
	}
}
