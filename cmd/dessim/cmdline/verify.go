package cmdline

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/scenario"
)

// second is the same run in another process, with another GOMAXPROCS. It compares the two
// while they run: it is a Writer that takes this process's trace and then its JSON, and
// reads as much from the other process. So nothing is stored, and a difference is found in
// the runs that differed, not in two later ones.
//
// It returns no errors: after a difference it compares no more.
type second struct {
	cmd    *exec.Cmd
	pipe   *os.File // of its own, since nodes may print
	out    *bufio.Reader
	errors lastWords
	procs  int
	lines  int
	differ bool
	here   string // the first lines that differ
	there  string
	ended  bool // the other process ended instead
}

// compared returns the trace that two processes compare. It has lengths and hashes of
// bodies, which differ whenever bodies do: text leaves much out, and costs more than the
// run.
func compared(w io.Writer) *sim.Trace { return &sim.Trace{W: w} }

func (j *job) startSecond() (*second, error) {
	exe, err := executable("verify")
	if err != nil {
		return nil, err
	}
	return j.startOther(exe)
}

// startOther makes the run in a process of another program, or of this one.
func (j *job) startOther(exe string) (*second, error) {
	args := append([]string{"run", "-scenario", j.Scenario.Name, "-seed", strconv.FormatUint(j.Seed, 10)}, flagsOf(params(j.Scenario, &j.Params))...)
	if j.replay != nil {
		args = []string{"replay", j.replay.path}
	}
	if j.replay != nil && j.Params.Events > 0 {
		args = append(args, "-events", strconv.FormatUint(j.Params.Events, 10))
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, notStarted(err)
	}
	defer write.Close()
	s := &second{cmd: exec.CommandContext(j.ctx, exe, args...), procs: 1, pipe: read, errors: lastWords{program: j.Name}}
	s.cmd.Args = append(s.cmd.Args, "-second-process", inherit(s.cmd, write))
	if runtime.GOMAXPROCS(0) == 1 {
		s.procs = 2
	}
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(s.procs))
	s.cmd.Stderr = &s.errors // what its nodes print on stdout goes nowhere
	// It ends when its stdin does: see follow.
	if _, err := s.cmd.StdinPipe(); err != nil {
		read.Close()
		return nil, notStarted(err)
	}
	s.out = bufio.NewReaderSize(read, 1<<16)
	if err := s.cmd.Start(); err != nil {
		read.Close()
		return nil, notStarted(err)
	}
	return s, nil
}

// flagsOf returns parameters as arguments of a command, without those that have no value.
func flagsOf(params [][2]string) (args []string) {
	for _, kv := range params {
		if kv[1] != "" {
			args = append(args, "-"+kv[0], kv[1])
		}
	}
	return args
}

func notStarted(err error) error {
	return &exit{exitInternal, "starting the second process: " + files.Reason(err)}
}

// follow ends this process at the end of its stdin, a pipe from the process that started it.
// So it ends with that one, however that ends, whatever a node does here.
func follow() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(exitInterrupted)
}

// executable returns the path of this program, for what starts it again.
func executable(what string) (string, error) {
	if runtime.GOARCH == "wasm" {
		return "", refuse("%s: a program on %s/%s cannot start another", what, runtime.GOOS, runtime.GOARCH)
	}
	exe, err := os.Executable()
	if err != nil {
		return "", &exit{exitInternal, what + ": " + files.Reason(err)}
	}
	return exe, nil
}

// Write compares b, which is whole lines.
func (s *second) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && !s.differ {
		end := bytes.IndexByte(b, '\n') + 1
		s.compare(b[:end])
		b = b[end:]
	}
	return n, nil
}

