package cmdline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/wording"
)

const exploreUsage = `dessim explore -scenario NAME [flags]

Makes a run in which all is benign: no message is lost or late, nothing crashes. Then it
adds one misfortune at each place: before each step that does something, and after each
lasting effect (a message sent, an output, records written or synced). -kinds names those
that are tried; the default is all:

%s
Places lie between the first input and the last answer of the clients, and as long again;
in a scenario without clients, in the whole run. A misfortune with the same effect as another
is skipped. -depth 2 adds a second one to each run that did not fail: first those that hit a
consequence of the first misfortune, or the same nodes. In ordinary Go programs, there are
also places before each operation of a goroutine on a channel or lock.

-runs bounds the search. If there are more places, they are spread over the run and over
what nodes do there, and the table says how many were left untried. The first failure is
shrunk and written as a replay file. -seed salts identities; nothing else depends on it.

-search all makes all runs of a scenario that offers a small world: each message takes
one of a few delays, or is received in any order, and crashes come where the scenario
says. The output names the delays for which these are all runs.`

// exploreHelp returns the usage with the kinds of misfortunes.
func exploreHelp() string {
	var b strings.Builder
	for _, k := range explore.MisfortuneKinds() {
		fmt.Fprintf(&b, "    %-9s %s\n", k.Name, k.Means)
	}
	return fmt.Sprintf(exploreUsage, b.String())
}

// Defaults and limits of dessim explore.
const (
	byMisfortunes  = "misfortunes"
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
	f.add("search", byMisfortunes, "what is tried: misfortunes, or all runs")
	f.add("kinds", "crash,lose", "the misfortunes that are tried; the default is all")
	f.add("depth", "1", "most misfortunes in a run")
	f.add("down", "2ms,200ms", "how long nodes stay down, and the longest is how long else something lasts; the default is 2 and 200 times the longest delay")
	f.add("delays", "2", "of all runs: how many delays each message is tried with; the default is the scenario's")
	f.add("most", "1", "of all runs: most faults and losses in a run; the default is the scenario's")
	f.add("runs", strconv.Itoa(defaultExplore), "stop after this many runs; a pass is then inconclusive")
	f.add("failures", "1", "stop after this many runs that fail; the default is not to")
	f.add("j", strconv.Itoa(runtime.NumCPU()), "runs at a time; it changes no result")
	f.add("record", "FILE", "write the replay file of a failure here; the default name has the scenario")
	f.add("json", "", "print one JSON object")
	return f.command("explore", "tries one misfortune at each place", exploreHelp(), func(ctx context.Context, args []string) error {
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
	explore.Misfortunes
	json bool
	line string // repeats it
	file *output
	path string // of the replay file, once there is one

	found  explore.MisfortuneResult
	shrunk *explore.Shrunk // the first failure; nil if there was none, or no time
}

// readSearch reads the flags, and returns what makes all runs, if that is asked for.
func (x *exploring) readSearch(f *flags) (*exhausting, error) {
	search := f.find("search")
	kind := byMisfortunes
	if search.given {
		kind = search.text
	}
	of := map[string][]string{byMisfortunes: {"delays", "most"}, "all": {"kinds", "depth", "down", "failures", "j"}}
	others, known := of[kind]
	if !known {
		return nil, refuse("search %s; %s", quote(kind), didYouMean(kind, "", []string{byMisfortunes, "all"}))
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
				return refuse("-%s: explore tries every misfortune and draws nothing; leave it out", p.Name)
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
	x.Misfortunes = *x.Scenario.Misfortunes(x.watchdog, x.Seed, x.Params)
	if err := x.readKinds(f.find("kinds")); err != nil {
		return err
	}
	if x.Depth, err = count(f.find("depth"), 1, mostDepth); err != nil {
		return err
	}
	if x.Runs, err = count(f.find("runs"), defaultExplore, mostExplored); err != nil {
		return err
	}
	if x.Failures, err = count(f.find("failures"), 0, mostExplored); err != nil {
		return err
	}
	if x.Workers, err = count(f.find("j"), runtime.NumCPU(), mostAtOnce); err != nil {
		return err
	}
	return x.readDowns(f.find("down"))
}

func (x *exploring) readKinds(kinds *flag) error {
	if !kinds.given {
		return nil
	}
	var all []string
	for _, k := range explore.MisfortuneKinds() {
		all = append(all, k.Name)
	}
	for word := range strings.SplitSeq(kinds.text, ",") {
		if !slices.Contains(all, word) {
			return refuse("kinds %s; %s", quote(word), didYouMean(word, "", all))
		}
		x.Kinds = append(x.Kinds, word)
	}
	return nil
}

func (x *exploring) readDowns(down *flag) error {
	if !down.given {
		return nil
	}
	x.Downs = nil
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
	p := newExploreProgress(&x.streams)
	x.Tell = p.at
	var err error
	var alive context.Context // while its processes do what they are to do
	x.World, alive = x.isolated(ctx, x.World, &x.subject)
	x.found, err = x.Search(alive)
	p.close()
	switch {
	case broke(alive) != nil:
		return broke(alive)
	case errors.Is(err, explore.ErrEnded):
		return refuse("scenario %s: -events %d ended the run without misfortunes, so explore cannot tell its places; want more events", x.Scenario.Name, x.Params.Events)
	case err != nil:
		return &exit{exitInternal, err.Error()}
	case x.found.Runs == 0 && ctx.Err() != nil:
		return interruptedEarly()
	}
	first := x.shrink(alive)
	return x.conclude(ctx, x, first, x.found.Runs, x.found.Complete)
}

// shrink returns the first failure, as small as it can be made.
func (x *exploring) shrink(ctx context.Context) *explore.FailedRun {
	first := x.found.First
	if first == nil || ctx.Err() != nil {
		return first
	}
	s, err := explore.Shrink(ctx, x.World, first.Trial, explore.ShrinkOptions{Runs: explore.DefaultRuns, Workers: x.Workers})
	if err != nil || s.Is.Interrupted() {
		return first
	}
	x.shrunk = &s
	return &explore.FailedRun{Trial: s.After, Outcome: s.Is}
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
