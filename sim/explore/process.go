package explore

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dessim/protocol"
	"dessim/sim/watch"
)

// A sweep can have other processes make its runs: see World.OwnProcess. It writes a SeedRun as a
// line of JSON, and reads a line with servedMark and a served. Nodes may print lines of
// their own between.

// servedMark begins the lines that are answers.
const servedMark = "dessim run: "

// served is the result of a run in another process.
type served struct {
	Line    seedLine               `json:"line"`
	Reached []uint32               `json:"reached,omitempty"` // of a guided sweep
	Differs *NotDeterministicError `json:"differs,omitempty"`
	Panic   string                 `json:"panic,omitempty"` // of the world itself
	Told    []string               `json:"told,omitempty"`  // before the result: see TellSweep
}

func answer(out io.Writer, a served) error {
	_, err := fmt.Fprintf(out, "\n%s%s", servedMark, jsonLine(a))
	return err
}

// TellSweep passes lines on a step that does not end to the SweepOptions.Tell of the sweep in
// another process. It is called during a run of ServeSweep, with the same out.
func TellSweep(out io.Writer, lines []string) error { return answer(out, served{Told: lines}) }

// ServeSweep makes the runs that a sweep in another process asks for, until in ends or the
// world is interrupted. The world and the strategy are those of that sweep.
func ServeSweep(w *World, strategy Strategy, in io.Reader, out io.Writer) error {
	s := &sweep{world: w, SweepOptions: SweepOptions{Strategy: strategy}}
	s.moved.L = &s.mu
	requests := json.NewDecoder(in)
	for {
		var r SeedRun
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		got := s.run(r)
		if got.interrupted {
			return nil
		}
		a := served{Line: got.line}
		if got.reached != nil {
			a.Reached = protocol.SortedKeys(got.reached.reached)
		}
		if !errors.As(got.err, &a.Differs) && got.err != nil {
			a.Panic = fmt.Sprint(s.panicked)
		}
		if err := answer(out, a); err != nil {
			return err
		}
	}
}

// ProcessError reports that a process which made runs for a sweep failed.
type ProcessError struct {
	Seed uint64 // of the run that it was to make
	Err  error
}

// Error returns one line.
func (e *ProcessError) Error() string {
	return fmt.Sprintf("seed %d: the process that made the run failed: %v", e.Seed, e.Err)
}

// client has another process make runs.
type client struct {
	sweep   *sweep
	process io.ReadWriteCloser
	lines   *bufio.Reader
}

// run is sweep.run in the other process.
func (c *client) run(r SeedRun) (out result) {
	answer, err := c.ask(r)
	switch {
	case err != nil && c.sweep.given.Err() != nil:
		return result{interrupted: true} // and so is the process
	case err != nil:
		return result{err: &ProcessError{r.Seed, err}}
	case answer.Panic != "":
		c.sweep.panicWith(&watch.Broken{Value: answer.Panic})
		return result{err: errPanicked}
	case answer.Differs != nil:
		return result{err: answer.Differs}
	}
	out.line = answer.Line
	if c.sweep.Strategy == Guided {
		out.reached = &coverage{reached: make(map[uint32]bool)}
		for _, x := range answer.Reached {
			out.reached.reached[x] = true
		}
	}
	return out
}

func (c *client) ask(r SeedRun) (answer served, err error) {
	if _, err := c.process.Write(jsonLine(r)); err != nil {
		// What it said at its end tells more than that it reads no more.
		if _, end := io.Copy(io.Discard, c.lines); end != nil {
			err = end
		}
		return answer, err
	}
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return answer, err
		}
		text, ok := strings.CutPrefix(line, servedMark)
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Told == nil {
			return answer, err
		}
		c.sweep.pass(answer.Told)
		answer = served{}
	}
}
