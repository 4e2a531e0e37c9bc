package simtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/watch"
)

// The runs of a test share its process. With scenario.EachRun, a failure is confirmed in a process that
// has made no other run before it is reported, and shrunk in such processes. They run the test's own
// binary: it runs this test until Run or Explore is called with the same scenario and parameters, and
// serves there.

// processVariable makes a test serve: its value says at which call.
const processVariable = "DESSIM_PROCESS"

// call identifies a call of Run or Explore within a test.
func (r *runner) call() string { return r.Scenario.Name + " " + paramsText(r.Scenario, &r.Params) }

func paramsText(s *scenario.Scenario, p *scenario.Params) string {
	var b strings.Builder
	for _, x := range s.Params() {
		fmt.Fprintf(&b, "-%s %q ", x.Name, x.Get(p))
	}
	return b.String()
}

// serve makes the runs that another process of the test asks for, and ends this one. If another call
// is meant, it reports that this one must do nothing.
func (r *runner) serve() (skip bool) {
	wanted, set := os.LookupEnv(processVariable)
	if !set || wanted != r.call() {
		return set
	}
	r.watchdog.Tell = func(s watch.Stuck) {
		explore.ServeTell(os.Stdout, []string{fmt.Sprintf("seed %d: %s", s.Seed, s.String())})
	}
	err := explore.Serve(r.world, os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

// world returns the world of that salt, with its runs in this process.
func (r *runner) world(salt uint64) *explore.World {
	return r.Scenario.WorldUnder(r.watchdog, salt, r.Params)
}

// apart returns the world of that salt, with each run in a process of its own if the scenario asks for
// that. broken returns why a process has failed, or nil.
func (r *runner) apart(salt uint64) (w *explore.World, alone bool, broken func() error) {
	w = r.world(salt)
	if w.Isolation != explore.EachRun || r.start == nil {
		return w, false, func() error { return nil }
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	w = w.Apart(explore.Processes{Context: ctx, Start: r.start, Fail: cancel, Tell: func(lines []string) {
		fmt.Fprintf(os.Stderr, "%s: %s\n", r.Name(), strings.Join(lines, "\n"))
	}})
	return w, true, func() error { return context.Cause(ctx) }
}

// once says what makes the first run of a process differ, after the results of a failure here and
// in a process that has made no other run.
func once(about string, here, fresh *explore.Outcome) string {
	return fmt.Sprintf("%s: in this process, which had made other runs, it was %v, %s\nin a process that had made no other run it is %v, %s\n"+
		"something is done once a process, such as filling the cache of a package", about, here.Digest, describe(here), fresh.Digest, describe(fresh))
}

// confirmed makes a failing run in a process that has made no other, and returns its outcome and
// trial. If the run passes there, or cannot be made, the test fails with that.
func (r *runner) confirmed(about string, here *explore.Outcome, broken func() error, again string, make func() (explore.Outcome, *explore.Trial)) (explore.Outcome, *explore.Trial) {
	r.Helper()
	fresh, trial := make()
	if err := broken(); err != nil {
		r.Fatalf("%s: %s\nnot confirmed in a process that had made no other run: %v\n%s", about, describe(here), err, again)
	}
	if !fresh.Failed() {
		r.Fatalf("%s\n%s", once(about, here, &fresh), again)
	}
	if fresh.Digest != here.Digest {
		r.Logf("%s", once(about, here, &fresh))
	}
	return fresh, trial
}

// strays logs that a run that is shown differs from that of a fresh process.
func (r *runner) strays(what string, digest sim.Digest, want string) {
	if digest.String() != want {
		r.Logf("%s shows a run with digest %v, not %s: it was made in a process that had made others", what, digest, want)
	}
}

// startTest returns a function that starts the test binary again, to serve this call.
func (r *runner) startTest() func(threads int) (io.ReadWriteCloser, error) {
	return func(threads int) (io.ReadWriteCloser, error) {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		p := &child{cmd: exec.Command(exe, "-test.run="+r.place.pattern(), "-test.count=1")}
		p.cmd.Env = append(os.Environ(), processVariable+"="+r.call(), "GOMAXPROCS="+strconv.Itoa(threads))
		p.cmd.Stderr = &p.errors
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			return nil, err
		}
		if p.out, err = p.cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		return p, p.cmd.Start()
	}
}

// child is a process of the test binary.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	errors bytes.Buffer
}

func (p *child) Write(b []byte) (int, error) { return p.in.Write(b) }

// Read reads what the process answers. If it has ended, the error says why.
func (p *child) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	p.cmd.Wait() // its error repeats the exit code
	first, _, _ := strings.Cut(strings.TrimSpace(p.errors.String()), "\n")
	return n, errors.New(cmp.Or(first, "the test ended before it called Run or Explore with this scenario and these parameters, "+p.cmd.ProcessState.String()))
}

// Close ends the process.
func (p *child) Close() error {
	p.in.Close()
	if p.cmd.ProcessState != nil {
		return nil
	}
	io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}
