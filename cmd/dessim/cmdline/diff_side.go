package cmdline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/files"
	"dessim/sim/scenario"
)

// side is one of two runs that are compared. Each can be made several times: nothing but the
// hashes of its trace is kept.
type side interface {
	name() string
	file() *scenario.Recording // that it replays, or nil
	run() (*outcome, error)
	// look returns what there is to see at a line of the trace, from 0 and without the legend,
	// and after a step.
	look(line int, step uint64) (*sight, error)
}

// outcome is what a run came to.
type outcome struct {
	lines []hashed
	came
}

// came is what a run came to, without its events.
type came struct {
	verdict check.Verdict
	events  uint64
	digest  string
	fails   string // the violation that it is known by, or what broke; or ""
}

// hashed is a line of a trace.
type hashed struct {
	hash, step uint64
}

// stepOf returns the step of a line. What comes after the last is in no step.
func (o *outcome) stepOf(line int) uint64 {
	if line < len(o.lines) {
		return o.lines[line].step
	}
	return uint64(1<<64 - 1)
}

// Write keeps the hashes of b, which is whole lines.
func (o *outcome) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		columns := bytes.Fields(line)
		if len(columns) < 2 || columns[0][0] == '#' {
			continue
		}
		step, _ := strconv.ParseUint(string(columns[1]), 10, 64)
		o.lines = append(o.lines, hashed{protocol.HashBytes(bytes.TrimSuffix(line, []byte("\n"))), step})
	}
	return len(b), nil
}

// conclude says what the run came to.
func (o *outcome) conclude(x *replayed) {
	o.came = came{check.Verdict(x.Verdict), x.Events, x.Digest, x.Error}
	for i := range x.Checks { // whose place is in words, as in the object of -json
		c := &x.Checks[i]
		fmt.Sscanf(c.Detail, "at step %d,", &c.Step)
	}
	if c := check.Earliest(x.Checks); c != nil {
		o.fails = c.Name + ", " + c.Detail
	}
}

// replayed has the keys of -json that a comparison shows.
type replayed struct {
	Verdict, Digest, Error, State string
	Events                        uint64
	Checks                        []check.Result
}

// sight is what there is to see of a run where it differs from another.
type sight struct {
	before       []string // the legend, and the last lines before, in words
	exact, words string   // the line, with hashes of bodies and in words; "" if the run has ended
	states       map[string][]string
}

// picker is a Writer that keeps a line of a trace, and those before it.
type picker struct {
	line   int // -1 is the legend
	before []string
	at     int
	found  string
}

const linesBefore = 3

// Write looks at b, which is whole lines.
func (p *picker) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		switch number := p.at - 1; {
		case number < 0 || number < p.line && number >= p.line-linesBefore:
			p.before = append(p.before, line)
		case number == p.line:
			p.found = line
		}
		p.at++
	}
	return len(b), nil
}

// here is a run in this process.
type here struct{ *job }

func (s here) name() string {
	if s.replay == nil {
		return fmt.Sprintf("seed %d", s.Seed)
	}
	return s.replay.path
}

func (s here) file() *scenario.Recording {
	if s.replay == nil {
		return nil
	}
	return s.replay.Recording
}

func (s here) run() (*outcome, error) {
	o := new(outcome)
	j := *s.job
	j.answers, j.compared = j.source(), compared(o)
	r, err := j.execute()
	if err == nil && r.Interrupted() {
		err = interruptedEarly()
	}
	if err != nil {
		return nil, err
	}
	x := &replayed{Verdict: string(r.Verdict), Digest: r.Sim.Digest.String(), Error: r.Failure, Events: r.Sim.Events}
	for _, c := range r.Checks {
		c.Detail = detail(&c) // as in the object of -json
		x.Checks = append(x.Checks, c)
	}
	o.conclude(x)
	return o, nil
}

func (s here) look(line int, step uint64) (*sight, error) {
	exact, words := &picker{line: line}, &picker{line: line}
	var m *sim.Sim
	var state bytes.Buffer
	r, whole := s.Scenario.Execute(s.Seed, s.Params, s.source(), scenario.Options{
		Observers: []sim.Observer{compared(exact), &sim.Trace{W: words, Text: s.Scenario.Words(&s.Params)}},
		Begun:     func(begun *sim.Sim) { m = begun },
		Cut:       s.cut, Every: 1, Watchdog: s.watchdog,
		Stop: func(events uint64, _ protocol.Time) bool {
			if events >= step && state.Len() == 0 {
				describe(&state, m)
			}
			return events >= step && exact.at > line+1
		},
	})
	switch {
	case r.Interrupted():
		return nil, interruptedEarly()
	case whole && state.Len() == 0 && r.Panic == nil && r.Failure == "": // it ended before
		describe(&state, m)
	}
	return &sight{words.before, exact.found, words.found, nodeParts(state.String())}, nil
}

