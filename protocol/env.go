package protocol

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Op is what an Effect does.
type Op uint8

// The effects of a step.
const (
	OpSend        Op = iota + 1 // To, Kind, Body
	OpSetTimer                  // After, Tag
	OpCancelTimer               // Tag
	OpPersist                   // Body; Tag: see PersistFrom
	OpSync                      //
	OpDiscard                   // Tag: the first index that is kept
	OpOutput                    // Kind, Body
	OpFlush                     // Tag; Body: the indices, as AppendIndices writes them
)

// String names the effect as traces do.
func (o Op) String() string {
	names := [...]string{"none", "send", "set-timer", "cancel-timer", "persist", "sync", "discard", "output", "flush"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// An Effect is one output of a step. Fields that its Op does not use are 0.
type Effect struct {
	Op    Op
	To    NodeID
	Kind  Kind
	Tag   uint64
	After time.Duration
	Body  []byte // nil if empty; owned by the Env, valid until its next Enter
}

// A Note is a remark for people, made before the effect with index Before.
type Note struct {
	Before int
	Kind   Kind
	Text   string
}

// Env is what a node sees of the world during one step. It records what the node
// does and does nothing itself; the runtime decides what becomes of the effects.
// The zero Env is ready for Enter.
type Env struct {
	src     Source
	id      NodeID
	inc     uint32
	now     Time
	name    uint64 // of this step: see Name
	answers uint64 // fold of the answers given in this step
	effects []Effect
	buf     []byte // arena of the bodies
	last    []byte // the last body, so that a broadcast keeps one
	asked   []asked
	notes   []Note
	noteOn  bool

	rare      bool // one of those below is set, as in few steps: so Enter is cheap
	starting  bool
	records   iter.Seq2[uint64, []byte]
	jumped    time.Duration // by how much the jumps of the clock set now forward
	scheduler Scheduler
	full      bool // the disk
	told      bool // the node asked whether it is
}

type asked struct {
	kind Kind
	n    uint64
}

// ID returns the node's number.
func (e *Env) ID() NodeID { return e.id }

// Incarnation returns the number of this incarnation: 1, 2, ... It survives
// crashes and grows at every restart.
func (e *Env) Incarnation() uint32 { return e.inc }

// Now returns the node's local time, which may be off. Only the simulator knows
// the true time.
func (e *Env) Now() Time { return e.now }

// Steady returns what has passed by the node's clock without its jumps: it never goes
// back, and timers run by it. Systems call it a monotonic clock. Now is Steady plus the
// jumps so far.
func (e *Env) Steady() Time { return e.now - Time(e.jumped) }

// Scheduler returns who decides in which order the node's goroutines run in this step. It is
// nil in most steps: then they run in the order in which they could, and none yields or stalls.
func (e *Env) Scheduler() Scheduler { return e.scheduler }

// Choose asks for a number in [0, n), 0 being benign. n must be at least 1. The
// question is named by the node, its incarnation, the step's name, kind, and how
// often this step has asked that kind before; so other questions do not rename it.
func (e *Env) Choose(kind Kind, n uint64) uint64 {
	if n == 0 {
		panic(fmt.Sprintf("protocol: node %d chooses %v among 0", e.id, kind))
	}
	if n == 1 {
		return 0
	}
	a := e.src.Choose(e.key(kind), n)
	if a >= n {
		panic(fmt.Sprintf("protocol: source answered %d to a choice among %d (%v of node %d)", a, n, kind, e.id))
	}
	e.answers = Hash2(e.answers, a)
	return a
}

// Chance asks whether something of probability p happens, false being benign.
// It is also the hook for taking a rare branch on purpose. Questions are named as
// for Choose.
func (e *Env) Chance(kind Kind, p Ratio) bool {
	if !p.Valid() {
		panic(fmt.Sprintf("protocol: node %d asks %v with probability %d/%d", e.id, kind, p.Num, p.Den))
	}
	if p.Never() {
		return false
	}
	if p.Sure() {
		return true
	}
	a := e.src.Chance(e.key(kind), p)
	var bit uint64
	if a {
		bit = 1
	}
	e.answers = Hash2(e.answers, bit)
	return a
}

func (e *Env) key(kind Kind) Key {
	var n uint64
	for i := range e.asked {
		if e.asked[i].kind == kind {
			e.asked[i].n++
			n = e.asked[i].n
			return Key{Kind: kind, A: e.id, N: Hash3(e.name, uint64(e.inc), n)}
		}
	}
	e.asked = append(e.asked, asked{kind: kind})
	return Key{Kind: kind, A: e.id, N: Hash3(e.name, uint64(e.inc), 0)}
}

// Send sends msg to a node. kind names the message in traces, counts, anchors
// and nowhere else: it does not travel. The caller keeps msg.
func (e *Env) Send(to NodeID, kind Kind, msg []byte) {
	f := e.next()
	f.Op, f.To, f.Kind, f.Tag, f.After = OpSend, to, kind, 0, 0
	f.Body = e.keep(msg)
}

// SetTimer sets the timer tag: Timeout is called when that time has passed by the
// node's clock, whose drift it follows and whose jumps it does not. It replaces a timer
// already set under tag, and panics for less than 1 ns. The top 16 bits of a tag name the
// component: see Component.Tag.
func (e *Env) SetTimer(after time.Duration, tag uint64) {
	if after < 1 {
		panic(fmt.Sprintf("protocol: node %d sets timer %#x after %d ns, want at least 1", e.id, tag, after))
	}
	f := e.next()
	*f = Effect{Op: OpSetTimer, Tag: tag, After: after}
}

// CancelTimer removes the timer under tag, if there is one.
func (e *Env) CancelTimer(tag uint64) {
	f := e.next()
	*f = Effect{Op: OpCancelTimer, Tag: tag}
}

// Persist appends rec to the node's disk. A crash may lose it until the next Sync, or
// until a Flush of it is done.
// Records are numbered from 0 in the order of their Persist. The caller keeps rec.
func (e *Env) Persist(rec []byte) {
	b := e.keep(rec)
	f := e.next()
	*f = Effect{Op: OpPersist, Body: b}
}

// Sync makes what was persisted before it survive any crash from here on. It
// takes disk time: what follows it in the step happens, and the node's next step
// begins, when it is done.
func (e *Env) Sync() {
	f := e.next()
	*f = Effect{Op: OpSync}
}

// Discard forgets the records with an index below upTo. It takes effect with the
// next Sync or Flush, if that does not fail.
func (e *Env) Discard(upTo uint64) {
	f := e.next()
	*f = Effect{Op: OpDiscard, Tag: upTo}
}

// Records returns what survived on the node's disk, oldest first, by index. It
// panics outside Start. The bytes are borrowed until Start returns.
func (e *Env) Records() iter.Seq2[uint64, []byte] {
	if !e.starting {
		panic(fmt.Sprintf("protocol: node %d reads its records outside Start", e.id))
	}
	if e.records == nil {
		return func(func(uint64, []byte) bool) {}
	}
	return e.records
}

// Output records what the node made final: delivered, committed, answered. Checks
// judge it and the outputs digest folds it. The caller keeps rec.
func (e *Env) Output(kind Kind, rec []byte) {
	b := e.keep(rec)
	f := e.next()
	*f = Effect{Op: OpOutput, Kind: kind, Body: b}
}

// Note makes a remark for people: args are printed as by fmt.Sprintln. Notes are
// off unless observed. A note is not an effect and never enters a digest.
func (e *Env) Note(kind Kind, args ...any) {
	if e.noteOn {
		text := strings.TrimSuffix(fmt.Sprintln(args...), "\n")
		e.notes = append(e.notes, Note{Before: len(e.effects), Kind: kind, Text: text})
	}
}

func (e *Env) next() *Effect {
	n := len(e.effects)
	if n < cap(e.effects) {
		e.effects = e.effects[:n+1]
	} else {
		e.effects = append(e.effects, Effect{})
	}
	return &e.effects[n]
}

// keep copies b into the arena. When the arena is full a larger one replaces it;
// earlier bodies stay valid where they are.
func (e *Env) keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if bytes.Equal(b, e.last) {
		return e.last
	}
	if len(e.buf)+len(b) > cap(e.buf) {
		e.buf = make([]byte, 0, max(2*cap(e.buf), len(b), 256))
	}
	i := len(e.buf)
	e.buf = append(e.buf, b...)
	e.last = e.buf[i:len(e.buf):len(e.buf)]
	return e.last
}

// Enter begins a step: for runtimes and unit tests. It forgets the step before and
// reuses its memory. src answers Choose and Chance; nil means Benign. Steady equals now,
// there is no Scheduler, and the disk is not full.
func (e *Env) Enter(id NodeID, inc uint32, now Time, src Source) {
	if src == nil {
		src = Benign{}
	}
	e.src, e.id, e.inc, e.now = src, id, inc, now
	e.name, e.answers = 0, 0
	e.effects = e.effects[:0]
	e.buf, e.last = e.buf[:0], nil
	e.asked = e.asked[:0]
	e.notes = e.notes[:0]
	if e.rare {
		e.rare, e.starting, e.records, e.jumped, e.scheduler, e.full, e.told = false, false, nil, 0, nil, false, false
	}
}

// Name names the step that Enter began, and thereby its questions. Without it the
// name is 0.
func (e *Env) Name(step uint64) { e.name = step }

// StepName returns the name of the step: for runtimes.
func (e *Env) StepName() uint64 { return e.name }

// Mount makes the step that Enter began a Start with the records that survived;
// nil means none.
func (e *Env) Mount(records iter.Seq2[uint64, []byte]) {
	e.rare, e.starting, e.records = true, true, records
}

// SetSteady sets what Steady returns in the step that Enter began: for runtimes whose clocks
// jump.
func (e *Env) SetSteady(t Time) { e.rare, e.jumped = true, e.now.Sub(t) }

// Schedule has s decide in which order goroutines run in the step that Enter began: for
// runtimes. nil is no Scheduler.
func (e *Env) Schedule(s Scheduler) { e.rare, e.scheduler = true, s }

// Observe turns notes on or off, for this and all later steps.
func (e *Env) Observe(on bool) { e.noteOn = on }

// Observed reports whether notes are on, so that one which is dear to make need not be made.
func (e *Env) Observed() bool { return e.noteOn }

// Effects returns what the step did so far, in program order. The slice and the
// bodies are valid until the next Enter.
func (e *Env) Effects() []Effect { return e.effects }

// Notes returns the remarks of this step, valid until the next Enter.
func (e *Env) Notes() []Note { return e.notes }

// Answers returns a fold of the answers to this step's questions, for digests. It
// is 0 if there were none.
func (e *Env) Answers() uint64 { return e.answers }

// Fork makes inner continue e's step. A node that wraps another runs it on inner,
// and so sees its effects before anybody else. What e did so far is not in inner.
// Join must follow within the step.
func (e *Env) Fork(inner *Env) {
	inner.Enter(e.id, e.inc, e.now, e.src)
	inner.name, inner.answers = e.name, e.answers
	inner.asked = append(inner.asked, e.asked...)
	inner.rare, inner.starting, inner.records = e.rare, e.starting, e.records
	inner.jumped, inner.scheduler, inner.full = e.jumped, e.scheduler, e.full
	inner.noteOn = e.noteOn
}

// Join makes e continue the step of inner, which was forked from it: further
// questions are named, and answers folded, as if e had been used all along. It
// calls each with the effects of inner in their order, and repeats the notes
// between them. If each calls e.Repeat, e ends up as if the inner node had run on
// it; each may do something else instead. The effects are valid until inner is used
// again.
func (e *Env) Join(inner *Env, each func(f *Effect)) {
	e.answers = inner.answers
	e.asked = append(e.asked[:0], inner.asked...)
	e.told = e.told || inner.told
	notes := inner.notes
	for i := range inner.effects {
		notes = e.repeatNotes(notes, i)
		each(&inner.effects[i])
	}
	e.repeatNotes(notes, len(inner.effects))
}

// repeatNotes takes over the notes made before effect i and returns the rest.
func (e *Env) repeatNotes(notes []Note, i int) []Note {
	for len(notes) > 0 && notes[0].Before <= i {
		n := notes[0]
		n.Before = len(e.effects)
		e.notes = append(e.notes, n)
		notes = notes[1:]
	}
	return notes
}

// Repeat records again what another Env recorded. The caller keeps f.
func (e *Env) Repeat(f *Effect) {
	b := e.keep(f.Body)
	g := e.next()
	*g = *f
	g.Body = b
}
