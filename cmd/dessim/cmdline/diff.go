package cmdline

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/check"
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
	return f.command("diff", "shows where two runs differ first", diffUsage, func(ctx context.Context, args []string) error {
		a, b, err := t.sides(ctx, f, args)
		if err != nil {
			return err
		}
		return t.diff(a, b)
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
		if p.Name != "events" && f.find(p.Name).given {
			return refuse("-%s without -scenario: the parameters are those of the file; give both, or neither", p.Name)
		}
	}
	return nil
}

// diff makes both runs and shows where they differ.
func (t *tool) diff(a, b side) error {
	one, err := a.run()
	if err != nil {
		return err
	}
	two, err := b.run()
	if err != nil {
		return err
	}
	line := 0
	for line < min(len(one.lines), len(two.lines)) && one.lines[line].hash == two.lines[line].hash {
		line++
	}
	runs := "A  " + one.text(a.name()) + "B  " + two.text(b.name())
	switch same := line == len(one.lines) && line == len(two.lines); {
	case same && one.came == two.came && one.fails == two.fails:
		fmt.Fprintf(&t.out, "%s: every event\n%s", t.paint.as(check.Pass, "the same"), runs)
		return nil
	case same:
		fmt.Fprintf(&t.out, "%s: every event is the same, the verdicts are not\n%s", t.paint.as(check.Violation, "differ"), runs)
		t.files(a, b)
	default:
		if err := t.differ(a, b, one, two, line, runs); err != nil {
			return err
		}
	}
	return &exit{code: exitViolation}
}

// text says of which side the run is and what it came to.
func (o *outcome) text(name string) string {
	text := plain(name+": "+o.came) + "\n"
	if o.fails != "" {
		text += "   " + plain(o.fails) + "\n"
	}
	return text
}

// differ shows the first line of two traces that differs.
func (t *tool) differ(a, b side, one, two *outcome, line int, runs string) error {
	step := min(one.stepOf(line), two.stepOf(line))
	x, err := a.look(line, step)
	if err != nil {
		return err
	}
	y, err := b.look(line, step)
	if err != nil {
		return err
	}
	fmt.Fprintf(&t.out, "%s: from step %d on, after %s that both have\n%s\n", t.paint.as(check.Violation, "differ"), step, wording.Count(max(step, 1)-1, "step"), runs)
	for _, same := range x.before {
		fmt.Fprintf(&t.out, "   %s\n", plain(same))
	}
	t.pair(x.words, y.words)
	if x.words == y.words {
		fmt.Fprintln(&t.out, "which has other bytes:")
		t.pair(x.exact, y.exact)
	}
	t.files(a, b)
	t.states(x, y, step)
	return nil
}

// files shows how two replay files differ, if there are two.
func (t *tool) files(a, b side) {
	for i, line := range inTheFiles(a, b) {
		if i == 0 {
			fmt.Fprintf(&t.out, "\nin the files:\n")
		}
		fmt.Fprintf(&t.out, "%s\n", plain(line))
	}
}

// pair shows a line of each run. One that has ended has none.
func (t *tool) pair(x, y string) {
	for i, line := range []string{x, y} {
		if line == "" {
			line = "(nothing more)"
		}
		fmt.Fprintf(&t.out, "%s  %s\n", "AB"[i:i+1], plain(line))
	}
}

// states shows how the nodes of the event that differs do, after its step.
func (t *tool) states(x, y *sight, step uint64) {
	for _, id := range nodesIn(x.exact, y.exact) {
		before, now := x.states[id], y.states[id]
		switch {
		case before == nil || now == nil:
			continue // a run that broke there
		case slices.Equal(before, now):
			fmt.Fprintf(&t.out, "\nnode %s after step %d: the same in both\n", id, step)
			continue
		}
		lines := lineDiff(before, now)
		fmt.Fprintf(&t.out, "\nnode %s after step %d: - in A, + in B\n", id, step)
		for _, line := range outline(lines) {
			fmt.Fprintf(&t.out, "%s\n", line)
		}
	}
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
