package cmdline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/explore"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/story"
	"dessim/sim/wording"
)

const explainUsage = `dessim explain FILE [flags]
dessim explain -scenario NAME -seed N [flags]

Makes a run and tells it in a dozen lines: what led to its first violation, one line
a step; faults, losses and late messages; what the nodes concerned believe then. Of a
run without a violation it gives an outline. FILE is a replay file. A run that was
shrunk is told best. Exit codes are those of run.`

// explainCommand is dessim explain. A file needs none of the parameters' flags.
func (t *tool) explainCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.add("json", "", "print one JSON object: scenario, seed, verdict, story, reproduce")
	return f.command("explain", "tells a run in a dozen lines", explainUsage, func(ctx context.Context, args []string) error {
		j := &job{tool: t, ctx: ctx, json: f.find("json").on()}
		if err := j.readRun(f, "explain", args); err != nil {
			return err
		}
		return j.explain()
	})
}

// readRun reads what to run for a command that takes a file or flags. allowed are flags beyond
// -json and -events that go with a file.
func (j *job) readRun(f *flags, command string, args []string, allowed ...string) (err error) {
	if len(args) == 0 {
		if j.subject, err = f.subject(); err != nil {
			return err
		}
		j.answers, j.command = source.Seed(j.Seed), j.reproduce()
		return nil
	}
	if err := onlyOne(command, "file", args[1:]); err != nil {
		return err
	}
	for _, x := range f.all {
		if x.given && !slices.Contains(append(allowed, "json", "events"), x.name) {
			return refuse("-%s: the file says what to run; use one or the other", x.name)
		}
	}
	if j.subject, j.replay, err = j.readReplay(args[0]); err != nil {
		return err
	}
	j.answers, j.cut = j.replay.answers, j.replay.Cut()
	j.command, err = j.bounded(f.find("events"), j.Name+" replay "+wording.Shell(args[0]))
	return err
}

// explain makes the run, and makes it again to tell it: only then is it known where to look. Of two
// runs that are each to have a process, the first is made in another one.
func (j *job) explain() error {
	r, err := j.first()
	if err != nil {
		return err
	}
	if r.Interrupted() {
		return j.interrupted(&r)
	}
	h := story.Before(j.Scenario, &j.Params, r.Checks, story.About{}, r.Sim.Events)
	again := j.again(h)
	if again.Interrupted() {
		return interruptedEarly()
	}
	j.stray("the story", again.Sim.Digest.String(), r.Sim.Digest.String())
	told := story.Of(h, &again, story.About{}).Lines()
	if j.json {
		writeJSON(&j.out, ordered{
			{"scenario", j.Scenario.Name}, {"seed", fmt.Sprint(j.Seed)}, {"verdict", r.Verdict}, {"story", told}, {"reproduce", j.command},
		})
		return verdictExit(r.Verdict)
	}
	fmt.Fprintf(&j.out, "%s: scenario %s, seed %d\n%s\n\n", j.paint.verdict(r.Verdict), j.Scenario.Name, j.Seed, j.setting())
	j.number(told)
	var figures lines
	figures.add("reproduce", "%s", j.command)
	figures.write(&j.out)
	return verdictExit(r.Verdict)
}

// first makes the run for explain, which needs the checks, the number of events and the digest.
func (j *job) first() (r scenario.Report, err error) {
	if !j.alone() {
		j.warn = j.complain
		return j.execute()
	}
	w, ctx := j.apart(j.watchdog, &j.subject)
	var o explore.Outcome
	switch {
	case j.cut != nil:
		o = w.Try(j.replay.Trial())
	case j.replay != nil:
		o, _ = w.Seed(j.Seed, j.replay.source(), false)
	default:
		o, _ = w.Seed(j.Seed, nil, false)
	}
	if err := broke(ctx); err != nil {
		return r, err
	}
	if o.Interrupted() {
		return r, interruptedEarly()
	}
	return scenario.Report{Scenario: j.Scenario, Seed: j.Seed, Params: j.Params, Verdict: o.Judgement(), Checks: o.Checks, Sim: o.Sim}, nil
}

// setting says with which parameters a run is made: who reads its story knows no flags.
func (s *subject) setting() string {
	return plain(strings.Join(given(s.Scenario, &s.Params), ", "))
}

// number prints the lines of a story.
func (t *tool) number(lines []string) {
	for i, line := range lines {
		fmt.Fprintf(&t.out, "%2d. %s\n", i+1, plain(line))
	}
}

// nearCauses is how much of its story a run that fails prints.
const nearCauses = 3

// causes returns what led most directly to the violation of a run with history h, or nothing.
func causes(h *history.History, r *scenario.Report) []string {
	if h == nil || r.Interrupted() || r.Stuck != nil {
		return nil
	}
	return story.Of(h, r, story.About{}).Causes(nearCauses)
}
