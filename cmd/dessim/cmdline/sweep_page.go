package cmdline

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/report"
	"dessim/sim/wording"
)

// sweepPage is the HTML of a sweep or a merge: -report. While a sweep goes on, the page is written
// again from time to time, unless it goes to a pipe. On nil its methods do nothing.
type sweepPage struct {
	text string  // the name, as it was given
	out  *output // opened before the sweep and not used yet, or nil
	last time.Time
	path string // of the page at the end, or ""
}

// pageEvery is the time between two pages of a sweep that goes on.
const pageEvery = 3 * time.Second

// addSweepReport declares -report.
func (f *flags) addSweepReport() {
	f.add("report", "FILE.html", "write a page of HTML on all seeds, again and again while they run; failures are shrunk for it")
}

// openPage opens the page, so that one which cannot be written is refused before the runs. It
// may not be any of the files that are taken.
func (x *found) openPage(f *flag, taken []string) error {
	if !f.given {
		return nil
	}
	outputs := x.outputs(nil)
	outputs.taken = taken
	out, err := outputs.open(f)
	if err != nil {
		return err
	}
	x.page = &sweepPage{text: f.text, out: out}
	return nil
}

// live reports whether the page can be written again.
func (p *sweepPage) live() bool { return p != nil && (p.out == nil || !p.out.Direct()) }

// due reports whether the page of a sweep that goes on shall be written now.
func (p *sweepPage) due() bool {
	if !p.live() || time.Since(p.last) < pageEvery {
		return false
	}
	p.last = time.Now()
	return true
}

// written returns the path of the page at the end, or "" without one that has a name.
func (p *sweepPage) written() string {
	if p == nil || p.path == standard {
		return ""
	}
	return p.path
}

func (p *sweepPage) discard() {
	if p != nil {
		p.out.discard()
	}
}

// write writes the page and returns its path.
func (p *sweepPage) write(s report.Sweep) (string, error) {
	out := p.out
	p.out = nil
	if out == nil {
		file, err := files.Create(p.text)
		if err != nil {
			return "", err
		}
		out = &output{File: file}
	}
	if err := report.WriteSweep(out, s); err != nil {
		out.Discard()
		return "", err
	}
	return out.Commit()
}

// showProgress writes the page of a sweep that goes on. If that fails, it may work next time;
// if it does not at the end, the user is told.
func (s *sweep) showProgress(p *sweepProgress, r explore.SweepReport) {
	now := p.last
	perSecond := rate(now.Done-now.Known, time.Since(p.begun))
	x := s.onPage(&r)
	x.Ongoing = &report.Ongoing{Done: now.Done, Total: now.Total, PerSecond: perSecond}
	if perSecond > 0 {
		x.Ongoing.Left = time.Duration((now.Total-now.Done)/uint64(perSecond)) * time.Second
	}
	if s.results.given {
		x.Commands = append(x.Commands, report.Command{Does: "resume, if killed", Line: s.continued()})
	}
	for i := range r.Groups {
		x.Failures = append(x.Failures, report.Failure{Commands: []report.Command{{Does: "make the run", Line: s.again(r.Groups[i].Smallest)}}})
	}
	s.page.write(x)
}

// writePage writes the page of a sweep that has ended. It depends on the results alone.
func (x *found) writePage() {
	if x.page == nil {
		return
	}
	s := x.onPage(&x.report)
	if x.proceed != "" {
		s.Commands = append(s.Commands, report.Command{Does: "continue", Line: x.proceed})
	}
	s.Commands = append(s.Commands, x.rest()...)
	m := newMeter(&x.streams)
	for i := range x.report.Groups {
		m.show(int64(i), int64(len(x.report.Groups)), func(at, total int64) string {
			return fmt.Sprintf("shrinking for the report, %d of %d ", at+1, total)
		}, func(int64, int64) string { return "" })
		s.Failures = append(s.Failures, x.failure(i))
	}
	m.end(0, "")
	var err error
	if x.page.path, err = x.page.write(s); err != nil {
		x.lost("report %s: %s", quote(x.page.text), files.Reason(err))
	}
}

// onPage returns what every page of a report has.
func (x *found) onPage(r *explore.SweepReport) report.Sweep {
	s := report.Sweep{Program: x.Name, Scenario: x.Scenario.Name, Shows: x.Scenario.Shows, Params: params(x.Scenario, &x.Params),
		Verdict: x.conclude(r), Note: x.note, Report: r}
	if x.strategy != explore.Random {
		s.Strategy = x.strategy.String()
	}
	return s
}

// rest returns the commands that run the seeds of the page again, and the missing ones if no
// other command does.
func (x *found) rest() (all []report.Command) {
	seeds := func(does string, s explore.Span) {
		all = append(all, report.Command{Does: does, Line: fmt.Sprintf("%s -seeds %d-%d", x.command, s.From, s.To) + strictly(x.strict)})
	}
	if covered := x.report.Covered; len(covered) > 0 {
		seeds("sweep again", explore.Span{From: covered[0].From, To: covered[len(covered)-1].To})
	}
	const most = 4
	if missing := x.report.Missing(); x.proceed == "" {
		for _, s := range missing[:min(len(missing), most)] {
			seeds("run missing seeds", s)
		}
	}
	return all
}

