// Package history keeps what happened in a run, for readers of the run: a report, a story, a
// debugger, an export.
//
// A History observes a run. It has a row for each event, in their order, with the row where a
// message or a timer comes from; the answers that were not benign, each after the row that
// asked for it; and the states of the nodes after each step. So the causes of a step can be
// followed back: what triggered it, and the step before it on the same node.
package history

import (
	"cmp"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/stats"
)

// History is what happened in one run. New makes it and Attach connects it to the run; it is
// complete when the run is over. It observes the run, looks at its nodes, and stands before its
// source; it changes none of them. All of it is read only.
type History struct {
	Scenario *scenario.Scenario
	Steps    []Step // by number; Steps[0] is what was before the first
	Rows     []Row
	Answers  []Answer
	States   States
	Kinds    Table[protocol.Kind]
	Texts    Table[string]
	Timers   Table[string] // their names
	Reason   string        // why the run ended; "" if it broke
	Figures  *stats.Meter  // measures the run; nil unless a reader needs it

	words  func(e *sim.Event) string
	source protocol.Source
	origin map[origin]int32 // the row that sent a message or set a timer which is to come
	named  map[timer]int    // indices of timers
}

// Step is one step of the run, or what was before the first.
type Step struct {
	At  protocol.Time
	Row int32 // the number of its first row
}

// Row is one event.
type Row struct {
	What   sim.What
	Node   protocol.NodeID // Outside if it has none
	Peer   protocol.NodeID // the other end of a message
	Kind   int32           // index of Kinds, of a message, output or note
	Text   int32           // index of Texts, or None
	Origin int32           // the row where a message or timer comes from that arrives, fires or is cancelled, or where a flush began that is done; or None
	Num    uint64          // the number of a fault, record or incarnation, the tag of a flush, or the index of a timer's name
}

// None is no row, and no text.
const None = -1

// Answer is one that was not benign.
type Answer struct {
	Row int32 // after which it was asked for, or None
	source.Answer
}

// origin is what names a message or a timer: its sender, and its number there.
type origin struct {
	node protocol.NodeID
	seq  uint64
}

// New returns the History of a run of s with parameters p.
func New(s *scenario.Scenario, p *scenario.Params, l Limits) *History {
	h := &History{Scenario: s, words: s.Words(p), origin: make(map[origin]int32), named: make(map[timer]int), Steps: []Step{{}}}
	h.States.limits = l
	if l.Bytes > 0 {
		h.Figures = new(stats.Meter)
	}
	return h
}

// Attach connects h to the run that o and src make, and returns the source to make it with.
func (h *History) Attach(o *scenario.Options, src protocol.Source) protocol.Source {
	h.source = src
	o.Observers = append(o.Observers[:len(o.Observers):len(o.Observers)], observer{h})
	o.Begun = h.States.begin
	o.Meter = h.Figures
	return asker{h}
}

// asker is the history as a Source.
type asker struct{ *History }

// Choose asks the source.
func (a asker) Choose(k protocol.Key, n uint64) uint64 {
	v := a.source.Choose(k, n)
	if v != 0 {
		a.answered(source.Answer{Key: k, Range: n, Value: v})
	}
	return v
}

// Chance asks the source.
func (a asker) Chance(k protocol.Key, p protocol.Ratio) bool {
	v := a.source.Chance(k, p)
	if v {
		a.answered(source.Answer{Key: k, Value: 1})
	}
	return v
}

func (h *History) answered(a source.Answer) {
	h.Answers = append(h.Answers, Answer{int32(len(h.Rows)) - 1, a})
}

// observer is the history as an Observer.
type observer struct{ *History }

// Watch returns all events.
func (h observer) Watch() sim.What { return sim.Everything &^ sim.Shadowed }

// Observe keeps an event.
func (h observer) Observe(e *sim.Event) {
	if e.What == sim.Ended {
		h.States.settle(nil)
		h.Reason = e.Text
		return
	}
	if int(e.Step) >= len(h.Steps) {
		h.States.settle(e)
		for int(e.Step) >= len(h.Steps) { // a step can have no event
			h.Steps = append(h.Steps, Step{e.At, int32(len(h.Rows))})
		}
	}
	h.States.touch(e.Node)
	h.keep(e)
}

// Last returns the number of the last step.
func (h *History) Last() int { return len(h.Steps) - 1 }

// RowsOf returns the first row of a step, and the row after its last.
func (h *History) RowsOf(step int) (from, to int) {
	if step == h.Last() {
		return int(h.Steps[step].Row), len(h.Rows)
	}
	return int(h.Steps[step].Row), int(h.Steps[step+1].Row)
}

