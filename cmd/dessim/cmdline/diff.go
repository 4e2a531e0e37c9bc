package cmdline

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/wording"
)

const diffUsage = `dessim diff A B
dessim diff A -seed N [-scenario NAME ...]
dessim diff -seed N -seed M -scenario NAME [flags]
dessim diff A -other PROGRAM

Makes two runs, and shows the first event in which they differ and the states of its nodes
there. A and B are replay files. With a file and a seed but no scenario, the seed runs with
the parameters of the file. -other replays the file with another build of this program.
The exit code is 0 if every event is the same, and so is the verdict; 1 if not.`

func (t *tool) diffCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.find("seed").many = true
	f.add("other", "PROGRAM", "compare with the replay of the file by another build of this program")
	f.add("json", "", "print one JSON object: same, a and b (run, verdict, events, digest, fails, event, exact), files, and if an event differs step, before, states")
	return f.command("diff", "shows where two runs differ first", diffUsage, func(ctx context.Context, args []string) error {
		a, b, err := t.sides(ctx, f, args)
		if err != nil {
			return err
		}
		return t.diff(a, b, f.find("json").on())
	})
}

// sides returns the two runs that the command line names.
func (t *tool) sides(ctx context.Context, f *flags, args []string) (a, b side, err error) {
	var jobs []*job
	for _, path := range args {
		s, x, err := t.readReplay(path)
		if err != nil {
			return nil, nil, err
		}
		if _, err := s.bounded(f.find("events"), ""); err != nil {
			return nil, nil, err
		}
		jobs = append(jobs, &job{tool: t, ctx: ctx, subject: s, replay: x, cut: x.Cut()})
	}
	seeds, err := t.seedsOf(f, jobs)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range seeds {
		jobs = append(jobs, &job{tool: t, ctx: ctx, subject: s})
	}
	other := f.find("other")
	switch {
	case other.given && (len(args) != 1 || len(seeds) > 0):
		return nil, nil, refuse("-other replays one file, and no seed: %s diff FILE -other PROGRAM", t.Name)
	case other.given:
		exe, err := programAt(other.text)
		if err != nil {
			return nil, nil, refuse("other %s: %s; want a program", quote(other.text), files.Reason(err))
		}
		return here{jobs[0]}, there{jobs[0], exe}, nil
	case len(jobs) != 2:
		return nil, nil, refuse("%s; diff compares two: files, seeds by -seed, or a file and -other", wording.Count(len(jobs), "run"))
	}
	if exe, err := executable("diff"); err == nil && jobs[0].alone() && jobs[1].alone() {
		return apart{there{jobs[0], exe}}, apart{there{jobs[1], exe}}, nil
	}
	return here{jobs[0]}, here{jobs[1]}, nil
}

// programAt returns the absolute path of a program: by a name alone, another would be found.
func programAt(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	_, err = exec.LookPath(path)
	if wrong := (*exec.Error)(nil); errors.As(err, &wrong) {
		err = wrong.Err
	}
	return path, err
}

// seedsOf reads the seeds of -seed. Without -scenario they run with the parameters of the file.
func (t *tool) seedsOf(f *flags, filed []*job) (seeds []subject, err error) {
	var s subject
	x := f.find("seed")
	if named := f.find("scenario").given; named || x.given && len(filed) == 0 {
		s, err = f.subject()
	} else if err = t.withoutScenario(f); x.given {
		s = filed[0].subject
	}
	if err != nil || s.Scenario == nil {
		return nil, err
	}
	all := "1"
	if x.given {
		all = x.text
	}
	for text := range strings.SplitSeq(all, "; ") {
		if s.Seed, err = source.ParseSeed(text); err != nil {
			return nil, refuse("%v", err)
		}
		seeds = append(seeds, s)
	}
	return seeds, nil
}

// withoutScenario refuses parameters where no scenario takes them.
func (t *tool) withoutScenario(f *flags) error {
	for _, p := range scenario.AllParams(t.Scenarios) {
		if x := f.find(p.Name); x != nil && x.given && p.Name != "events" {
			return refuse("-%s without -scenario: the parameters are those of the file; give both, or neither", p.Name)
		}
	}
	return nil
}

// difference is what two runs differ in.
type difference struct {
	*tool
	a, b     side
	one, two *outcome
	events   bool   // some event differs
	step     uint64 // of the first such event
	x, y     *sight // what there is to see there
}

// diff makes both runs and shows where they differ.
func (t *tool) diff(a, b side, asJSON bool) error {
	d := &difference{tool: t, a: a, b: b}
	if err := d.find(); err != nil {
		return err
	}
	if asJSON {
		d.object()
	} else {
		d.text()
	}
	if d.same() {
		return nil
	}
	return &exit{code: exitViolation}
}

// find makes the runs, and makes them again up to the first event that differs.
func (d *difference) find() (err error) {
	if d.one, err = d.a.run(); err != nil {
		return err
	}
	if d.two, err = d.b.run(); err != nil {
		return err
	}
	one, two, line := d.one.lines, d.two.lines, 0
	for line < min(len(one), len(two)) && one[line].hash == two[line].hash {
		line++
	}
	if d.events = line < max(len(one), len(two)); !d.events {
		return nil
	}
	d.step = min(d.one.stepOf(line), d.two.stepOf(line))
	if d.x, err = d.a.look(line, d.step); err != nil {
		return err
	}
	d.y, err = d.b.look(line, d.step)
	return err
}

func (d *difference) same() bool { return !d.events && d.one.came == d.two.came }

// nodeDiff is how the states of a node differ.
type nodeDiff struct {
	id    string
	lines []string // marked; none: they are the same
}

// states compares the nodes of the event that differs, after its step.
func (d *difference) states() (all []nodeDiff) {
	if !d.events {
		return nil
	}
	for _, id := range nodesIn(d.x.exact, d.y.exact) {
		one, two := d.x.states[id], d.y.states[id]
		if one != nil && two != nil { // a run that broke there has none
			all = append(all, nodeDiff{id, outline(lineDiff(one, two))})
		}
	}
	return all
}

// nodesIn returns the nodes at the ends of the events in lines of traces.
func nodesIn(lines ...string) (ids []string) {
	for _, line := range lines {
		columns := strings.Fields(line)
		if len(columns) < 4 {
			continue
		}
		for id := range strings.SplitSeq(columns[3], ">") {
			if _, err := strconv.ParseUint(id, 10, 32); err == nil && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
