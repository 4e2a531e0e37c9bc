package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"dessim/sim/scenario"
	"dessim/sim/watch"
	"dessim/sim/wording"
)

// Times of an interruption.
const (
	// echo is how long after the first signal another one means nothing: timeout(1) sends
	// its signal to the process, and then to its group.
	echo = 500 * time.Millisecond
	// lateWork is how long runs that an interrupted command still makes may take, such as
	// those that write replay files.
	lateWork = 3 * time.Second
	// lastWord is when a command that has not ended, whatever it does, is ended.
	lastWord = 15 * time.Second
)

// signals returns the signals that interrupt the command.
func signals() <-chan os.Signal {
	ignoreBrokenPipe()
	c := make(chan os.Signal, 4)
	signal.Notify(c, append(hangups(), os.Interrupt, syscall.SIGTERM)...)
	return c
}

// heed interrupts the command at the first signal, and ends the process at the second, or if
// the command does not end.
func (p *Program) heed(signals <-chan os.Signal, interrupt func()) {
	<-signals
	first := time.Now()
	interrupt()
	late := time.After(lastWord)
	for {
		select {
		case <-signals:
			if time.Since(first) > echo {
				p.die("killed by a second signal; temporary files may be left")
			}
		case <-late:
			p.die(fmt.Sprintf("interrupted; killed, since it did not end within %v", lastWord))
		}
	}
}

func (p *Program) die(why string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", p.Name, why)
	os.Exit(exitInterrupted)
}

// tell reports a step that does not end.
func (t *tool) tell(s watch.Stuck) { t.complainAll(stuckLines(s)) }

func stuckLines(s watch.Stuck) []string {
	lines := []string{fmt.Sprintf("seed %d: %s", s.Seed, s.String())}
	for _, line := range watch.Callers(s.Frames) {
		lines = append(lines, "  "+line)
	}
	return lines
}

func (t *tool) complainAll(lines []string) {
	for _, line := range lines {
		t.complain(line)
	}
}

// late returns the watchdog of the runs that a command makes at its end. They have little time
// if the command was interrupted.
func (t *tool) late() *watch.Watchdog {
	if !t.watchdog.Interrupted() {
		return t.watchdog
	}
	ctx, cancel := context.WithTimeout(context.Background(), lateWork)
	context.AfterFunc(ctx, cancel)
	return &watch.Watchdog{Context: ctx, Patience: t.patience, Grace: t.grace}
}

// gate is a Writer that can be shut while another goroutine uses it.
type gate struct {
	lock sync.Mutex
	w    io.Writer
	shut bool
}

func (g *gate) Write(b []byte) (int, error) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.shut {
		return 0, errors.New("the run was abandoned")
	}
	return g.w.Write(b)
}

// close lets nothing more through. It returns false during a write: then nobody may use the
// Writer behind the gate.
func (g *gate) close() bool {
	if !g.lock.TryLock() {
		return false
	}
	defer g.lock.Unlock()
	g.shut = true
	return true
}

// interruptedEarly is how an interruption ends a command that has nothing to show yet.
func interruptedEarly() error {
	return &exit{exitInterrupted, "interrupted; nothing was written"}
}

// interrupted writes and prints what is known of a run that was interrupted.
func (j *job) interrupted(r *scenario.Report) error {
	text := fmt.Sprintf("interrupted after %s", wording.Count(r.Sim.Events, "event"))
	if j.record != nil {
		text += "; -record wrote nothing"
	}
	j.complain(text)
	if r.Stuck == nil {
		j.trace.finish(j.shown, r.Faults, endOf(r))
		j.writeLogs(r)
		j.show(r)
	} else {
		j.trace.abandon()
		if j.page != nil {
			j.complain("-report wrote nothing, since a step did not end")
		}
	}
	j.print(r)
	return &exit{code: exitInterrupted}
}

// unwritten returns how the command ends if an interruption left no time for a replay file, or
// for the report, or nil.
func (x *found) unwritten() error {
	switch {
	case !x.watchdog.Interrupted():
		return nil
	case slices.Contains(x.replays, ""):
		x.complain("interrupted before all replay files were written")
	case x.untold:
		x.complain("interrupted before all failures were shrunk for the report")
	default:
		return nil
	}
	return &exit{code: exitInterrupted}
}
