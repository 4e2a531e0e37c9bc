package cmdline

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/files"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// addStep declares the flags of the stepper.
func (f *flags) addStep() {
	f.add("step", "", "walk through the run, forward and back, by commands on standard input: help lists them")
	f.add("break", "'output decided of 2'", "with -step: where continue stops, an effect as in the text of faults, OP [KIND] [#K] [of N]; without #K every one, without of N of every node").many = true
}

// stepping reports whether -step is given. It refuses the flags that do not go with it.
func (f *flags) stepping() (bool, error) {
	if !f.find("step").on() {
		if f.find("break").given {
			return false, refuse("-break stops the commands of -step; give both")
		}
		return false, nil
	}
	for _, name := range []string{"json", "trace", "trace-format", "report", "until", "verify", "strict"} {
		if f.find(name).given {
			return false, refuse("-step and -%s: use one or the other", name)
		}
	}
	return true, nil
}

// stepper walks through the history of a run that is over.
type stepper struct {
	*job
	*history.History
	report scenario.Report
	states *history.States // those around the step that was last asked about

	step       int // at which the walk is
	violations []violation
	breaks     []breakpoint
	shown      bytes.Buffer // what the command prints
	over       bool
}

// violation is a check that failed, and the step that shows it.
type violation struct {
	step int
	text string
}

// breakpoint is an effect at which the walk stops.
type breakpoint struct {
	text string
	rows []int // where it is, ascending
}

// walk makes the run and takes commands until they end. It exits as the replay does.
func (j *job) walk(breaks *flag) error {
	var anchors []fault.Anchor
	if breaks.given {
		for text := range strings.SplitSeq(breaks.text, ";") {
			a, err := fault.ParseAnchor(text)
			if err != nil {
				return refuse("break %v", err)
			}
			anchors = append(anchors, a)
		}
	}
	s, err := j.stepper()
	if err != nil {
		return err
	}
	for _, a := range anchors {
		if complaint := s.breakAt(a); complaint != "" {
			j.complain(complaint)
		}
	}
	r := &s.report
	s.verdict("", r.Verdict, ": scenario %s, seed %d: %s, the last at %s ms", r.Scenario.Name, r.Seed, wording.Count(s.Last(), "step"), sim.Millis(s.Steps[s.Last()].At))
	s.show()
	if err := s.converse(); err != nil {
		return err
	}
	return verdictExit(r.Verdict)
}

// stepper makes the run. The walk begins at the first violation, or at the first step.
func (j *job) stepper() (*stepper, error) {
	j.shown = history.New(j.Scenario, &j.Params, history.Usual)
	r, err := j.execute()
	if err != nil {
		return nil, err
	}
	if r.Interrupted() {
		return nil, j.interrupted(&r)
	}
	s := &stepper{job: j, History: j.shown, report: r, states: &j.shown.States, step: 1}
	s.findViolations()
	if len(s.violations) > 0 {
		s.step = s.violations[0].step
	}
	return s, nil
}

// findViolations lists the violations in the order of their steps. What only the end shows, the
// last step does.
func (s *stepper) findViolations() {
	add := func(step uint64, text string) {
		if step == 0 || step > uint64(s.Last()) {
			step = uint64(s.Last())
		}
		s.violations = append(s.violations, violation{int(step), text})
	}
	if s.report.Verdict == scenario.Failed {
		add(0, s.report.Failure)
	}
	for _, c := range s.report.Checks {
		if c.Verdict == check.Violation {
			add(c.Step, c.Name+": "+c.Detail)
		}
	}
	slices.SortStableFunc(s.violations, func(a, b violation) int { return cmp.Compare(a.step, b.step) })
}

// breakAt adds a breakpoint, unless the run has no such kind: that is its complaint.
func (s *stepper) breakAt(a fault.Anchor) (complaint string) {
	if _, known := s.Kinds.Index(a.Kind); a.Kind != 0 && !known {
		var kinds []string
		for _, k := range s.Kinds.All {
			if k != 0 {
				kinds = append(kinds, k.String())
			}
		}
		complaint = fmt.Sprintf("break %s: the run has no %v", breakText(a), a.Kind)
		if near := wording.Near(a.Kind.String(), kinds); near != "" {
			complaint += "; did you mean " + near + "?"
		}
		return complaint
	}
	s.breaks = append(s.breaks, breakpoint{breakText(a), s.Effects(a)})
	return ""
}

// breakText writes a breakpoint as it is typed.
func breakText(a fault.Anchor) string {
	if a.N > 0 {
		return a.String()
	}
	return strings.Replace(a.String(), " #0", "", 1)
}

// converse takes commands until they end, one by one, and shows what each prints at once. It
// shows prompts on a terminal only.
func (s *stepper) converse() error {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	lines := lineByLine(ctx, s.stdin)
	last := ""
	for {
		if s.asks {
			fmt.Fprintf(&s.shown, "(step %d) ", s.step)
		}
		if _, err := s.stdout.Write(s.shown.Bytes()); err != nil {
			return &exit{exitIO, "writing to standard output: " + files.Reason(err)}
		}
		s.shown.Reset()
		if s.over {
			return nil
		}
		line, more := "", false
		select {
		case <-s.ctx.Done():
		case line, more = <-lines: // which an interruption ends, too
		}
		switch line = strings.TrimSpace(line); {
		case s.ctx.Err() != nil:
			return &exit{exitInterrupted, "interrupted"}
		case !more:
			s.end()
			continue
		case line == "":
			line = last
		}
		last = line
		s.obey(line)
	}
}

// end ends the walk. On a terminal, the prompt of the shell gets a line of its own.
func (s *stepper) end() {
	if s.asks {
		s.shown.WriteByte('\n')
	}
	s.over, s.asks = true, false
}

// lineByLine sends the lines of r until ctx is done. A read may outlast that.
func lineByLine(ctx context.Context, r io.Reader) <-chan string {
	lines := make(chan string)
	if r == nil {
		close(lines)
		return lines
	}
	go func() {
		defer close(lines)
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			if err != nil && line == "" {
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// verdict prints a line with a verdict in it.
func (s *stepper) verdict(before string, v check.Verdict, format string, args ...any) {
	s.shown.WriteString(before + s.paint.verdict(v))
	s.say(format, args...)
}

// say prints a line.
func (s *stepper) say(format string, args ...any) {
	fmt.Fprintln(&s.shown, plain(fmt.Sprintf(format, args...)))
}