// failure returns what the page has on a group: its replay file, and its story.
func (x *found) failure(i int) (f report.Failure) {
	g := &x.report.Groups[i]
	add := func(does, line string) { f.Commands = append(f.Commands, report.Command{Does: does, Line: line}) }
	if path := x.replays[i]; path != "" {
		f.Files = []report.Link{{Text: filepath.Base(path), Path: x.page.link(path)}}
		add("replay", x.replayLine(path))
		add("shrink and look", fmt.Sprintf("%s shrink %s -report %s", x.Name, wording.Shell(path), wording.Shell(strings.TrimSuffix(path, ".replay")+".html")))
	} else {
		add("make the run", x.again(g.Smallest))
	}
	if x.trials[i] != nil {
		var page string
		if f.Story, page = x.story(i); page != "" {
			f.Files = append(f.Files, report.Link{Text: "the run as a page", Path: x.page.link(page)})
		}
	}
	return f
}

// showRun writes the page of a run that was shrunk, beside the page of the sweep, and returns its
// path; or "" if that is a pipe, or has no such place.
func (p *sweepPage) showRun(k *shrinking, out *explore.Shrunk, lines []string) string {
	if p.text == standard || !p.live() {
		return ""
	}
	path := fmt.Sprintf("%s-%d.html", strings.TrimSuffix(p.text, filepath.Ext(p.text)), k.Seed)
	if text, _, err := readAll(path, maxReplay); err == nil && !report.IsPage(text) {
		return ""
	}
	file, err := files.Create(path)
	if err != nil {
		return ""
	}
	k.page = &page{output: &output{File: file, tool: k.tool, flag: "report"}, title: "dessim: " + k.Subject.String()}
	defer k.page.discard()
	return k.show(out, lines, "")
}

// link returns the path from the folder of the page to a file, with slashes.
func (p *sweepPage) link(path string) string {
	folder := "."
	if p.text != standard {
		folder = filepath.Dir(p.text)
	}
	from, err := filepath.Abs(folder)
	to, err2 := filepath.Abs(path)
	if err == nil && err2 == nil {
		if relative, err := filepath.Rel(from, to); err == nil {
			path = relative
		}
	}
	return filepath.ToSlash(path)
}

// What shrinking for the page may cost. It is bounded in runs, since a limit of time would make
// the page depend on the machine.
const (
	shrunkGroups = 12
	shrunkRuns   = 500 // of each
)

// story shrinks the smallest run of a group, tells it, and writes its page. It tells the run as it is if there
// is no time, or if many groups have been shrunk.
func (x *found) story(i int) (_ *report.Story, page string) {
	g, t := &x.report.Groups[i], x.trials[i]
	s := x.subject
	s.Seed = g.Smallest.Salt()
	k := &shrinking{tool: x.tool, subject: s}
	options := explore.ShrinkOptions{Runs: shrunkRuns, Workers: x.workers}
	if options.Workers == 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	why := ""
	switch {
	case x.report.Limited:
		why = "The time of the sweep was up."
	case i >= shrunkGroups:
		why = fmt.Sprintf("Only the first %d are.", shrunkGroups)
	}
	if why == "" && !x.watchdog.Interrupted() {
		var ctx context.Context
		k.world, ctx = x.apart(x.watchdog, &s)
		out, err := explore.Shrink(ctx, k.world, t, options)
		if err == nil && !out.Is.Interrupted() {
			lines := k.tell(&out, x.late()).lines()
			return shrunkStory(k, &out, lines), x.page.showRun(k, &out, lines)
		}
	}
	if x.watchdog.Interrupted() {
		x.untold, why = true, "The sweep was interrupted."
	}
	k.world, _ = x.apart(x.late(), &s)
	out, err := explore.Shrink(context.Background(), k.world, t, explore.ShrinkOptions{Runs: 1, Workers: 1})
	if err != nil || out.Is.Interrupted() {
		return nil, ""
	}
	return &report.Story{Title: "The smallest run, not shrunk", About: why, Lines: k.tell(&out, x.late()).lines()}, ""
}

// shrunkStory returns the story of a run that was shrunk.
func shrunkStory(k *shrinking, out *explore.Shrunk, lines []string) *report.Story {
	before, after := k.size(out.Before), k.size(out.After)
	about := out.Certificate() + "."
	if warning := out.Warning(); warning != "" {
		about += " Beware: " + warning + "."
	}
	return &report.Story{
		Title: fmt.Sprintf("The smallest run, shrunk in %s", wording.Count(out.Runs, "run")),
		About: strings.ToUpper(about[:1]) + about[1:],
		Lines: lines,
		Sizes: []report.Size{
			{Of: "nodes", Before: uint64(before.Nodes), After: uint64(after.Nodes)},
			{Of: "inputs", Before: uint64(before.Inputs), After: uint64(after.Inputs)},
			{Of: "faults", Before: uint64(before.Faults), After: uint64(after.Faults)},
			{Of: "answers", Before: uint64(before.Answers), After: uint64(after.Answers)},
		},
	}
}