func (s *second) compare(line []byte) {
	s.lines++
	if next, err := s.out.Peek(len(line)); err == nil && bytes.Equal(next, line) {
		s.out.Discard(len(line))
		return
	}
	there, err := s.out.ReadString('\n')
	if err == nil && there == string(line) { // longer than the buffer
		return
	}
	s.differ, s.here, s.there = true, strings.TrimSuffix(string(line), "\n"), strings.TrimSuffix(there, "\n")
	s.ended = err != nil
}

// kill ends the other process, if it has not ended.
func (s *second) kill() {
	if s.cmd.ProcessState == nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	s.pipe.Close()
}

// finish compares the reports and waits for the other process. broken says why it failed,
// if it did.
func (s *second) finish(report []byte) (broken string) {
	s.Write(report)
	if s.differ && !s.ended {
		s.kill()
		return ""
	}
	rest, _ := s.out.ReadString('\n')
	if rest != "" && !s.differ {
		s.differ, s.here, s.there = true, "", strings.TrimSuffix(rest, "\n")
	}
	io.Copy(io.Discard, s.out)
	s.cmd.Wait() // its error repeats the exit code
	switch s.cmd.ProcessState.ExitCode() {
	case exitPass, exitViolation, exitInconclusive, exitInternal:
		if !s.ended {
			return ""
		}
	}
	return cmp.Or(s.errors.text(), s.cmd.ProcessState.String())
}

// lastWords is a Writer for the stderr of a process. It keeps the line that says why the
// process ended: the first of the program itself or of a crash, or else the last. Nodes may
// print more there than memory holds.
type lastWords struct {
	program string // begins its error lines
	line    []byte // so far
	kept    string
	why     bool // kept is of the program or of a crash
}

func (w *lastWords) Write(b []byte) (int, error) {
	const most = 1000 // bytes of a line
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		w.line = append(w.line, part[:min(len(part), max(0, most-len(w.line)))]...)
		if ended {
			w.end()
		}
		b = rest
	}
	return n, nil
}

func (w *lastWords) end() {
	line := string(w.line)
	w.line = w.line[:0]
	if w.why || line == "" {
		return
	}
	w.kept = line
	for _, begin := range []string{w.program + ": ", "panic: ", "fatal error: "} {
		w.why = w.why || strings.HasPrefix(line, begin)
	}
}

func (w *lastWords) text() string {
	w.end()
	return strings.TrimPrefix(w.kept, w.program+": ")
}

// judge ends the comparison. A difference makes the report's verdict an error, and takes
// three lines on stderr.
func (j *job) judge(r *scenario.Report) error {
	var report bytes.Buffer
	(&summary{Report: r, command: j.command}).json(&report)
	broken := j.other.finish(report.Bytes())
	switch {
	case j.ctx.Err() != nil || j.other.cmd.ProcessState.ExitCode() == exitInterrupted:
		return interruptedEarly()
	case broken != "":
		return &exit{exitInternal, "the second process failed: " + broken}
	case !j.other.differ:
		return nil
	}
	d := &explore.Difference{Here: j.other.here, There: j.other.there}
	r.Verdict = scenario.Failed
	r.Failure = fmt.Sprintf("not deterministic: a second process differs from %s on, line %d of the trace", d.Place(), j.other.lines)
	if strings.HasPrefix(j.other.here, "{") {
		r.Failure = "not deterministic: a second process has the same trace and another report"
	}
	j.complain(fmt.Sprintf("%s (GOMAXPROCS %d here, %d there)", r.Failure, runtime.GOMAXPROCS(0), j.other.procs))
	j.complainOf(d)
	j.complain(j.whereToLook())
	return nil
}

// complainOf shows the first line of two traces that differs.
func (t *tool) complainOf(d *explore.Difference) {
	t.complain("here:  " + cmp.Or(d.Here, "(nothing more)"))
	t.complain("there: " + cmp.Or(d.There, "(nothing more)"))
}

// whereToLook says what makes runs differ, and what finds it.
func (t *tool) whereToLook() string {
	return explore.WhereToLook + "; see " + t.Name + " help vet, and package cryptorand"
}
