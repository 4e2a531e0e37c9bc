package cmdline

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"

	"dessim/sim/explore"
	"dessim/sim/files"
)

// worker is a process that makes runs for a sweep.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	errors lastWords
}

// another starts this program again. The context of the sweep does not end it: a worker
// ends its run when the sweep is interrupted, as one within the process does.
func (s *sweep) another() (io.ReadWriteCloser, error) {
	exe, err := executable("sweep")
	if err != nil {
		return nil, err
	}
	args := []string{"sweep", "-worker-process", "-scenario", s.Scenario.Name, "-strategy", s.Strategy.String(),
		"-seeds", fmt.Sprintf("%d-%d", s.From, s.To)}
	for _, x := range s.Scenario.Params() {
		args = append(args, "-"+x.Name, x.Get(&s.Params))
	}
	return startWorker(s.Name, exec.Command(exe, args...))
}

func startWorker(program string, cmd *exec.Cmd) (w *worker, err error) {
	w = &worker{cmd: cmd, errors: lastWords{program: program}}
	cmd.Stderr = &w.errors
	if w.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if w.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return w, cmd.Start()
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
	w.in.Close()
	if w.cmd.ProcessState != nil {
		return nil
	}
	io.Copy(io.Discard, w.out)
	return w.cmd.Wait()
}

// serve makes the runs that the sweep asks for. A key that interrupts the sweep reaches its
// workers too. They ignore it, since their runs are still wanted, and end with the sweep.
func (s *sweep) serve() error {
	signal.Ignore(os.Interrupt)
	debug.SetGCPercent(sweepGC)
	requests, w := io.Pipe()
	go func() {
		io.Copy(w, os.Stdin)
		os.Exit(exitPass) // the sweep has ended, whatever a node does here
	}()
	err := explore.ServeSweep(s.Scenario.World(s.From, s.Params), s.Strategy, requests, s.stdout)
	return &exit{exitIO, "answering the sweep: " + files.Reason(err)}
}
