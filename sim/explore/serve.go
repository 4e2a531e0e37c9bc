package explore

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// A process that calls Serve makes runs for another one. That one writes a request as a line of JSON,
// and reads lines of servedMark and a served; the last of them is the result. Nodes may print lines of
// their own in between. Bytes of a text that are not UTF-8 are replaced.

// servedMark begins the lines that are answers.
const servedMark = "dessim run: "

// request asks for one run.
type request struct {
	Salt uint64 `json:"salt"` // World.Salt
	// Sweep asks for what a sweep keeps of Run. Without it, Trial, or Run and Answers, are the run.
	Sweep    bool            `json:"sweep,omitempty"`
	Strategy Strategy        `json:"strategy,omitempty"` // of Run
	Run      SeedRun         `json:"run"`
	Answers  []source.Answer `json:"answers,omitempty"` // of Run, if Replay
	Replay   bool            `json:"replay,omitempty"`
	Record   bool            `json:"record,omitempty"` // the Trial of Run is wanted
	Trial    *Trial          `json:"trial,omitempty"`
	Guard    *Guard          `json:"guard,omitempty"` // of Trial: it decides when the run ends
	Told     bool            `json:"told,omitempty"`  // the story of Trial is wanted: see World.Told
	Turns    bool            `json:"turns,omitempty"` // the questions of Trial about turns are wanted
	Watch    sim.What        `json:"watch,omitempty"` // the events that are passed on
	Trace    bool            `json:"trace,omitempty"` // the trace is passed on
}

// served is an answer. Those before the result have Told, Events or Trace.
type served struct {
	Told   []string    `json:"told,omitempty"` // see ServeTell
	Events []sim.Event `json:"events,omitempty"`
	Trace  []byte      `json:"trace,omitempty"` // whole lines

	Line    *seedLine              `json:"line,omitempty"`
	Reached []uint32               `json:"reached,omitempty"` // of a guided sweep
	Differs *NotDeterministicError `json:"differs,omitempty"`
	Panic   string                 `json:"panic,omitempty"` // of the world itself
	Outcome *Outcome               `json:"outcome,omitempty"`
	Trial   *Trial                 `json:"trial,omitempty"`
	Guarded *guarded               `json:"guarded,omitempty"`
	Story   []string               `json:"story,omitempty"`
	Asked   []source.Answer        `json:"asked,omitempty"`
}

// guarded is a Guarded as data.
type guarded struct {
	Fails, GivenUp bool
	Events         uint64
	Used           []source.Answer // if it fails
}

// partial reports whether more answers to the request follow.
func (a *served) partial() bool { return a.Told != nil || a.Events != nil || a.Trace != nil }

func answer(out io.Writer, a *served) error {
	_, err := fmt.Fprintf(out, "\n%s%s", servedMark, jsonLine(a))
	return err
}

// ServeTell passes lines about a step that does not end to the process that asked for the run. It is
// called during a run of Serve, with the same out.
func ServeTell(out io.Writer, lines []string) error { return answer(out, &served{Told: lines}) }

// Serve makes the runs that another process asks for, until in ends or the world is interrupted,
// or after the first if the world's Isolation is EachRun. world returns the World with that Salt.
func Serve(world func(salt uint64) *World, in io.Reader, out io.Writer) error {
	var w *World
	requests := bufio.NewReader(in)
	for {
		line, err := requests.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var r request
		if err = cmp.Or(err, json.Unmarshal(line, &r)); err != nil {
			return err
		}
		if w == nil || w.Salt != r.Salt {
			w = world(r.Salt)
		}
		a, interrupted := r.serve(w, out)
		if interrupted {
			return nil
		}
		if err := answer(out, &a); err != nil || w.Isolation == EachRun {
			return err
		}
	}
}

// serve makes the run.
func (r *request) serve(w *World, out io.Writer) (a served, interrupted bool) {
	defer func() {
		if v := recover(); v != nil {
			a, interrupted = served{Panic: fmt.Sprint(watch.Wrap(v))}, false
		}
	}()
	if r.Sweep {
		return r.serveSweep(w)
	}
	if r.Trial != nil && r.Guard != nil {
		g := w.guarded(r.Trial, *r.Guard)
		a.Guarded = &guarded{Fails: g.Fails, GivenUp: g.GivenUp, Events: g.Events}
		if g.Fails {
			a.Guarded.Used = g.Used()
		}
		return a, false
	}
	var observers []sim.Observer
	passed := passer{out: out, watch: r.Watch}
	if r.Watch != 0 {
		observers = append(observers, &passed)
	}
	if r.Trace {
		observers = append(observers, &sim.Trace{W: &passed})
	}
	var o Outcome
	switch {
	case r.Trial != nil && r.Told:
		o, a.Trial, a.Story = w.Told(r.Trial)
	case r.Trial != nil && r.Turns:
		o, a.Asked = w.Turns(r.Trial)
	case r.Trial != nil:
		o = w.Try(r.Trial, observers...)
	case r.Replay:
		o, a.Trial = w.Seed(r.Run.Seed, source.NewReplay(r.Answers), r.Record, observers...)
	default:
		o, a.Trial = w.Made(r.Strategy, r.Run, r.Record, observers...)
	}
	passed.flush()
	a.Outcome = o.portable()
	return a, o.Interrupted()
}

func (r *request) serveSweep(w *World) (a served, interrupted bool) {
	s := &sweep{world: w, SweepOptions: SweepOptions{Strategy: r.Strategy}, once: w.Isolation == EachRun}
	s.moved.L = &s.mu
	got := s.run(r.Run)
	a.Line = &got.line
	if got.reached != nil {
		a.Reached = protocol.SortedKeys(got.reached.reached)
	}
	if !errors.As(got.err, &a.Differs) && got.err != nil {
		a.Panic = fmt.Sprint(s.panicked)
	}
	return a, got.interrupted
}

// portable returns the outcome without values that cannot leave their process.
func (o *Outcome) portable() *Outcome {
	x := *o
	if p := o.Panic; p != nil {
		x.Panic = &sim.Panic{Moment: p.Moment, Value: fmt.Sprint(p.Value), Frames: p.Frames}
	}
	return &x
}

// passer is an observer that passes events on, and a Writer for a trace.
type passer struct {
	out    io.Writer
	watch  sim.What
	events []sim.Event
	lines  []byte
}

// How much is passed on at a time.
const (
	passedEvents = 256
	passedBytes  = 1 << 15
)

func (p *passer) Watch() sim.What { return p.watch }

func (p *passer) Observe(e *sim.Event) {
	x := *e
	x.Body = bytes.Clone(e.Body)
	p.events = append(p.events, x)
	if len(p.events) == passedEvents {
		p.flush()
	}
}

// Write passes on whole lines.
func (p *passer) Write(b []byte) (int, error) {
	p.lines = append(p.lines, b...)
	if len(p.lines) >= passedBytes {
		p.flush()
	}
	return len(b), nil
}

// flush passes on what is left. Its errors are ignored: the answer fails then, too.
func (p *passer) flush() {
	if len(p.events) > 0 {
		answer(p.out, &served{Events: p.events})
		p.events = p.events[:0]
	}
	if len(p.lines) > 0 {
		answer(p.out, &served{Trace: p.lines})
		p.lines = p.lines[:0]
	}
}
