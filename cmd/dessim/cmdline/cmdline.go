// Package cmdline is the command line of dessim, for any scenarios: it runs them in
// virtual time, searches them for failures, shrinks and replays the failures, prints the
// results, and writes the files that reproduce them.
//
// dessim help lists its commands; each has a file of its name here.
//
// A module with scenarios of its own (see package scenario) gets all of it from a main of
// a few lines:
//
//	func main() {
//		cmdline.Main(cmdline.Program{Name: "kv", Scenarios: []*scenario.Scenario{store.Scenario()}})
//	}
//
// In the code, start with Main below, commands.go and run.go.
//
// # Output
//
// Stdout carries one summary, or one JSON object with -json. It depends on the command alone: no
// locale, width or machine changes a byte of it. If it is a terminal, verdicts have a colour, unless
// NO_COLOR is set and not empty, or TERM is dumb; otherwise it has no escape, nor have the object of
// -json and files. It is written at once at the end, or not at all. Stderr is silent, but for one
// line if something is wrong (four if two runs differ: what, the line of each, and where to look),
// one if a run goes on fewer threads than -threads asks for, which changes nothing else, and for
// progress and rates if it is a terminal.
//
// replay -step is a conversation: what each of its commands prints is written at once, and a
// command that is wrong takes one line on stderr and changes nothing. Prompts are shown if stdin
// and stdout are terminals. It ends with its input, and exits as the replay does.
//
// The object of -json of a run or a replay has all that the summary has. Its keys stand in
// object.go, and help run lists them.
//
// # Files
//
// Files appear under their names when they are complete, and replace older ones: see
// package files. A file that cannot be written is reported on stderr, one line each, and
// changes nothing else: the result is printed whatever happens to its files, and names only
// those that are there.
//
// Where a flag names a file to write, - is standard output; the summary, or the object of
// -json, then goes to stderr. -results alone wants a file, which a sweep that resumes reads.
//
// -report of a sweep writes one page of HTML that needs nothing else, under its name from the
// first seed on, and again every few seconds. Speed and time left are on it only while the
// sweep goes on: at the end it depends on the results alone, so that two pages of one sweep,
// on two machines or after an interruption, are the same file. It links replay files by paths
// from its own folder.
//
// -logs creates its folder if needed, and leaves other files in it alone; client-N.txt
// is the file of a client, and node-N.txt that of a node which failed before its id was
// known. A run that fails writes dessim-SCENARIO-SEED.replay, and shrink a file that
// ends in .min.replay; neither replaces a file that is not a replay file.
//
// # Live runs
//
// What dessim live prints depends on the machine as well. It is the summary of the run made
// again in virtual time; the seed draws inputs, faults and the nodes' own answers. A node that
// panics is a violation there too. 4 says that the run cannot be made again: a node is not
// deterministic, as dessim vet and -verify may find. 5 says that a disk or a recording failed. A
// live run that is interrupted is judged until then, and exits with 130.
//
// The commands that read a replay file take the folder of -record for one.
//
// # Traces
//
// -trace FILE writes what happened in a run, as text or for other tools: see package export. A
// text trace and JSONL are written as the run goes, so that they can go into a pipe; the others
// at its end. A run that is interrupted, stopped by -events or -until, or whose node panics, has
// the trace until there. If a step does not end, the file of a text trace or of JSONL is cut off
// there, without its last line, and the others write none.
//
// # Exit codes
//
// The constants below say what each means. The gravest thing that happened is the code: 130
// goes before 4, then come 1, 5, 3 and 0. So a violation is 1 even if its replay file could
// not be written, and a run that passed is 5 if its trace could not.
//
// A replay exits with the verdict of the run now, so it passes once the bug is fixed; its
// output says whether the digest is still the recorded one. 2 leaves stdout empty, and so
// does a 4 that is not a verdict, and a 130 that comes before anything was known.
//
// A node that panics, or ends its goroutine as t.FailNow does, is a violation, in a run as in
// a sweep; a check that panics is an error, 4. Some things end the process itself, with the
// exit code 2 and the report of the Go runtime, which names the place: a stack that
// overflows, two goroutines that write to one map, and a panic in a goroutine that a node
// has started. os.Exit in a node ends the process with its code, and prints nothing: a pass is
// one only with its summary.
//
// # Runs that do not end
//
// -events N ends a run after N events: it is inconclusive, and the summary names the most
// frequent messages, outputs and timers. A step that runs for 5 s is reported on stderr, once,
// with the node and the line that it is at.
//
// The first SIGINT, SIGTERM or SIGHUP ends the command with 130 and what is known: the trace
// so far, the summary so far, the seeds that a sweep has run. A run ends within a few events;
// if its step does not end within a second, it is abandoned. A second signal kills the command
// at once; one within half a second of the first is taken for an echo of it, since timeout(1)
// sends each twice.
package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	rec "dessim/protocol/live/record"
	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/watch"
)

