package cmdline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/files"
	"dessim/sim/report"
	"dessim/sim/wording"
)

const shrinkUsage = `dessim shrink FILE [flags]
dessim shrink -scenario NAME -seed N [flags]

Removes from a run that fails what the failure does not need: nodes, inputs, faults,
losses and copies, other answers, delays. The same check keeps failing. What is left
is written as a replay file, and described. The result depends on the run and on -runs
alone. An interrupted shrink writes the smallest run so far.`

// shrinkCommand is dessim shrink. A file needs none of the parameters' flags.
func (t *tool) shrinkCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.add("o", "FILE", "write the smaller replay file here; the default name derives from the input")
	f.add("runs", strconv.Itoa(explore.DefaultRuns), "stop after this many runs")
	f.add("j", strconv.Itoa(runtime.NumCPU()), "runs at a time; it changes no result")
	f.add("json", "", "print one JSON object")
	f.add("report", "FILE.html", "write a page that shows the smaller run, and the run before; - is stdout")
	return f.command("shrink", "reduces a run that fails", shrinkUsage, func(ctx context.Context, args []string) error {
		k := &shrinking{tool: t, ctx: ctx, json: f.find("json").on()}
		if err := k.read(f, args); err != nil {
			return err
		}
		if err := k.open(f); err != nil {
			return err
		}
		defer k.file.discard()
		defer k.page.discardPage()
		return k.do()
	})
}

// shrinking is one invocation of dessim shrink.
type shrinking struct {
	*tool
	subject
	ctx     context.Context
	json    bool
	options explore.ShrinkOptions
	world   *explore.World
	trial   *explore.Trial
	from    string  // the replay file, or ""
	replay  *replay // what it says, or nil
	file    *output
	page    *page
}

// read reads what to shrink, and how.
func (k *shrinking) read(f *flags, args []string) (err error) {
	if k.options.Runs, err = count(f.find("runs"), explore.DefaultRuns, 10_000_000); err != nil {
		return err
	}
	if k.options.Workers, err = count(f.find("j"), runtime.NumCPU(), 1024); err != nil {
		return err
	}
	if len(args) == 0 {
		if k.subject, err = f.subject(); err != nil {
			return err
		}
		k.world, k.ctx = k.isolated(k.ctx, k.tool.world(k.watchdog, &k.subject), &k.subject)
		return nil
	}
	if err := onlyOne("shrink", "file", args[1:]); err != nil {
		return err
	}
	for _, x := range f.all {
		if x.given && !slices.Contains([]string{"o", "runs", "j", "json", "report"}, x.name) {
			return refuse("-%s: the file says what to run; use one or the other", x.name)
		}
	}
	if k.subject, k.replay, err = k.readReplay(args[0]); err != nil {
		return err
	}
	k.from = args[0]
	k.world, k.ctx = k.isolated(k.ctx, k.tool.world(k.watchdog, &k.subject), &k.subject)
	return nil
}

// open prepares the files that will hold the result.
func (k *shrinking) open(f *flags) (err error) {
	out := f.find("o")
	outputs := k.outputs(k.replay)
	defer func() {
		if err == nil {
			if k.page, err = outputs.openPage(f.find("report"), &k.subject); err != nil {
				k.file.discard()
			}
		}
	}()
	if out.given {
		k.file, err = outputs.open(out)
		return err
	}
	name := files.Name(fmt.Sprintf("-%d.min.replay", k.Seed), "dessim", k.Scenario.Name)
	if k.from != "" {
		const most = 200 // bytes, of a name that the system took
		name = files.Shorten(strings.TrimSuffix(filepath.Base(k.from), ".replay"), most) + ".min.replay"
	}
	if k.file, err = outputs.openReplay(name); err != nil {
		return refuse("%v", strings.Replace(err.Error(), "-record", "-o", 1))
	}
	k.file.flag = "o"
	return nil
}

// load makes the run once and finds what it is made of.
func (k *shrinking) load() error {
	if k.replay != nil && !k.replay.Drawn() {
		k.trial = k.replay.Trial()
		return nil
	}
	// The faults are answers still: they are drawn.
	var answers protocol.Source
	if k.replay != nil {
		answers = k.replay.source()
	}
	var o explore.Outcome
	switch o, k.trial = k.world.Seed(k.Seed, answers, true); {
	case o.Interrupted():
		return cmp.Or(broke(k.ctx), interruptedEarly())
	case !o.Failed():
		return k.passes(o.Verdict)
	}
	return nil
}

func (k *shrinking) passes(v check.Verdict) error {
	return refuse("the run does not fail, its verdict is %s: there is nothing to shrink", v)
}

func (k *shrinking) do() error {
	if err := k.load(); err != nil {
		return err
	}
	out, err := explore.Shrink(k.ctx, k.world, k.trial, k.options)
	interrupted := k.ctx.Err() != nil && errors.Is(err, k.ctx.Err())
	switch {
	case broke(k.ctx) != nil:
		return broke(k.ctx)
	case errors.Is(err, explore.ErrPasses):
		return k.passes(out.Was.Verdict)
	case interrupted && out.After == out.Before:
		return interruptedEarly()
	case err != nil && !interrupted:
		return &exit{exitInternal, err.Error()}
	}
	if interrupted { // the world makes no more runs
		k.world, _ = k.apart(k.late(), &k.subject)
		if out.Is = k.world.Try(out.After); out.Is.Interrupted() {
			return interruptedEarly()
		}
	}
	x := &recording{subject: k.subject, command: "shrunk: " + k.command(), trial: out.After, verdict: out.Is.Judgement(), digest: out.Is.Digest}
	path := x.write(k.file)
	told := k.tell(&out, k.late())
	reported := k.show(&out, told.lines(), path)
	if k.json {
		k.object(&out, told, path, reported)
	} else {
		k.text(&out, told, path, reported)
	}
	if interrupted {
		line := "interrupted after " + wording.Count(out.Runs, "run")
		if path != "" {
			line += fmt.Sprintf("; continue: %s shrink %s", k.Name, wording.Shell(path))
		}
		k.complain(line)
		return &exit{code: exitInterrupted}
	}
	return nil
}