// StepOf returns the step of a row.
func (h *History) StepOf(row int) int {
	low, high := 0, len(h.Steps)
	for high-low > 1 {
		if middle := (low + high) / 2; int(h.Steps[middle].Row) <= row {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// keep adds the row of an event.
func (h *History) keep(e *sim.Event) {
	if e.What == sim.Copied && e.Tag == sim.Again { // its own row says what is sent: the first time is long past
		again := *e
		again.What = sim.Sent
		e = &again
	}
	x := Row{What: e.What, Node: e.Node, Peer: e.Peer, Text: None, Origin: None, Num: e.Tag}
	switch e.What {
	case sim.Received, sim.Dropped, sim.Fired, sim.TimerCancelled, sim.Flushed:
		x.Origin = h.arrive(e)
	case sim.Sent, sim.Copied, sim.TimerSet, sim.Flushing:
		h.origin[origin{e.Node, e.Seq}] = int32(len(h.Rows))
	case sim.Lost:
		delete(h.origin, origin{e.Node, e.Seq})
	}
	if e.What&(sim.Sent|sim.Received|sim.Dropped|sim.Output|sim.Noted) != 0 {
		x.Kind = int32(h.Kinds.Add(e.Kind))
	}
	switch {
	case e.What&(sim.Received|sim.Dropped) != 0 && x.Origin != None:
		x.Text = h.textFrom(x.Origin)
	case e.What == sim.TimerSet:
		x.Text = h.text(e.After.String())
	case e.What&(sim.Flushing|sim.Flushed|sim.Salvaged) != 0:
		x.Text = h.text(h.diskText(e))
	case e.What&(sim.Persisted|sim.Output|sim.Sent|sim.Received|sim.Dropped|sim.Corrupted) != 0:
		x.Text = h.text(h.bodyText(e))
	case e.What&(sim.Crashed|sim.Noted|sim.Injected|sim.Lifted|sim.Damaged) != 0:
		x.Text = h.text(e.Text)
	}
	switch e.What {
	case sim.Started:
		x.Num = uint64(e.Incarnation)
	case sim.Fired, sim.TimerSet, sim.TimerCancelled:
		x.Num = h.timer(e)
	}
	h.Rows = append(h.Rows, x)
}

// bodyText returns the words for a body. A scenario that has words for some has none for what its
// nodes could not read either.
func (h *History) bodyText(e *sim.Event) string {
	words := h.words(e)
	text := BodyText(words, e.Body)
	if words == "" && text != "" && h.Scenario.Text != nil && e.What != sim.Output {
		return "not readable: " + text
	}
	return text
}

// diskText says which records a flush is about, or what became of a record in a crash and what it
// is.
func (h *History) diskText(e *sim.Event) string {
	text := e.Text
	if e.What != sim.Salvaged {
		text = sim.IndicesText(e.Body)
		if e.Text != "" {
			text += ": " + e.Text
		}
		return text
	}
	record := *e
	record.What = sim.Persisted
	if words := h.bodyText(&record); words != "" {
		text += ": " + words
	}
	return text
}

func (h *History) text(text string) int32 { return int32(h.Texts.Add(Cut(text))) }

// textFrom returns the text of a message that was sent, or copied, in that row: what it was
// corrupted to, if it was.
func (h *History) textFrom(row int32) int32 {
	if next := row + 1; int(next) < len(h.Rows) && h.Rows[next].What == sim.Corrupted && h.Rows[next].Node == h.Rows[row].Node {
		return h.Rows[next].Text
	}
	for h.Rows[row].What != sim.Sent {
		row-- // from a copy, past what became of the message before
	}
	return h.Rows[row].Text
}

// arrive returns the row where a message or timer that comes, or is cancelled, comes from; or
// None.
func (h *History) arrive(e *sim.Event) int32 {
	o := origin{e.Node, e.Seq}
	if e.What&(sim.Received|sim.Dropped) != 0 {
		if e.Peer == protocol.Outside {
			return None
		}
		o.node = e.Peer
	}
	at, known := h.origin[o]
	if !known {
		return None
	}
	delete(h.origin, o)
	return at
}

// timer is what the name of a timer depends on.
type timer struct {
	node protocol.NodeID
	tag  uint64
}

// timer returns the index of a timer's name.
func (h *History) timer(e *sim.Event) uint64 {
	t := timer{e.Node, e.Tag}
	i, known := h.named[t]
	if !known {
		fired := *e
		fired.What = sim.Fired
		i = h.Timers.Add(Cut(cmp.Or(h.words(&fired), sim.TimerText(e.Tag))))
		h.named[t] = i
	}
	return uint64(i)
}

// Table numbers values in the order in which they come first.
type Table[T comparable] struct {
	All    []T
	number map[T]int
}

// Index returns the number of a value, if it has one.
func (t *Table[T]) Index(v T) (i int, known bool) {
	i, known = t.number[v]
	return i, known
}

// Add returns the number of a value, which it gives to a new one.
func (t *Table[T]) Add(v T) int {
	i, known := t.number[v]
	if !known {
		if t.number == nil {
			t.number = make(map[T]int)
		}
		i = len(t.All)
		t.number[v] = i
		t.All = append(t.All, v)
	}
	return i
}
