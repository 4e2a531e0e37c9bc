// Package cmdline is the command line of dessim, for any scenarios: it runs them in
// virtual time, searches them for failures, shrinks and replays what it finds, prints
// what that came to, and keeps what repeats it.
//
//	dessim run -scenario concurrent -seed 42
//	dessim -seed 42 -scenario concurrent       the same: "run" may be left out before a flag
//	dessim sweep -scenario crash -seeds 1-1000
//	dessim shrink FILE
//	dessim replay FILE
//	dessim merge RESULTS...
//	dessim explore -scenario crash -nodes 3
//	dessim compare -scenario broadcast
//	dessim list
//	dessim vet ./...                           reports nondeterminism in node code
//
// A module with scenarios of its own (see package scenario) gets all of it by a main of a
// few lines:
//
//	func main() {
//		cmdline.Main(cmdline.Program{Name: "kv", Scenarios: []*scenario.Scenario{store.Scenario()}})
//	}
//
// In the code, start with Main below, commands.go and run.go. Each command has a file of
// its name.
//
// # Output
//
// Stdout carries one summary, or one JSON object with -json, and is a function of
// the command alone: neither terminal, locale, colours nor the machine change a
// byte of it. It is written at the end at once, or not at all. Stderr is silent
// unless something is wrong, which takes one line, or it is a terminal, which
// sees progress and rates.
//
// The object of -json has the keys scenario, seed, params, verdict, digest,
// digests, events, virtual_ns, checks, nodes and reproduce, in this order; then
// replay, only if a replay file of a failure was written: the line that replays it;
// error, only if the verdict is "error", with what went wrong; then recorded,
// only of a replay: verdict and digest of the recorded run, whether the digest is
// the same now, and how many answers of the file were stale (nobody asked for
// them, or they no longer fit the question).
//
// # Files
//
// Files appear under their names when they are complete, and replace what was
// there. -logs makes its folder if need be, and leaves other files in it alone; a
// client's file is client-N.txt, and node-N.txt is that of a node which failed
// before its id was known. A run that fails writes dessim-SCENARIO-SEED.replay, and
// shrink one that ends in .min.replay; neither replaces a file that is no replay file.
//
// # Exit codes
//
//	0    pass
//	1    violation; of vet: a finding
//	2    refused before the run: usage, parameters, files that cannot be read or written
//	3    inconclusive
//	4    not deterministic, or an error within the simulation or dessim
//	5    reading or writing failed later on; a closed pipe too
//	130  interrupted by SIGINT, SIGTERM or SIGHUP
//
// A replay exits by the verdict of the run now, so that it passes once the bug that
// it shows is gone; whether its digest is still the recorded one is in its output.
// 2 and 5 leave stdout empty, and so does a 4 that is no verdict; 130 does unless
// something was found before.
package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"

	"dessim/sim/scenario"
)

// Exit codes: see the package comment.
const (
	exitPass         = 0
	exitViolation    = 1
	exitUsage        = 2
	exitInconclusive = 3
	exitInternal     = 4
	exitIO           = 5
	exitInterrupted  = 130
)

// Program is a command line over some scenario.
type Program struct {
	// Name is the command's, in help, in complaints, and in the lines that it prints to
	// be pasted: small letters, digits and hyphens.
	Name string
	// Scenarios are at least one, each of another name. The last one's defaults are
	// shown in help. They may come from anywhere.
	Scenarios []*scenario.Scenario
	// Package is the import path of a package with a function
	//
	//	func Find(name string) *scenario.Scenario
	//
	// which the tests that replay -emit-test writes take their scenario from. Without
	// one that is refused.
	Package string
}

// Main runs the command that the arguments of the process ask for, and ends the process
// with its exit code: it is all that a func main needs.
func Main(p Program) {
	// Without this a closed pipe kills the process and leaves temporary files.
	signal.Ignore(syscall.SIGPIPE)
	interrupts := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		interrupts = append(interrupts, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), interrupts...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(p.run(ctx, os.Args[1:], streams{
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		terminal: isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("TERM") != "dumb",
	}))
}

// streams is where a command speaks.
type streams struct {
	stdout   io.Writer
	stderr   io.Writer
	terminal bool // stderr is one that can show progress
}

// exit is how a command ends if not with 0. A complaint goes to stderr, and then
// nothing goes to stdout; without one the code is a verdict.
type exit struct {
	code      int
	complaint string
}

func (e *exit) Error() string { return e.complaint }

// refuse ends a command before anything was done.
func refuse(format string, args ...any) error {
	return &exit{exitUsage, fmt.Sprintf(format, args...)}
}

// tool is one invocation of the command.
type tool struct {
	*Program
	streams
	out bytes.Buffer // goes to stdout at the end
}

// complain writes one line to stderr.
func (t *tool) complain(text string) {
	fmt.Fprintf(t.stderr, "%s: %s\n", t.Name, plain(text))
}

// run is Main without the process around it. It gives the exit code.
func (p *Program) run(ctx context.Context, args []string, s streams) (code int) {
	t := &tool{Program: p, streams: s}
	defer func() {
		if v := recover(); v != nil {
			t.complain(fmt.Sprintf("internal error: %v", v))
			code = exitInternal
		}
	}()
	if err := p.flaw(); err != nil {
		t.complain(err.Error())
		return exitInternal
	}
	err := t.dispatch(ctx, args)
	var e *exit
	switch {
	case err == nil:
		e = &exit{code: exitPass}
	case !errors.As(err, &e):
		e = &exit{exitUsage, err.Error()}
	}
	if e.complaint != "" {
		t.complain(e.complaint)
		return e.code
	}
	if _, err := s.stdout.Write(t.out.Bytes()); err != nil {
		t.complain("writing to standard output: " + reason(err))
		return exitIO
	}
	return e.code
}

// plain makes text one line of printable ASCII, so that what users type, or nodes
// say, cannot break a line, a table or a terminal.
func plain(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		return text
	}
	return unquoted(text)
}
