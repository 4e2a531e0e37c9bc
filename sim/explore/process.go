package explore

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

// ProcessError reports that the process of a run failed.
type ProcessError struct {
	Seed uint64 // of the run, or the salt of its identities
	Err  error
}

// Error returns one line.
func (e *ProcessError) Error() string {
	return fmt.Sprintf("seed %d: the process that made the run failed: %v", e.Seed, e.Err)
}

// Unwrap returns the cause.
func (e *ProcessError) Unwrap() error { return e.Err }

// process is another process that makes runs: see Serve.
type process struct {
	io.ReadWriteCloser
	lines *bufio.Reader
}

func newProcess(p io.ReadWriteCloser) *process { return &process{p, bufio.NewReader(p)} }

// ask has the process make a run, and returns the result. see gets the answers before it.
func (p *process) ask(r *request, see func(a *served)) (a served, err error) {
	if _, err := p.Write(jsonLine(r)); err != nil {
		// Its last words say more than that it does not read.
		if _, end := io.Copy(io.Discard, p.lines); end != nil {
			err = end
		}
		return a, err
	}
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			return a, err
		}
		text, ok := strings.CutPrefix(line, servedMark)
		if !ok {
			continue
		}
		a = served{}
		if err := json.Unmarshal([]byte(text), &a); err != nil || !a.partial() {
			return a, err
		}
		see(&a)
	}
}

// starter starts processes that make one run each. While one works, the next starts, which takes a
// good part of the time of a short run.
type starter struct {
	start func(threads int) (io.ReadWriteCloser, error)
	next  chan started // nil until the first is asked for
	ends  sync.WaitGroup
}

// started is a process, or why there is none.
type started struct {
	io.ReadWriteCloser
	err error
}

// fresh returns a process that has made no run. The caller passes it to end.
func (s *starter) fresh() (*process, error) {
	if s.next == nil {
		s.next = make(chan started, 1)
		s.begin()
	}
	p := <-s.next
	s.begin()
	if p.err != nil {
		return nil, p.err
	}
	return newProcess(p), nil
}

// begin starts the next process.
func (s *starter) begin() {
	s.ends.Go(func() {
		p, err := s.start(1)
		s.next <- started{p, err}
	})
}

// end ends a process that has made its run, in the background.
func (s *starter) end(p io.Closer) { s.ends.Go(func() { p.Close() }) }

// close ends all processes.
func (s *starter) close() {
	if s.next != nil {
		if p := <-s.next; p.err == nil {
			p.Close()
		}
	}
	s.ends.Wait()
}
