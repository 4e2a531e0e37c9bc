package explore

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dessim/protocol"
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
}

// ServeSweep makes the runs that a sweep in another process asks for, until in ends. The
// world and the strategy are those of that sweep.
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
		answer := served{Line: got.line}
		if got.reached != nil {
			answer.Reached = protocol.SortedKeys(got.reached.reached)
		}
		if !errors.As(got.err, &answer.Differs) && got.err != nil {
			answer.Panic = fmt.Sprint(s.panicked)
		}
		if _, err := fmt.Fprintf(out, "\n%s%s", servedMark, jsonLine(answer)); err != nil {
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
	case err != nil:
		return result{err: &ProcessError{r.Seed, err}}
	case answer.Panic != "":
		c.sweep.panicWith(answer.Panic)
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
		if text, ok := strings.CutPrefix(line, servedMark); ok {
			return answer, json.Unmarshal([]byte(text), &answer)
		}
	}
}
