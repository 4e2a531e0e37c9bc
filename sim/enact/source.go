package enact

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Source answers the questions of a run as a script says. It must be an observer of the run
// as well: what is asked about is what was shown last. Questions before the run, such as
// those of the workload, are answered by another source.
type Source struct {
	*script
	before protocol.Source
	starts []protocol.Time          // when the plan has nodes start
	inputs map[uint64]protocol.Time // when the plan has inputs come

	running bool
	at      []cursor // one a node
	// About the effect shown last:
	now   protocol.Time
	times []protocol.Time // when the message was, or will be, taken up
	copy  bool            // questions are about its copy
	due   protocol.Time   // of the timer
	tag   uint64

	idle    map[protocol.Key]bool // questions whose answers made no difference
	diverge error
}

// late is a pending timer that is due at a time, and late by an answer to a question.
type late struct {
	seq uint64
	key protocol.Key
	due protocol.Time
}

// cursor is where a node is in its recording.
type cursor struct {
	step     int // index of the current step; -1 before the first
	inc      uint32
	began    protocol.Time // the incarnation
	fold     uint32
	answered int
	synced   int
	sent     map[protocol.NodeID]uint64
	itself   int // index of the last own message that has its step
	safe     uint64
	set      uint64 // the timer shown last
	late     []late
}

func newSource(s *script, before protocol.Source, starts []protocol.Time, inputs map[uint64]protocol.Time) *Source {
	src := &Source{script: s, before: before, starts: starts, inputs: inputs, at: make([]cursor, len(s.nodes)),
		idle: make(map[protocol.Key]bool)}
	for i := range src.at {
		src.at[i].step, src.at[i].itself = -1, -1
	}
	return src
}

// diverges notes the first difference between the run and its recording.
func (s *Source) diverges(id protocol.NodeID, format string, args ...any) {
	if s.diverge == nil {
		s.diverge = fmt.Errorf("at %s node %v %s", fault.FormatSpan(time.Duration(s.now)), id, fmt.Sprintf(format, args...))
	}
}

// Watch asks for what the questions are about.
func (s *Source) Watch() sim.What {
	return sim.Started | sim.Crashed | sim.Received | sim.Fired | sim.Sent | sim.Copied | sim.Persisted | sim.Synced | sim.Output | sim.TimerSet | sim.TimerCancelled
}

// Observe follows the run.
func (s *Source) Observe(e *sim.Event) {
	s.running, s.now = true, e.At
	c := &s.at[e.Node]
	switch e.What {
	case sim.Started:
		s.begins(e, record.Start)
		c.inc, c.began, c.fold, c.sent = e.Incarnation, e.At, 0, make(map[protocol.NodeID]uint64)
		c.itself = c.step
		if steps := s.nodes[e.Node].steps; c.step < len(steps) {
			c.safe = steps[c.step].Seq
		}
	case sim.Received:
		op := record.Message
		if e.Peer == protocol.Outside {
			op = record.Input
		}
		s.begins(e, op)
	case sim.Fired:
		c.late = slices.DeleteFunc(c.late, func(x late) bool { return x.seq == e.Seq })
		s.begins(e, record.Timer)
	case sim.Crashed:
		s.crashed(e, c)
	case sim.Sent:
		s.sends(e, c)
	case sim.Copied:
		s.copy = true
	case sim.TimerSet:
		s.due, s.tag = e.At+protocol.Time(e.After), e.Tag
		c.set = e.Seq
		c.fold = record.Fold(c.fold, &protocol.Effect{Op: protocol.OpSetTimer, Tag: e.Tag, After: e.After})
	case sim.TimerCancelled:
		s.cancelled(c, func(x *late) bool { return x.seq == e.Seq })
	case sim.Persisted:
		c.fold = record.Fold(c.fold, &protocol.Effect{Op: protocol.OpPersist, Body: e.Body})
	case sim.Synced:
		c.safe = e.Tag
	case sim.Output:
		c.fold = record.Fold(c.fold, &protocol.Effect{Op: protocol.OpOutput, Kind: e.Kind, Body: e.Body})
	}
}

