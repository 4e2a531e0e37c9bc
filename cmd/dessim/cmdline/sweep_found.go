package cmdline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/watch"
	"dessim/sim/wording"
)

// found is the report of a sweep, with the replay files of its failures.
type found struct {
	*tool
	subject
	strategy explore.Strategy
	command  string // that swept, without the seeds
	dir      string // where replay files go, or ""
	report   explore.SweepReport
	strict   bool
	proceed  string           // the command that continues, or ""
	note     string           // what else a reader must know, or ""
	workers  int              // runs at a time; 0 is one for each core
	replays  []string         // a file for each group, or "" if it could not be written
	causes   [][]string       // of the failure of each
	trials   []*explore.Trial // what the smallest run of each group is made of; nil if it was interrupted
	page     *sweepPage       // of -report, or nil
	untold   bool             // an interruption left no time to shrink what the page tells
}

// open checks that the folder can be written, before hours are spent.
func (x *found) open(out *flag) error {
	dir := "."
	if out.given {
		x.dir, dir = out.text, out.text
	}
	if dir == standard {
		return refuse("out %s: want the name of a folder", quote(dir))
	}
	err := os.Mkdir(dir, 0o777)
	if err == nil || errors.Is(err, os.ErrExist) {
		err = files.Probe(dir)
	}
	if err != nil {
		return refuse("out %s: %s; want a writable folder whose parent exists", quote(dir), files.Reason(err))
	}
	return nil
}

// write makes the smallest run of each group again, and writes its replay file, as long as
// there is time.
func (x *found) write() error {
	watchdog := x.late()
	w, ctx := x.apart(watchdog, &x.subject)
	for i := range x.report.Groups {
		g := &x.report.Groups[i]
		trial, err := w.Record(x.strategy, g)
		if err != nil {
			return &exit{exitInternal, err.Error()}
		}
		path, led := "", []string(nil)
		if trial != nil {
			if path, led, err = x.writeReplay(watchdog, g, trial); err != nil {
				return err
			}
		} else if err := broke(ctx); err != nil {
			return err
		}
		x.replays, x.causes, x.trials = append(x.replays, path), append(x.causes, led), append(x.trials, trial)
	}
	return nil
}

// replayName names a file after the run, as dessim run does, so that a sweep replaces the
// files of an earlier one.
func (x *found) replayName(seed uint64) string {
	suffix := fmt.Sprintf("-%d.replay", seed)
	if x.strategy != explore.Random {
		suffix = "-" + x.strategy.String() + suffix
	}
	return files.Name(suffix, "dessim", x.Scenario.Name)
}

// writeReplay writes the replay file of a run, by replaying it, and returns its path, and what led
// to the failure. The path is "" if it was interrupted, or if the file cannot be written, which it
// says.
func (x *found) writeReplay(watchdog *watch.Watchdog, g *explore.Group, t *explore.Trial) (path string, led []string, err error) {
	path = filepath.Join(x.dir, x.replayName(g.Smallest.Seed))
	s := x.subject
	s.Seed = g.Smallest.Salt()
	w, ctx := x.apart(watchdog, &s)
	o, commented, led := w.Told(t)
	if o.Interrupted() {
		return "", nil, broke(ctx)
	}
	if got := o.Digest.String(); got != g.Digest {
		return "", nil, &exit{exitInternal, fmt.Sprintf("not deterministic: seed %d has digest %s, its replay %s", g.Smallest.Seed, g.Digest, got)}
	}
	*t = *commented
	record := recording{subject: s, command: x.again(g.Smallest), verdict: o.Judgement(), digest: o.Digest, trial: t}
	file, err := x.outputs(nil).openReplay(path)
	if err != nil {
		x.lost("%v", err)
		return "", led, nil
	}
	return record.write(file), led, nil
}

// again says how to make a run of the sweep again without a file.
func (x *found) again(r explore.SeedRun) string {
	s := x.subject
	s.Seed = r.Salt()
	switch {
	case x.strategy == explore.Random:
		return s.reproduce()
	case len(r.Ancestors) > 0:
		return fmt.Sprintf("seed %d of %s, which depends on the seeds before it", r.Seed, x.command)
	}
	return fmt.Sprintf("%s -seeds %d-%d", x.command, r.Seed, r.Seed)
}

// conclusion returns the verdict.
func (x *found) conclusion() check.Verdict { return x.conclude(&x.report) }

// conclude returns the verdict of a report.
func (x *found) conclude(r *explore.SweepReport) check.Verdict {
	if x.strict {
		return r.Strict()
	}
	return r.Verdict()
}

func (x *found) print(asJSON bool) {
	if asJSON {
		x.printJSON()
	} else {
		x.printText()
	}
}

func (x *found) printJSON() {
	r := &x.report
	var counts []explore.Count
	for _, c := range r.Counts {
		counts = append(counts, c.Count)
	}
	groups := []ordered{}
	for i, g := range r.Groups {
		groups = append(groups, ordered{
			{"check", g.Check}, {"signature", g.Signature}, {"count", g.Count}, {"first_seed", g.First},
		}.with("replay", x.replays[i]))
	}
	doubts := []ordered{}
	for _, d := range r.Doubts {
		doubts = append(doubts, ordered{{"reason", d.Reason}, {"count", d.Count}, {"seeds", d.Seeds}, {"reproduce", x.again(d.First)}})
	}
	o := ordered{
		{"scenario", x.Scenario.Name}, {"params", texts(params(x.Scenario, &x.Params))}, {"strategy", x.strategy.String()}, {"covered", pairs(r.Covered)},
	}.with("note", x.note)
	o = append(o, ordered{
		{"verdict", x.conclusion()}, {"seeds", r.Seeds}, {"passed", r.Passed}, {"violations", r.Violations}, {"inconclusive", r.Inconclusive},
		{"groups", groups}, {"doubts", doubts}, {"unseen", append([]string{}, r.Unseen...)}, {"counts", countObjects(counts)}, {"complete", r.Complete},
	}...)
	o = o.with("continue", x.proceed).with("report", x.page.written())
	o = append(o, field{"not_run", pairs(r.Missing())}, field{"ineffective", append([]string{}, r.Ineffective...)},
		field{"misaddressed", ordered{{"messages", r.Misaddressed.Messages}, {"runs", r.Misaddressed.Runs}}}, field{"errors", r.Errors})
	writeJSON(&x.out, o)
}