// show writes the page of the smaller run and the run before, if it is wanted, and returns its
// path, or "".
func (k *shrinking) show(out *explore.Shrunk, lines []string, path string) string {
	if k.page == nil {
		return ""
	}
	before := k.reproduce()
	if k.from != "" {
		before = k.replayLine(k.from)
	}
	after, ok := report.OfTrial(k.Subject, out.After, k.late(), report.About{Label: "shrunk", Command: cmp.Or(k.replayLine(path), before), Story: lines})
	if ok {
		k.stray("-report", after.Digest, out.Is.Digest.String())
		k.page.runs = append(k.page.runs, after)
		after, ok = report.OfTrial(k.Subject, out.Before, k.late(), report.About{Label: "before shrinking", Command: before})
	}
	if !ok {
		k.complain("interrupted: -report wrote nothing")
		return ""
	}
	k.stray("-report", after.Digest, out.Was.Digest.String())
	k.page.runs = append(k.page.runs, after)
	return k.page.write()
}

// command returns the command that repeats this.
func (k *shrinking) command() string {
	if k.from != "" {
		return k.Name + " shrink " + wording.Shell(k.from)
	}
	return strings.Replace(k.reproduce(), " run ", " shrink ", 1)
}

// size counts what a trial is made of.
type size struct {
	Nodes   int `json:"nodes"`
	Inputs  int `json:"inputs"`
	Faults  int `json:"faults"`
	Answers int `json:"answers"`
}

func (k *shrinking) size(t *explore.Trial) size {
	s := size{t.Nodes, len(k.world.Inputs) - len(t.Without), 0, len(t.Answers)}
	for i := range t.Faults {
		if t.Faults[i].Op != fault.Heal {
			s.Faults++
		}
	}
	return s
}

func (k *shrinking) object(out *explore.Shrunk, told *telling, path, reported string) {
	writeJSON(&k.out, ordered{
		{"scenario", k.Scenario.Name}, {"seed", fmt.Sprint(k.Seed)}, {"check", out.Check},
		{"before", k.size(out.Before)}, {"after", k.size(out.After)}, {"runs", out.Runs},
		{"minimal", out.Minimal}, {"certificate", out.Certificate()},
		{"faults", faultWords(out.After.Faults)}, {"answers", told.answers(out)},
		{"story", told.lines()},
	}.with("warning", out.Warning()).with("replay", k.replayLine(path)).with("report", reported))
}

// mostAnswers is how many answers are printed; the file has all.
const mostAnswers = 12

func (k *shrinking) text(out *explore.Shrunk, told *telling, path, reported string) {
	b := &k.out
	fmt.Fprintf(b, "shrunk: scenario %s, seed %d, in %s; %s\n", k.Scenario.Name, k.Seed, wording.Count(out.Runs, "run"), k.setting())
	fmt.Fprintf(b, "the check that fails: %s\n\n", plain(out.Check))
	t := table{head: []string{"", "before", "after"}, right: []int{1, 2}}
	before, after := k.size(out.Before), k.size(out.After)
	for _, row := range []struct {
		name string
		a, b int
	}{{"nodes", before.Nodes, after.Nodes}, {"inputs", before.Inputs, after.Inputs}, {"faults", before.Faults, after.Faults}, {"answers", before.Answers, after.Answers}} {
		t.add(row.name, strconv.Itoa(row.a), strconv.Itoa(row.b))
	}
	t.write(b)
	fmt.Fprintf(b, "\n%s\n", out.Certificate())
	if warning := out.Warning(); warning != "" {
		fmt.Fprintf(b, "%s\n", plain(warning))
	}
	for i, line := range faultWords(out.After.Faults) {
		if c := out.Is.Violated(); out.After.Faults[i].Op == fault.Heal && c.Step > 0 && out.After.Faults[i].At > c.At {
			continue // the run ends before
		}
		fmt.Fprintf(b, "  fault   %s\n", line)
	}
	answers := told.answers(out)
	for i, line := range answers {
		if i == mostAnswers {
			fmt.Fprintf(b, "  answers %d more\n", len(answers)-mostAnswers)
			break
		}
		fmt.Fprintf(b, "  answer  %s\n", line)
	}
	fmt.Fprintln(b)
	k.number(told.lines())
	var l lines
	if line := k.replayLine(path); line != "" {
		l.add("replay", "%s", line)
	}
	if reported != "" && reported != standard {
		l.add("report", "%s", plain(reported))
	}
	l.write(b)
}

func faultWords(faults []fault.Fault) []string {
	out := []string{}
	for _, f := range faults {
		out = append(out, fmt.Sprintf("%d: %v", f.ID, f))
	}
	return out
}