// begins moves a node on to its next step, which should be e.
func (s *Source) begins(e *sim.Event, op record.Op) {
	n, c := s.nodes[e.Node], &s.at[e.Node]
	c.step++
	c.answered, c.synced = 0, 0
	if e.At > s.end {
		return // of which nothing is known
	}
	if c.step >= len(n.steps) {
		s.diverges(e.Node, "makes a step (%v) that is not in its recording", op)
		return
	}
	r := &n.steps[c.step]
	switch {
	case r.Op != op || r.At != e.At || op == record.Timer && r.Tag != e.Tag || op == record.Message && r.From != e.Peer:
		s.diverges(e.Node, "takes up %s; its recording has %s at %s", describe(op, e.Peer, e.Tag), describe(r.Op, r.From, r.Tag), fault.FormatSpan(time.Duration(r.At)))
	case op != record.Start && r.Fold != c.fold:
		s.diverges(e.Node, "has done something else than its recording says, in the step before this one or earlier")
	}
}

func describe(op record.Op, from protocol.NodeID, tag uint64) string {
	switch op {
	case record.Message:
		return fmt.Sprintf("a message of node %v", from)
	case record.Timer:
		return fmt.Sprintf("timer %#x", tag)
	case record.Input:
		return "an input"
	}
	return "its start"
}

// crashed compares what the node has done when its incarnation ends, and forgets its timers.
func (s *Source) crashed(e *sim.Event, c *cursor) {
	for _, end := range s.nodes[e.Node].ends {
		if end.folded && end.at == e.At && end.fold != c.fold {
			s.diverges(e.Node, "has done something else by its crash than its recording says")
		}
	}
	s.cancelled(c, all)
}

// sends finds out when the message that is being sent was taken up.
func (s *Source) sends(e *sim.Event, c *cursor) {
	c.fold = record.Fold(c.fold, &protocol.Effect{Op: protocol.OpSend, To: e.Peer, Body: e.Body})
	s.times, s.copy = nil, false
	if e.Peer == e.Node {
		s.times = s.ownNext(e.Node, c)
		return
	}
	c.sent[e.Peer]++
	s.times = s.arrivals[message{e.Node, e.Peer, c.inc, c.sent[e.Peer]}]
	for _, at := range s.times {
		if at <= s.now {
			s.diverges(e.Node, "sends a message that node %v took up at %s, so their clocks differ by %s or more", e.Peer,
				fault.FormatSpan(time.Duration(at)), fault.FormatSpan(s.now.Sub(at)))
		}
	}
}

// ownNext returns when the next of a node's messages to itself was taken up, if it was.
func (s *Source) ownNext(id protocol.NodeID, c *cursor) []protocol.Time {
	steps := s.nodes[id].steps
	for i := c.itself + 1; i < len(steps) && steps[i].inc == c.inc; i++ {
		if steps[i].Op == record.Message && steps[i].From == id {
			c.itself = i
			return []protocol.Time{steps[i].At}
		}
	}
	return nil
}

// cancelled notes that the answers about timers made no difference, if the timers were not due
// yet when they were cancelled, replaced or lost.
func (s *Source) cancelled(c *cursor, which func(x *late) bool) {
	c.late = slices.DeleteFunc(c.late, func(x late) bool {
		if !which(&x) {
			return false
		}
		if s.now < x.due {
			s.idle[x.key] = true
		}
		return true
	})
}

func all(*late) bool { return true }

// answers returns what was answered, but for answers that made no difference.
func (s *Source) answers(given []source.Answer) []source.Answer {
	s.now = s.end
	for i := range s.at {
		s.cancelled(&s.at[i], all) // what is pending then
	}
	return slices.DeleteFunc(given, func(a source.Answer) bool { return s.idle[a.Key] })
}
