package cmdline

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/files"
	"dessim/sim/history"
	"dessim/sim/report"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

const runUsage = `dessim run -scenario NAME [flags]

Parameters that are left out have the scenario's defaults. The values below are
those of the last scenario; "dessim list" shows all.`

func (t *tool) runCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.add("json", "", "print one JSON object")
	f.addTrace()
	f.addReport()
	f.add("logs", "DIR", "write each node's notes to DIR/<its id in hex>.txt; DIR is created if needed")
	f.add("record", "FILE", "write a replay file; a run that fails always writes one, dessim-SCENARIO-SEED.replay")
	f.add("verify", "", "also run in a second process, and compare every event")
	f.addStrict()
	f.addThreads()
	f.addSecond()
	return f.command("run", "runs a scenario", runUsage+keysText(), func(ctx context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		s, err := f.subject()
		if err != nil {
			return err
		}
		j := &job{tool: t, ctx: ctx, subject: s, answers: source.Seed(s.Seed), command: s.reproduce(),
			json: f.find("json").on(), verify: f.find("verify").on(), strict: f.find("strict").on()}
		if j.threads, err = t.readThreads(f, &s); err != nil {
			return err
		}
		if x := f.find("second-process"); x.given {
			return j.second(x)
		}
		if err := j.open(f); err != nil {
			return err
		}
		defer j.discard()
		return j.do()
	})
}

// addSubject declares the flags that say what to run: see subject.
func (f *flags) addSubject() {
	all := f.program.Scenarios
	last := all[len(all)-1]
	f.add("scenario", "NAME", "what to run: see dessim list")
	f.add("seed", "1", "64 bits, decimal or 0x hex, that fix everything else")
	for _, x := range scenario.AllParams(all) {
		if own := last.Param(x.Name); own != nil {
			x = own
		}
		switch {
		case x.Name == "fault":
			f.add(x.Name, "'crash 2 at 3s for 1s'", x.Usage).many = true
		case x.Kept:
		case x.Rare:
			f.add(x.Name, "N", x.Usage)
		default:
			f.add(x.Name, x.Get(&last.Defaults), x.Usage)
		}
	}
}

// addStrict declares -strict.
func (f *flags) addStrict() {
	f.add("strict", "", "exit with 3, inconclusive, if all passes but a fault that was asked for did nothing, or a message went to no node")
}

// strictly returns -strict for a command line, if it is given.
func strictly(strict bool) string {
	if strict {
		return " -strict"
	}
	return ""
}

// job is one run, with its files and its output.
type job struct {
	*tool
	subject
	ctx     context.Context
	answers protocol.Source
	command string // reproduces the run
	json    bool
	verify  bool
	threads scenario.Options // Threads and Fewer of them
	strict  bool             // a pass with warnings is inconclusive
	cut     *scenario.Cut    // what is removed from the run, or nil
	replay  *replay          // what is replayed, or nil
	live    *replay          // the live run that this one repeats, or nil; its path is "" while no file has it
	warn    func(string)     // gets what a user should know before the run, or nil
	saved   string           // the line that replays a failure, once its file is written
	smaller string           // the line that shrinks it, likewise
	causes  []string         // of a failure

	reported string // the path of the page, once it is written

	isSecond bool // this is the second process of -verify

	observers []sim.Observer
	files     *outputs
	trace     *trace // or nil, like the others
	page      *page
	shown     *history.History // for trace and page
	told      *history.History // of a failure that was recorded
	record    *output
	logs      *files.Folder
	notes     *notes
	recorder  *source.Recorder
	other     *second
	compared  *sim.Trace // by the two processes of -verify
}

// open opens the files, so that one which cannot be written is refused before the run. Flags
// that the command does not have, or that are left out, open nothing.
func (j *job) open(f *flags) (err error) {
	logs, record := f.find("logs"), f.find("record")
	defer func() {
		if err != nil {
			j.discard()
		}
	}()
	j.files = j.outputs(j.replay)
	if err = j.openTrace(f); err != nil {
		return err
	}
	if j.page, err = j.files.openPage(f.find("report"), &j.subject); err != nil {
		return err
	}
	switch {
	case j.page != nil:
		j.shown = history.New(j.Scenario, &j.Params, history.Usual)
	case j.trace.afterwards():
		j.shown = history.New(j.Scenario, &j.Params, history.Limits{Bytes: -1}) // without states
	}
	if record != nil && record.given && j.live == nil {
		if j.record, err = j.files.open(record); err != nil {
			return err
		}
		clock := new(clock)
		j.recorder = &source.Recorder{Source: j.answers, Clock: clock.now}
		j.answers = j.recorder
		j.observers = append(j.observers, clock)
	}
	if record != nil && j.recorder == nil && j.live == nil && j.alone() {
		// A failure is not made again for its file: in this process it might not fail.
		clock := new(clock)
		j.recorder = &source.Recorder{Source: j.answers, Clock: clock.now}
		j.answers = j.recorder
		j.observers = append(j.observers, clock)
		if j.shown == nil {
			j.told = history.New(j.Scenario, &j.Params, history.Limits{Bytes: -1})
		}
	}
	if logs != nil && logs.given {
		if j.logs, err = openFolder(logs); err != nil {
			return err
		}
		j.notes = new(notes)
		j.observers = append(j.observers, j.notes)
	}
	return nil
}

