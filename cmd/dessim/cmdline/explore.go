package cmdline

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/wording"
)

const exploreUsage = `dessim explore -scenario NAME [flags]

Makes all runs of a small workload in which one node crashes: each node, before each
step that does something and after each of its effects, from the first input until
the client has its answers, and as long again. Each crash comes with a short and a
long time down, and with each number of unsynced records that can survive it. All
else is benign: no message is lost, late or copied. A crash with the same outcome as
another is skipped. -depth 2 adds a second crash, at every point, to each run that did
not fail. -seed salts identities; nothing else depends on it.

-search all makes all runs of a scenario that offers a small world: each message takes
one of a few delays, or is received in any order, and crashes come where the scenario
says. All means all for these delays: what is printed says for which.`

// Defaults and limits of dessim explore.
const (
	shortDown      = 2 // longest delays
	longDown       = 200
	defaultExplore = 20_000 // runs
	mostDepth      = 3
	mostExplored   = 100_000_000
	mostAtOnce     = 1024
)

func (t *tool) exploreCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	for _, s := range t.Scenarios {
		for _, x := range s.Params() {
			if x.Chance {
				f.find(x.Name).hidden = true // readSubject refuses it: nothing is drawn
			}
		}
		for name, text := range s.SmallWorkload() {
			f.find(name).sample = text
		}
	}
	if x := f.find("adversary"); x != nil {
		x.hidden = true
	}
	f.add("search", "crashes", "what is tried: crashes, or all runs")
	f.add("depth", "1", "most crashes in a run")
	f.add("down", "2ms,200ms", "how long nodes stay down; the default is 2 and 200 times the longest delay")
	f.add("delays", "2", "of all runs: how many delays each message is tried with; the default is the scenario's")
	f.add("most", "1", "of all runs: most faults and losses in a run; the default is the scenario's")
	f.add("runs", strconv.Itoa(defaultExplore), "stop after this many runs; a pass is then inconclusive")
	f.add("j", strconv.Itoa(runtime.NumCPU()), "runs at a time; it changes no result")
	f.add("record", "FILE", "write the replay file of a failure here; the default name has the scenario")
	f.add("json", "", "print one JSON object")
	return f.command("explore", "tries every crash in a small workload", exploreUsage, func(ctx context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		x := &exploring{tool: t, json: f.find("json").on()}
		all, err := x.readSearch(f)
		if err != nil {
			return err
		}
		if out := f.find("record"); out.given {
			var err error
			if x.file, err = t.outputs(nil).open(out); err != nil {
				return err
			}
		}
		defer func() { x.file.discard() }()
		if all != nil {
			return all.do(ctx)
		}
		return x.do(ctx)
	})
}

// exploring is one invocation of dessim explore.
type exploring struct {
	*tool
	subject
	explore.Crashes
	json bool
	line string // repeats it
	file *output
	path string // of the replay file, once there is one

	found explore.Crashed
}

// readSearch reads the flags, and returns what makes all runs, if that is asked for.
func (x *exploring) readSearch(f *flags) (*exhausting, error) {
	search := f.find("search")
	kind := "crashes"
	if search.given {
		kind = search.text
	}
	of := map[string][]string{"crashes": {"delays", "most"}, "all": {"depth", "down", "j"}}
	others, known := of[kind]
	if !known {
		return nil, refuse("search %s; %s", quote(kind), didYouMean(kind, "", []string{"crashes", "all"}))
	}
	for _, name := range others {
		if f.find(name).given {
			return nil, refuse("-%s means nothing to -search %s; leave it out", name, kind)
		}
	}
	if err := x.readSubject(f); err != nil {
		return nil, err
	}
	x.line = x.command(f)
	if kind == "all" {
		all := &exhausting{exploring: x}
		return all, all.read(f)
	}
	return nil, x.read(f)
}

// readSubject reads what is run, for which nothing is drawn.
func (x *exploring) readSubject(f *flags) (err error) {
	if s := x.find(f.find("scenario").text); s != nil {
		for _, p := range s.Params() {
			if y := f.find(p.Name); y != nil && y.given && (p.Chance || y.hidden) {
				return refuse("-%s: explore tries every crash and draws nothing; leave it out", p.Name)
			}
		}
		for name, text := range s.SmallWorkload() {
			if y := f.find(name); !y.given {
				y.given, y.text = true, text
			}
		}
	}
	x.subject, err = f.subject()
	return err
}