// nodeParts returns the parts of what describe writes, by the numbers of nodes.
func nodeParts(text string) map[string][]string {
	parts := make(map[string][]string)
	id := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if head, ok := strings.CutPrefix(line, "node "); ok {
			var rest string
			id, rest, _ = strings.Cut(head, ":")
			parts[id] = []string{}
			if rest = strings.TrimSpace(rest); rest != "" {
				parts[id] = append(parts[id], rest)
			}
			continue
		}
		parts[id] = append(parts[id], strings.TrimPrefix(line, "  "))
	}
	return parts
}

// there is the run of a file in a process of another program.
type there struct {
	*job
	exe string
}

func (s there) name() string              { return s.exe }
func (s there) file() *scenario.Recording { return nil }

func (s there) run() (*outcome, error) {
	other, err := s.startOther(s.exe)
	if err != nil {
		return nil, err
	}
	defer other.kill()
	o := new(outcome)
	last := ""
	for {
		line, err := other.out.ReadString('\n')
		if strings.HasPrefix(line, "{") {
			last = line
		} else {
			o.Write([]byte(line))
		}
		if err != nil {
			break
		}
	}
	other.cmd.Wait() // its error repeats the exit code
	var x replayed
	switch err := json.Unmarshal([]byte(last), &x); {
	case s.ctx.Err() != nil || other.cmd.ProcessState.ExitCode() == exitInterrupted:
		return nil, interruptedEarly()
	case err != nil:
		return nil, s.failed(&other.errors)
	}
	o.conclude(&x)
	return o, nil
}

// apart is a run in a process of its own. A seed has no file, so it is looked at in this one.
type apart struct{ there }

func (s apart) name() string              { return here{s.job}.name() }
func (s apart) file() *scenario.Recording { return here{s.job}.file() }

func (s apart) look(line int, step uint64) (*sight, error) {
	if s.replay == nil {
		return here{s.job}.look(line, step)
	}
	return s.there.look(line, step)
}

// failed says why the other program did not replay the file.
func (s there) failed(why *lastWords) error {
	return &exit{exitInternal, fmt.Sprintf("%s failed: %s", quote(s.exe), cmp.Or(why.text(), "it shows no run: is it a build of "+s.Name+"?"))}
}

// look takes the line with hashes from the run of the other program, and the words and the
// states from what that program shows of a replay.
func (s there) look(line int, step uint64) (*sight, error) {
	other, err := s.startOther(s.exe)
	if err != nil {
		return nil, err
	}
	exact := &picker{line: line}
	for exact.found == "" {
		text, err := other.out.ReadString('\n')
		if err != nil || strings.HasPrefix(text, "{") {
			break
		}
		exact.Write([]byte(text))
	}
	other.kill()
	words := &picker{line: line}
	x, err := s.until(step, words)
	if at := strings.Fields(exact.found); err == nil && words.found == "" && len(at) > 1 { // it is of a later step
		words = &picker{line: line}
		later, _ := strconv.ParseUint(at[1], 10, 64)
		_, err = s.until(later, words)
	}
	if err != nil {
		return nil, err
	}
	return &sight{words.before, exact.found, words.found, nodeParts(x.State)}, nil
}

// until has the other program replay the file up to a step, and returns its trace.
func (s there) until(step uint64, trace io.Writer) (*replayed, error) {
	dir, err := os.MkdirTemp("", "dessim-diff-*")
	if err != nil {
		return nil, &exit{exitInternal, files.Reason(err)}
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "trace")
	cmd := exec.CommandContext(s.ctx, s.exe, "replay", s.replay.path, "-until", strconv.FormatUint(step, 10), "-json", "-trace", path)
	if s.Params.Events > 0 {
		cmd.Args = append(cmd.Args, "-events", strconv.FormatUint(s.Params.Events, 10))
	}
	why := lastWords{program: s.Name}
	cmd.Stderr = &why
	out, err := cmd.Output() // its error repeats the exit code
	if s.ctx.Err() != nil {
		return nil, interruptedEarly()
	}
	if cmd.ProcessState == nil {
		return nil, notStarted(err)
	}
	out = bytes.TrimSpace(out) // nodes may print before
	var x replayed
	if err := json.Unmarshal(out[bytes.LastIndexByte(out, '\n')+1:], &x); err != nil {
		return nil, s.failed(&why)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &exit{exitInternal, files.Reason(err)}
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for err == nil { // a Writer of traces gets whole lines
		var line []byte
		line, err = in.ReadBytes('\n')
		trace.Write(line)
	}
	if err != io.EOF {
		return nil, &exit{exitInternal, files.Reason(err)}
	}
	return &x, nil
}
