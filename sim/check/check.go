// Package check judges runs. A check is an observer that sees events and outputs and ends in
// a Result: Always and SameOrder judge safety at each event, and Finally at the end;
// Eventually judges liveness, and so does Answered for clients; and Sometimes proves that a
// run was not vacuous.
//
// A check that was never exercised did not pass: it makes the run inconclusive.
// A check that the parameters rule out is "not applicable", with the reason; that is
// not a pass either, and a run without an applicable check is inconclusive.
package check

import (
	"errors"
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim"
)

// Verdict is the result of a check or a run, in a word.
type Verdict string

// The verdicts. Only a Check's Result can be Unseen or NotApplicable.
const (
	Pass          Verdict = "pass"
	Violation     Verdict = "violation"
	Inconclusive  Verdict = "inconclusive"
	Unseen        Verdict = "unseen" // a Sometimes of the sweep did not happen in this run
	NotApplicable Verdict = "not applicable"
)

// ParseVerdict returns the verdict of a run by its exact name.
func ParseVerdict(text string) (v Verdict, ok bool) {
	switch v = Verdict(text); v {
	case Pass, Violation, Inconclusive:
		return v, true
	}
	return "", false
}

// Result is the result of a check.
type Result struct {
	Name      string
	Verdict   Verdict
	Exercised uint64        // how often there was something to judge
	Detail    string        // one sentence: the violation, the reason, the names of an Excuse, or empty
	Excused   uint64        // how many things were exempt
	At        protocol.Time // of the violation
	Step      uint64        // of the violation, as in the trace; 0 if the end of the run showed it
	Evidence  *Evidence     // of a violation, or nil; read only
}

// A Check is an observer that judges one run. A constructor makes it, for one run.
type Check struct {
	// What Observe needs comes first, in one cache line.
	look      judgement // of an Always or a Sometimes; instead of see
	see       func(c *Check, e *sim.Event)
	exercised uint64
	failed    bool

	name      string
	watch     sim.What
	selects   []sim.Selection
	reads     sim.Reads
	count     func(e *sim.Event) // counts an event in its turn, if it is looked at before
	conclude  func(c *Check, end protocol.Time) (Verdict, string)
	excused   []string
	only      func(id protocol.NodeID) bool
	holds     func() error  // of an Eventually: for Suite.Done
	waits     func() bool   // for Suite.Done
	bound     protocol.Time // of an Eventually: for Suite.Bound
	undecided error         // of an Always
	failure   Result
	evidence  *Evidence // of what the end of the run shows
	shown     *shown    // the event that shows it already
}

// Watch returns the events that the check observes.
func (c *Check) Watch() sim.What { return c.watch }

// Selects returns which messages, timers and outputs the check observes: see OfMessages.
func (c *Check) Selects() []sim.Selection { return c.selects }

// OfMessages makes the check observe, of the events of the sorts of, only those of messages that begin
// with one of these bytes, and returns it: see sim.Selection.
func (c *Check) OfMessages(of sim.What, first ...byte) *Check {
	c.selects = append(c.selects, sim.Selection{Of: of, First: first})
	return c
}

// OfTimers makes the check observe, of the events of the sorts of, only those of timers of these
// components, and returns it: see sim.Selection.
func (c *Check) OfTimers(of sim.What, components ...protocol.Component) *Check {
	s := sim.Selection{Of: of}
	for _, x := range components {
		s.First = append(s.First, byte(x))
	}
	c.selects = append(c.selects, s)
	return c
}

// OfOutputs makes the check observe, of outputs, only those of these kinds, and returns it: see
// sim.Selection.
func (c *Check) OfOutputs(kinds ...protocol.Kind) *Check {
	c.selects = append(c.selects, sim.Selection{Of: sim.Output, Kinds: kinds})
	return c
}

// WhileArmed makes the check observe the events of the sorts of, of messages that begin with one of
// these bytes or, without any, of all messages and timers, only of nodes for which armed is
// true then, and returns it: see sim.Selection.
func (c *Check) WhileArmed(of sim.What, armed []bool, first ...byte) *Check {
	c.selects = append(c.selects, sim.Selection{Of: of, First: first, Armed: armed})
	return c
}

// Only returns what tells whether the check judges events of a node; nil is all nodes. See
// sim.Sampling.
func (c *Check) Only() func(id protocol.NodeID) bool { return c.only }

// AtNodes has the check observe the events of those nodes alone, and of none, and returns it: in a
// large network, all of them cost too much.
func (c *Check) AtNodes(only func(id protocol.NodeID) bool) *Check {
	c.only = only
	return c
}

