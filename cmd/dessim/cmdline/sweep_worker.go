package cmdline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/watch"
)

// worker is a process that makes runs for a sweep, or for another search.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	errors lastWords
	heeds  func() bool // ends the heed of an interruption
}

func startWorker(ctx context.Context, program string, cmd *exec.Cmd) (w *worker, err error) {
	w = &worker{cmd: cmd, errors: lastWords{program: program}}
	cmd.Stderr = &w.errors
	if w.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if w.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.heeds = context.AfterFunc(ctx, func() {
		w.in.Close()
		time.AfterFunc(2*lateWork, func() { cmd.Process.Kill() }) // it has ended by itself, unless something stops it
	})
	return w, nil
}

// Write asks for a run.
func (w *worker) Write(b []byte) (int, error) { return w.in.Write(b) }

// Read reads what the worker answers. A worker does not end by itself: if it has, the error
// says why.
func (w *worker) Read(b []byte) (int, error) {
	n, err := w.out.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	w.cmd.Wait() // its error repeats the exit code
	return n, errors.New(cmp.Or(w.errors.text(), w.cmd.ProcessState.String()))
}

// Close ends the worker.
func (w *worker) Close() error {
	w.heeds()
	w.in.Close()
	if w.cmd.ProcessState != nil {
		return nil
	}
	io.Copy(io.Discard, w.out)
	return w.cmd.Wait()
}

// serve makes the runs that a sweep or another search asks for. The end of stdin interrupts it: the
// search was interrupted, or has ended. A signal that interrupts it may reach its workers too,
// and means nothing to them.
func (s *sweep) serve() error {
	signal.Ignore(append(hangups(), os.Interrupt, syscall.SIGTERM)...)
	ctx, interrupt := context.WithCancel(context.Background())
	requests, w := io.Pipe()
	go func() {
		io.Copy(w, os.Stdin)
		interrupt()
		w.Close()
		time.Sleep(lateWork)
		os.Exit(exitInterrupted) // whatever the scenario does here
	}()
	watchdog := &watch.Watchdog{Context: ctx, Patience: s.patience, Grace: s.grace, Tell: func(stuck watch.Stuck) {
		explore.ServeTell(s.stdout, stuckLines(stuck)) // if it fails, so does the answer
	}}
	world := func(salt uint64) *explore.World {
		salted := s.subject
		salted.Seed = salt
		w := s.tool.world(watchdog, &salted)
		if w.Isolation != explore.EachRun { // a process touches its heap for the first time: a small one costs less
			debug.SetGCPercent(sweepGC)
		}
		return w
	}
	if err := explore.Serve(world, requests, s.stdout); err != nil {
		return &exit{exitIO, "answering the other process: " + files.Reason(err)}
	}
	return nil
}