// pairs returns spans as arrays of two numbers.
func pairs(spans []explore.Span) [][2]uint64 {
	all := [][2]uint64{}
	for _, s := range spans {
		all = append(all, [2]uint64{s.From, s.To})
	}
	return all
}

func (x *found) printText() {
	r := &x.report
	fmt.Fprintf(&x.out, "%s: sweep of %s, %s", x.paint.verdict(x.conclusion()), x.Scenario.Name, x.spans())
	if x.strategy != explore.Random {
		fmt.Fprintf(&x.out, ", strategy %v", x.strategy)
	}
	fmt.Fprintf(&x.out, "\n%s\n", x.paint.tallied(r.Passed, r.Violations, r.Inconclusive)+x.errors())
	if missing := r.Missing(); len(missing) > 0 {
		fmt.Fprintln(&x.out, notRun(missing))
	}
	if x.note != "" {
		fmt.Fprintln(&x.out, x.note)
	}
	for i, g := range r.Groups {
		line := x.replayLine(x.replays[i])
		if line == "" {
			line = x.again(g.Smallest)
		}
		fmt.Fprintf(&x.out, "\n%s\n%s, the first is %d: %s\n", plain(g.Signature), wording.Count(g.Count, "seed"), g.First, line)
		for _, led := range x.causes[i] {
			fmt.Fprintln(&x.out, plain("  "+led))
		}
		if line := x.shrinkLine(x.replays[i]); line != "" {
			fmt.Fprintf(&x.out, "shrink it: %s\n", line)
		}
	}
	for i := range r.Doubts {
		x.printDoubt(&r.Doubts[i])
	}
	for i, name := range r.Unseen {
		if i == 0 {
			fmt.Fprintln(&x.out)
		}
		fmt.Fprintf(&x.out, "never happened in any run: %s\n", plain(name))
	}
	if len(r.Counts) > 0 {
		counts := table{head: []string{"in all runs", "times"}}
		for _, c := range r.Counts {
			counts.add(c.Name, strconv.FormatUint(c.N, 10))
		}
		fmt.Fprintln(&x.out)
		counts.write(&x.out)
	}
	for i, name := range r.Ineffective {
		if i == 0 {
			fmt.Fprintln(&x.out)
		}
		fmt.Fprintf(&x.out, "did nothing in any run: %s\n", plain(name))
	}
	if n := &r.Misaddressed; n.Messages > 0 {
		fmt.Fprintf(&x.out, "\nmessages to nodes that do not exist: %d in %s, the first is seed %d\n", n.Messages, wording.Count(n.Runs, "run"), n.First)
	}
	if path := x.page.written(); path != "" {
		fmt.Fprintf(&x.out, "\nreport: %s\n", plain(path))
	}
	if x.proceed != "" {
		fmt.Fprintf(&x.out, "\ncontinue: %s\n", x.proceed)
	}
}

// printDoubt writes why runs are inconclusive, which they are, and how to see the first.
func (x *found) printDoubt(d *explore.Doubt) {
	var seeds []string
	for _, seed := range d.Seeds {
		seeds = append(seeds, strconv.FormatUint(seed, 10))
	}
	which := strings.Join(seeds, ", ")
	if d.Count > uint64(len(seeds)) {
		which += ", ..."
	}
	fmt.Fprintf(&x.out, "\ninconclusive: %s\n%s, %s: %s\n", plain(d.Reason), wording.Count(d.Count, "seed"), which, x.again(d.First))
}

// tallied counts the verdicts of runs, in words.
func (p paint) tallied(passed, violations, inconclusive uint64) string {
	return p.some(check.Pass, passed, fmt.Sprintf("%d pass", passed)) + ", " +
		p.some(check.Violation, violations, wording.Count(violations, "violation")) + ", " +
		p.some(check.Inconclusive, inconclusive, fmt.Sprintf("%d inconclusive", inconclusive))
}

// errors counts the runs in which a check or the simulator panicked, in words.
func (x *found) errors() string {
	if x.report.Errors == 0 {
		return ""
	}
	return ", " + x.paint.as(scenario.Failed, wording.Count(x.report.Errors, "error"))
}

// spans says which seeds are covered.
func (x *found) spans() string {
	if len(x.report.Covered) == 0 {
		return "no seeds"
	}
	text := "seeds "
	for i, s := range x.report.Covered {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf("%d-%d", s.From, s.To)
	}
	return text
}

// notRun says which seeds are missing: "seeds 3, 6, 9-12 were not run".
func notRun(missing []explore.Span) string {
	if len(missing) == 1 && missing[0].From == missing[0].To {
		return fmt.Sprintf("seed %d was not run", missing[0].From)
	}
	var parts []string
	for _, s := range missing {
		part := fmt.Sprint(s.From)
		if s.To > s.From {
			part += fmt.Sprintf("-%d", s.To)
		}
		parts = append(parts, part)
	}
	return "seeds " + strings.Join(parts, ", ") + " were not run"
}