// Observe judges an event, unless the check has failed: only the first violation is
// reported.
func (c *Check) Observe(e *sim.Event) {
	switch {
	case c.failed:
	case c.look != nil: // judged, written out: most checks pass over most events
		relevant, wrong := c.look(e)
		if relevant {
			c.exercised++
		}
		if wrong != nil {
			c.finds(e, wrong)
		}
	case c.see != nil:
		c.see(c, e)
	}
}

// String returns the name, and that it is a check's.
func (c *Check) String() string { return fmt.Sprintf("check %q", c.name) }

// Reads returns what the check looks at while it observes.
func (c *Check) Reads() sim.Reads { return c.reads }

// ReadingEvents notes that the check looks at nothing but the events that it observes, so that its run
// can be in parts (see sim.Plan.Threads), and returns it. What the end of the run shows may
// depend on nodes.
func (c *Check) ReadingEvents() *Check {
	c.reads = sim.ReadsEvents
	return c
}

// ReadingNode notes that an Always or a Sometimes looks at nothing but an event and the node that it
// happens to, and that what it remembers is of that node alone: see sim.NodeReader. It returns
// the check.
func (c *Check) ReadingNode() *Check {
	if c.look == nil {
		panic(fmt.Sprintf("check: %q is neither an Always nor a Sometimes", c.name))
	}
	c.reads = sim.ReadsNode
	c.count = func(e *sim.Event) { c.judged(e, true, nil) }
	return c
}

// Look judges an event of a run in parts, and returns what remains to be done in its turn.
func (c *Check) Look(e *sim.Event) (then func(e *sim.Event)) {
	relevant, wrong := c.look(e)
	switch {
	case wrong != nil:
		return func(e *sim.Event) { c.judged(e, relevant, wrong) }
	case relevant:
		return c.count
	}
	return nil
}

// judgement reports whether an event is relevant, and what is wrong with it.
type judgement func(e *sim.Event) (relevant bool, wrong error)

// judged notes what was judged of an event.
func (c *Check) judged(e *sim.Event, relevant bool, wrong error) {
	if c.failed {
		return
	}
	if relevant {
		c.exercised++
	}
	if wrong != nil {
		c.finds(e, wrong)
	}
}

// finds notes what is wrong with an event.
func (c *Check) finds(e *sim.Event, wrong error) {
	if errors.Is(wrong, errUndecided) {
		c.undecided = wrong
	} else {
		c.fail(e, wrong)
	}
}

func (c *Check) fail(e *sim.Event, err error) {
	c.failed = true
	c.failure = Result{Verdict: Violation, Detail: err.Error(), At: e.At, Step: e.Step, Evidence: evidenceOf(err)}
}

// Result concludes, for a run that ended at end.
func (c *Check) Result(end protocol.Time) Result {
	r := c.failure
	if !c.failed {
		r = Result{At: end}
		r.Verdict, r.Detail = c.conclude(c, end)
		if r.Verdict != Violation {
			r.At = 0
		} else {
			r.Evidence = c.evidence
			if c.shown != nil {
				r.At, r.Step = c.shown.at, c.shown.step
			}
		}
	}
	r.Name, r.Exercised, r.Excused = c.name, c.exercised, uint64(len(c.excused))
	if r.Excused > 0 && r.Detail == "" {
		r.Detail = "excused: " + strings.Join(c.excused, "; ")
	}
	return r
}

// passIfExercised is the conclusion of a safety check that found nothing wrong.
func passIfExercised(c *Check, _ protocol.Time) (Verdict, string) {
	if c.undecided != nil {
		return Inconclusive, c.undecided.Error()
	}
	if c.exercised == 0 {
		return Inconclusive, "never exercised: nothing happened that it could judge"
	}
	return Pass, ""
}

var errUndecided = errors.New("undecided")

// undecided is an error that is no violation.
type undecided struct{ error }

func (undecided) Is(target error) bool { return target == errUndecided }

// Undecided returns what the judge of an Always or a Finally returns if it gave up before it
// knew: then the check is inconclusive, for that reason, unless it fails elsewhere.
func Undecided(reason string) error { return undecided{errors.New(reason)} }

// Always judges every event of the set watch: judge reports whether the event is relevant
// to the check, and what is wrong with it, as one sentence, or nil.
func Always(name string, watch sim.What, judge func(e *sim.Event) (relevant bool, wrong error)) *Check {
	return &Check{name: name, watch: watch, look: judge, conclude: passIfExercised}
}

// Told is an Always of what another observer judges, which says so: see Tell. So an observer with
// several checks looks at an event once.
func Told(name string) *Check { return &Check{name: name, conclude: passIfExercised} }