// discard removes what was not committed.
func (j *job) discard() {
	j.trace.discardTrace()
	j.page.discardPage()
	j.record.discard()
	j.logs.Discard()
	if j.other != nil {
		j.other.kill()
	}
}

func (j *job) do() error {
	j.warn = j.complain
	if j.verify {
		other, err := j.startSecond()
		if err != nil {
			return err
		}
		j.other = other
		j.compared = compared(other)
	}
	r, err := j.execute()
	if err != nil {
		return err
	}
	if r.Interrupted() {
		return j.interrupted(&r)
	}
	if j.other != nil {
		if err := j.judge(&r); err != nil {
			return err
		}
	}
	j.write(&r)
	return verdictExit(j.print(&r))
}

// print prints the summary, and returns its verdict.
func (j *job) print(r *scenario.Report) check.Verdict {
	s := summary{Report: r, command: j.command + strictly(j.strict), replay: j.replay, saved: j.saved, smaller: j.smaller, causes: j.causes, reported: j.reported, verified: j.verify && !r.Interrupted() && r.Verdict != scenario.Failed, strict: j.strict, paint: j.paint}
	if j.json {
		s.json(&j.out)
	} else {
		s.text(&j.out)
	}
	return s.verdict()
}

// execute runs, until the end or an interruption: see cut. A second process also ends when the
// first stops reading its trace.
func (j *job) execute() (scenario.Report, error) {
	p := newProgress(&j.streams, &j.Params)
	observers := append(j.observers[:len(j.observers):len(j.observers)], j.trace.observers()...)
	if j.compared != nil {
		observers = append(observers, j.compared)
	}
	o := scenario.Options{
		Observers: observers,
		Cut:       j.cut,
		Forewarn:  j.warn,
		Watchdog:  j.watchdog,
		Threads:   j.threads.Threads,
		Fewer:     j.threads.Fewer,
		Stop: func(events uint64, now protocol.Time) bool {
			p.at(events, now)
			return j.isSecond && j.compared.Err() != nil
		},
	}
	answers := j.answers
	if h := cmp.Or(j.shown, j.told); h != nil {
		answers = h.Attach(&o, answers)
	}
	r, ok := j.Scenario.Execute(j.Seed, j.Params, answers, o)
	if r.Stuck != nil {
		return r, nil
	}
	events := r.Sim.Events
	if !ok {
		events = 0
	}
	p.end(events, "events")
	switch {
	case !ok && j.isSecond:
		return r, &exit{exitIO, "writing to the first process: " + files.Reason(j.compared.Err())}
	case !ok:
		panic("a run stopped without a reason")
	}
	return r, nil
}

// write writes the files. One that cannot be written is reported, and changes no verdict.
func (j *job) write(r *scenario.Report) {
	failed := r.Verdict == check.Violation || r.Verdict == scenario.Failed
	differ := j.other != nil && j.other.differ // no file can repeat that run
	repeats := failed && !differ && j.replay == nil
	if repeats && j.live != nil {
		j.saveLive()
	} else if repeats && j.record == nil {
		j.recordAgain()
	}
	if repeats {
		j.causes = causes(j.tale(), r)
	}
	if j.record != nil {
		path := recordingOf(j.command, r, j.recorder.Answers()).write(j.record)
		if repeats {
			j.saved, j.smaller = j.replayLine(path), j.shrinkLine(path)
		}
	}
	j.trace.finish(j.shown, r.Faults, endOf(r))
	j.writeLogs(r)
	j.show(r)
}

// tale returns a history of the run, or nil.
func (j *job) tale() *history.History {
	if j.shown != nil {
		return j.shown
	}
	if j.told != nil {
		return j.told
	}
	h := history.New(j.Scenario, &j.Params, history.Limits{Bytes: -1})
	if r := j.again(h); r.Interrupted() {
		return nil
	}
	return h
}