func (x *exploring) read(f *flags) (err error) {
	if !x.Params.Failing() {
		x.Params.Faults = "crash" // or nodes would not keep what they need to restart
		if err := x.validate(); err != nil {
			return err
		}
	}
	if x.Depth, err = count(f.find("depth"), 1, mostDepth); err != nil {
		return err
	}
	if x.Runs, err = count(f.find("runs"), defaultExplore, mostExplored); err != nil {
		return err
	}
	if x.Workers, err = count(f.find("j"), runtime.NumCPU(), mostAtOnce); err != nil {
		return err
	}
	x.World = x.Scenario.WorldUnder(x.watchdog, x.Seed, x.Params)
	x.Trial, x.Nodes = &explore.Trial{Nodes: x.Params.Nodes}, x.Params.Nodes
	return x.readDowns(f.find("down"))
}

func (x *exploring) readDowns(down *flag) error {
	if !down.given {
		delay := x.Params.Delay + x.Params.Jitter
		x.Downs = []time.Duration{shortDown * delay, longDown * delay}
		return nil
	}
	for word := range strings.SplitSeq(down.text, ",") {
		d, err := time.ParseDuration(word)
		if err != nil || d < 1 || d > time.Duration(protocol.MaxTime) || slices.Contains(x.Downs, d) {
			return refuse("down %s: want different durations with units, such as 2ms,200ms, of at most %v", quote(down.text), time.Duration(protocol.MaxTime))
		}
		x.Downs = append(x.Downs, d)
	}
	return nil
}

// command returns the line that repeats the search.
func (x *exploring) command(f *flags) string {
	line := x.Name + " explore -scenario " + x.Scenario.Name
	for _, y := range f.all {
		if y.given && !slices.Contains([]string{"scenario", "j", "json", "record"}, y.name) {
			line += " -" + y.name + " " + wording.Shell(y.text)
		}
	}
	return line
}

func (x *exploring) do(ctx context.Context) error {
	w := &workload{clients: protocol.NodeID(x.Params.Nodes)}
	calm := x.World.Try(x.Trial, w)
	switch {
	case calm.Interrupted():
		return interruptedEarly()
	case calm.Failed(): // the search begins with this run, and ends with it
	case calm.Sim.Reason == sim.Bounded && w.to == 0:
		return refuse("scenario %s: -events %d ended the run before a client had an answer, so explore cannot tell when to crash nodes; want more events", x.Scenario.Name, x.Params.Events)
	case !w.asked:
		return refuse("scenario %s: there is no input, so explore cannot tell when to crash nodes; want a larger workload, or a later -until", x.Scenario.Name)
	case w.to == 0:
		return refuse("scenario %s: no client has an answer by %v, so explore cannot tell when to crash nodes; want a later -until, or a scenario whose clients output their answers", x.Scenario.Name, x.Params.Until)
	}
	x.From, x.To = w.from, w.to+w.to-w.from
	p := newExploreProgress(&x.streams)
	x.Tell = p.at
	var err error
	x.found, err = x.Search(ctx)
	p.close()
	if err != nil {
		return &exit{exitInternal, err.Error()}
	}
	return x.conclude(ctx, x, x.found.First, x.found.Runs, x.found.Complete)
}

// searched is what a search prints, and its verdict.
type searched interface {
	object()
	text()
	verdict() check.Verdict
}

// conclude writes the first failure, if there is one, and prints the result.
func (x *exploring) conclude(ctx context.Context, r searched, first *explore.FailedRun, runs int, complete bool) error {
	interrupted := ctx.Err() != nil && !complete
	if first != nil {
		x.save(first, r.verdict())
	}
	if x.json {
		r.object()
	} else {
		r.text()
	}
	if interrupted {
		x.complain(fmt.Sprintf("interrupted after %s, before the last", wording.Count(runs, "run")))
		return &exit{code: exitInterrupted}
	}
	return verdictExit(r.verdict())
}

// verdict is a pass if all runs, and the one without crashes, were made and passed.
func (x *exploring) verdict() check.Verdict {
	switch first := x.found.First; {
	case first != nil:
		return first.Outcome.Judgement()
	case !x.found.Complete || x.found.Inconclusive > 0:
		return check.Inconclusive
	}
	return check.Pass
}

// save writes the replay file of the first failure.
func (x *exploring) save(first *explore.FailedRun, verdict check.Verdict) {
	if x.file == nil {
		var err error
		if x.file, err = x.outputs(nil).openReplay(files.Name("-explored.replay", "dessim", x.Scenario.Name)); err != nil {
			x.lost("%v", err)
			return
		}
	}
	r := recording{subject: x.subject, command: x.line, trial: first.Trial, verdict: verdict, digest: first.Outcome.Digest}
	x.path = r.write(x.file)
}

// workload is an observer that finds when the workload begins and has its answers.
type workload struct {
	clients  protocol.NodeID // the first of the clients
	asked    bool
	from, to protocol.Time
}

func (w *workload) Watch() sim.What { return sim.Received | sim.Output }

func (w *workload) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Output && e.Node >= w.clients:
		w.to = e.At
	case e.What == sim.Received && e.Peer == protocol.Outside && !w.asked:
		w.asked, w.from = true, e.At
	}
}