// Tell notes what was judged of an event, as the judge of an Always would return it.
func (c *Check) Tell(e *sim.Event, relevant bool, wrong error) { c.judged(e, relevant, wrong) }

// OrNotApplicable makes the check not applicable, for that reason, to a run that never
// exercised it, and returns it: for what few runs have.
func (c *Check) OrNotApplicable(reason string) *Check {
	conclude := c.conclude
	c.conclude = func(c *Check, end protocol.Time) (Verdict, string) {
		if c.exercised == 0 {
			return NotApplicable, reason
		}
		return conclude(c, end)
	}
	return c
}

// WhileWaiting keeps a run from ending early as long as waits reports that there may be
// something left to judge, and returns the check. waits must only read.
func (c *Check) WhileWaiting(waits func() bool) *Check {
	c.waits = waits
	return c
}

// shown is an error with the event that shows it.
type shown struct {
	error
	at   protocol.Time
	step uint64
}

func (s *shown) Unwrap() error { return s.error }

// Shown returns err with the time and the step of the event that shows it, for the judge of a
// Finally that knows it: a report then begins there, and not at the end.
func Shown(err error, at protocol.Time, step uint64) error { return &shown{err, at, step} }

// Finally judges when the run is over, whenever that is: for safety that costs too much to
// judge at each event. judge returns how many things it looked at and what is wrong, as
// one sentence, or nil.
func Finally(name string, judge func() (n uint64, wrong error)) *Check {
	return &Check{name: name, conclude: func(c *Check, end protocol.Time) (Verdict, string) {
		n, wrong := judge()
		c.exercised, c.evidence = n, evidenceOf(wrong)
		errors.As(wrong, &c.shown)
		switch {
		case errors.Is(wrong, errUndecided):
			return Inconclusive, wrong.Error()
		case wrong != nil && end < c.bound:
			return Inconclusive, fmt.Sprintf("%v; the run ended at %v, it has until %v", wrong, end, c.bound)
		case wrong != nil:
			return Violation, wrong.Error()
		}
		return passIfExercised(c, end)
	}}
}

// Eventually is a Finally for what must come: judge returns what is still missing, and
// must only read. A run goes on until every Eventually holds or time is up: see Suite.Done
// and Suite.Bound. Something missing at the end is a violation if the run lasted until
// bound, and inconclusive if it ended before.
func Eventually(name string, bound protocol.Time, judge func() (n uint64, missing error)) *Check {
	c := Finally(name, judge)
	c.bound, c.holds = bound, func() error { _, missing := judge(); return missing }
	return c
}

// Excuse names something exempt from an Eventually, and why: "node 2, whose disk is
// damaged". Each call counts one.
type Excuse func(name string)

// EventuallyBut is an Eventually that may exempt some of what it looks at.
func EventuallyBut(name string, bound protocol.Time, judge func(excuse Excuse) (n uint64, missing error)) *Check {
	var c *Check
	c = Eventually(name, bound, func() (uint64, error) {
		c.excused = nil
		return judge(func(name string) { c.excused = append(c.excused, name) })
	})
	return c
}

// Seeing makes an Eventually or a Finally collect what it needs from events of the set watch,
// and returns it.
func (c *Check) Seeing(watch sim.What, see func(e *sim.Event)) *Check {
	c.watch, c.see = watch, func(_ *Check, e *sim.Event) { see(e) }
	return c
}

// Scope is where a Sometimes must happen.
type Scope uint8

// The scopes of a Sometimes.
const (
	EachRun Scope = iota // the plan forces it; a run without it is inconclusive
	InSweep              // some run of many; one run without it means nothing
)

// Sometimes requires that something happens, so that a run cannot pass by doing nothing.
func Sometimes(name string, scope Scope, watch sim.What, happened func(e *sim.Event) bool) *Check {
	look := func(e *sim.Event) (bool, error) { return happened(e), nil }
	return &Check{name: name, watch: watch, look: look, conclude: func(c *Check, _ protocol.Time) (Verdict, string) {
		switch {
		case c.exercised > 0:
			return Pass, ""
		case scope == InSweep:
			return Unseen, "did not happen in this run"
		}
		return Inconclusive, "did not happen"
	}}
}

// Skipped returns the check, ruled out for that reason.
func (c *Check) Skipped(reason string) *Check { return Skip(c.name, reason) }

// Skip stands for a check that the parameters rule out.
func Skip(name, reason string) *Check {
	return &Check{name: name, conclude: func(*Check, protocol.Time) (Verdict, string) {
		return NotApplicable, reason
	}}
}