// show writes the page of the run, if it is wanted.
func (j *job) show(r *scenario.Report) {
	if j.page == nil {
		return
	}
	h, shown := j.shown, *r
	if !r.Interrupted() {
		h, shown = report.Closer(h, r, &j.Params, j.again)
		j.stray("-report", shown.Sim.Digest.String(), r.Sim.Digest.String())
	}
	j.page.runs = []*report.Run{report.Of(h, &shown, report.About{Command: j.command, Story: r.Story})}
	j.reported = j.page.write()
}

// again makes the run once more, with that history.
func (j *job) again(h *history.History) scenario.Report {
	o := scenario.Options{Cut: j.cut, Watchdog: j.late()}
	r, _ := j.Scenario.Execute(j.Seed, j.Params, h.Attach(&o, j.source()), o)
	return r
}

// source returns the answers for another run.
func (j *job) source() protocol.Source {
	if x := cmp.Or(j.replay, j.live); x != nil {
		return x.source()
	}
	return source.Seed(j.Seed)
}

// writeLogs writes the notes of each node, if they are wanted.
func (j *job) writeLogs(r *scenario.Report) {
	if j.logs == nil {
		return
	}
	if err := j.notes.writeTo(j.logs, r); err != nil {
		j.lost("logs %s: %s", quote(j.logs.Path()), files.Reason(err))
	}
}

// recordAgain makes a run that failed again, for its replay file, unless it was recorded: that
// would slow down runs that pass.
func (j *job) recordAgain() {
	file, err := j.files.openReplay(files.Name(fmt.Sprintf("-%d.replay", j.Seed), "dessim", j.Scenario.Name))
	if err != nil {
		j.lost("%v", err)
		return
	}
	if j.recorder != nil {
		j.record = file
		return
	}
	clock := new(clock)
	again := job{tool: &tool{Program: j.Program, streams: streams{stdout: j.stdout, stderr: j.stderr}, watchdog: j.watchdog}, ctx: j.ctx, subject: j.subject,
		recorder: &source.Recorder{Source: j.answers, Clock: clock.now}, observers: []sim.Observer{clock}}
	again.answers = again.recorder
	if j.shown == nil {
		again.shown = history.New(j.Scenario, &j.Params, history.Limits{Bytes: -1})
	}
	switch r, err := again.execute(); {
	case err != nil:
		file.discard()
		j.lost("no replay file was written: %v", err)
		return
	case r.Interrupted():
		file.discard()
		j.complain("interrupted: no replay file was written")
		j.code = graver(j.code, exitInterrupted)
		return
	}
	j.record, j.recorder, j.told = file, again.recorder, again.shown
}

// verdictExit returns how a command with that verdict ends; nil is a pass.
func verdictExit(v check.Verdict) error {
	switch v {
	case scenario.Failed:
		return &exit{code: exitInternal}
	case check.Violation:
		return &exit{code: exitViolation}
	case check.Inconclusive:
		return &exit{code: exitInconclusive}
	}
	return nil
}

// addSecond declares the flag that makes a process the second one of -verify: see inherit.
func (f *flags) addSecond() {
	f.add("second-process", "3", "be that second process: write trace and JSON to the file of that number").hidden = true
}

// second makes the run in a second process: it writes the trace, then the JSON.
func (j *job) second(to *flag) error {
	number, err := strconv.ParseUint(to.text, 10, 63)
	if err != nil {
		return refuse("second-process %s: want the number of an open file", quote(to.text))
	}
	go follow()
	w := bufio.NewWriterSize(os.NewFile(uintptr(number), "the first process"), 1<<16)
	j.compared = compared(w)
	j.terminal, j.isSecond = false, true
	r, err := j.execute()
	if err == nil && r.Interrupted() {
		err = interruptedEarly()
	}
	if err != nil {
		return err
	}
	(&summary{Report: &r, command: j.command}).json(w)
	if err := w.Flush(); err != nil {
		return &exit{exitIO, "writing to the first process: " + files.Reason(err)}
	}
	return verdictExit(r.Verdict)
}

// clock is an observer that knows the time, for the comments of a record.
type clock struct{ at protocol.Time }

func (c *clock) Watch() sim.What      { return sim.Started | sim.Received | sim.Fired | sim.Crashed }
func (c *clock) Observe(e *sim.Event) { c.at = e.At }
func (c *clock) now() protocol.Time   { return c.at }