// Exit codes.
const (
	exitPass         = 0
	exitViolation    = 1 // of a check, or a node panicked; of vet: a finding; of diff: the runs differ
	exitUsage        = 2 // refused before the run: usage, parameters, files that cannot be read or created
	exitInconclusive = 3
	exitInternal     = 4   // not deterministic, or a panic of a check, the scenario or dessim
	exitIO           = 5   // a file or stdout could not be written once runs had begun; this includes a closed pipe
	exitInterrupted  = 130 // by SIGINT, SIGTERM or SIGHUP
)

// Program is a command line for some scenarios.
type Program struct {
	// Name is the command's name, in help, in error lines, and in the commands that it
	// prints: see scenario.ValidName.
	Name string
	// Scenarios has at least one, each with a name of its own. Help shows the defaults of
	// the last.
	Scenarios []*scenario.Scenario
	// Package is the import path of a package with a function
	//
	//	func Find(name string) *scenario.Scenario
	//
	// that the tests of replay -emit-test import. Without it, -emit-test is refused.
	Package string
	// Recorded returns the run of which a folder has these recordings, which it may change,
	// or nil if they are not of a further command: see package enact. Nil: there are none.
	Recorded func(dir string, recordings []*rec.Recording) (*scenario.Subject, error)
	// Commands are further ones, beside those that every program has.
	Commands []Command

	patience, grace time.Duration // of the watchdog, for tests; 0 is the usual one
}

// Main runs the command in the arguments of the process, and exits with its code: it is
// all that a func main needs.
func Main(p Program) {
	ctx, interrupt := context.WithCancel(context.Background())
	go p.heed(signals(), interrupt)
	ballast := make([]byte, ballastSize)
	code := p.run(ctx, os.Args[1:], streams{
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		terminal: isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("TERM") != "dumb",
		stdin:    os.Stdin,
		asks:     isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stdout.Fd()),
		paint:    paintOf(os.Stdout),
	})
	runtime.KeepAlive(ballast)
	os.Exit(code)
}

// ballastSize is the size of memory that is never touched, and so takes no room, but counts when
// the garbage collector decides to run. A run of few nodes keeps less than 10 MB and leaves some
// more for the collector, which took an eighth of a sweep's time without the ballast. With it, no
// GOGC from 15 to 1000 makes sweeps faster, nor does building with a profile of them.
const ballastSize = 32 << 20

// streams is where a command writes, and what it reads.
type streams struct {
	stdout   io.Writer
	stderr   io.Writer
	terminal bool      // stderr is one that can show progress
	stdin    io.Reader // commands of -step; nil has none
	asks     bool      // stdin and stdout are a terminal, which shows prompts
	paint    paint     // of verdicts on stdout
}

// exit is how a command ends, unless with 0. A complaint goes to stderr, and nothing goes
// to stdout; without one the code is a verdict.
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
	out      bytes.Buffer    // goes to stdout at the end
	piped    bool            // stdout takes a file, and stderr what the command prints
	code     int             // of what went wrong beside the result
	watchdog *watch.Watchdog // watches over the runs
}

func (t *tool) complain(text string) {
	fmt.Fprintf(t.stderr, "%s: %s\n", t.Name, plain(text))
}

// lost says that a file cannot be written. The command goes on: what it has found is printed
// in any case.
func (t *tool) lost(format string, args ...any) {
	t.complain(fmt.Sprintf(format, args...))
	t.code = graver(t.code, exitIO)
}

// graver returns the exit code that says more.
func graver(a, b int) int {
	order := []int{exitPass, exitInconclusive, exitIO, exitViolation, exitInternal, exitInterrupted}
	if slices.Index(order, a) < slices.Index(order, b) {
		return b
	}
	return a
}

// run is Main without the process around it. It returns the exit code.
func (p *Program) run(ctx context.Context, args []string, s streams) (code int) {
	t := &tool{Program: p, streams: s}
	t.watchdog = &watch.Watchdog{Context: ctx, Patience: p.patience, Grace: p.grace, Tell: t.tell}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *scenario.PlanError: // nothing has been run
			t.complain(v.Error())
			code = exitUsage
		default:
			broken := watch.Wrap(v)
			text := broken.Error()
			if broken.Who == "" {
				text = "internal error: " + text
			}
			t.complain(text)
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
	to := s.stdout
	if t.piped {
		to = s.stderr
	}
	if t.out.Len() == 0 {
		return graver(e.code, t.code)
	}
	if _, err := to.Write(t.out.Bytes()); err != nil {
		t.lost("writing to standard output: %s", files.Reason(err))
	}
	return graver(e.code, t.code)
}

// plain makes text one line of printable ASCII, so that text of users or nodes cannot break
// a line, a table or a terminal. Microseconds are us, as in flags.
func plain(text string) string {
	text = strings.ReplaceAll(text, "µs", "us")
	if !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		return text
	}
	return unquoted(text)
}
