package report

import (
	"cmp"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Recorder keeps what a report of a run shows. It observes the run, looks at its nodes, and
// stands before its source; it changes none of them.
type Recorder struct {
	scenario *scenario.Scenario
	words    func(e *sim.Event) string
	source   protocol.Source
	limits   limits

	starts  []start // of each step
	rows    []row
	origin  map[origin]int32 // the row that sent a message or set a timer which is to come
	answers []answer
	states  states

	kinds  table[protocol.Kind]
	texts  table[string]
	timers table[string] // their names
	named  map[timer]int // indices of timers
	ended  string        // why the run did
}

// limits bound what a Recorder keeps in memory, and what a page has.
type limits struct {
	before, after uint64 // steps around the violation of which all states are kept
	whole         int    // bytes of those states in memory
	sparse        int    // bytes of other states in memory

	lines   int // bytes of all states on the page
	texts   int // bytes of words on the page
	answers int // on the page
}

var usual = limits{before: 4096, after: 1024, whole: 32 << 20, sparse: 8 << 20, lines: 3 << 20, texts: 1 << 20, answers: 4096}

// start is where a step begins.
type start struct {
	at  protocol.Time
	row int32 // of its first row
}

// row is one event.
type row struct {
	what   sort
	node   protocol.NodeID
	peer   protocol.NodeID
	kind   int32
	text   int32
	origin int32 // the row where it comes from, or -1
	num    uint64
}

// origin is what names a message or a timer: its sender, and its number there.
type origin struct {
	node protocol.NodeID
	seq  uint64
}

// answer is one that was not benign.
type answer struct {
	row int32 // the row after which it was asked for, or -1
	source.Answer
}

// NewRecorder returns a Recorder for one run of s with parameters p. Attach connects it.
func NewRecorder(s *scenario.Scenario, p *scenario.Params) *Recorder {
	r := &Recorder{scenario: s, words: s.Words(p), limits: usual, origin: make(map[origin]int32), named: make(map[timer]int), starts: []start{{}}}
	r.states.limits = &r.limits
	return r
}

// Attach connects the recorder to the run that o and src make, and returns the source to make
// it with.
func (r *Recorder) Attach(o *scenario.Options, src protocol.Source) protocol.Source {
	r.source = src
	o.Observers = append(o.Observers[:len(o.Observers):len(o.Observers)], r)
	o.Begun = func(m *sim.Sim, checks check.Suite) { r.states.begin(m, checks) }
	return asker{r}
}

// asker is the recorder as a Source.
type asker struct{ *Recorder }

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

func (r *Recorder) answered(a source.Answer) {
	r.answers = append(r.answers, answer{int32(len(r.rows)) - 1, a})
}

// Watch returns all events.
func (r *Recorder) Watch() sim.What { return sim.Everything }

// Observe keeps an event.
func (r *Recorder) Observe(e *sim.Event) {
	if e.What == sim.Ended {
		r.states.settle(nil)
		r.ended = e.Text
		return
	}
	if int(e.Step) >= len(r.starts) {
		r.states.settle(e)
		for int(e.Step) >= len(r.starts) { // a step can have no event
			r.starts = append(r.starts, start{e.At, int32(len(r.rows))})
		}
	}
	r.states.touch(e.Node)
	r.keep(e)
}

// keep adds the row of an event.
func (r *Recorder) keep(e *sim.Event) {
	s := sortOf(e.What)
	x := row{what: s, node: e.Node, peer: e.Peer, text: none, origin: none}
	switch e.What {
	case sim.Received, sim.Dropped, sim.Fired, sim.TimerCancelled:
		x.origin = r.arrive(e)
	case sim.Sent, sim.Copied, sim.TimerSet:
		r.origin[origin{e.Node, e.Seq}] = int32(len(r.rows))
	case sim.Lost:
		delete(r.origin, origin{e.Node, e.Seq})
	}
	uses := s.uses()
	if uses&kindColumn != 0 || x.origin == none && uses&linkColumn != 0 {
		x.kind = int32(r.kinds.index(e.Kind))
	}
	switch {
	case e.What == sim.Copied || e.What == sim.Lost: // as what was sent
	case e.What&(sim.Received|sim.Dropped) != 0 && x.origin != none: // likewise
	case e.What&(sim.Fired|sim.TimerCancelled) != 0:
	case e.What == sim.TimerSet:
		x.text = int32(r.texts.index(e.After.String()))
	case e.What&(sim.Persisted|sim.Output|sim.Sent|sim.Received|sim.Dropped|sim.Corrupted) != 0:
		x.text = int32(r.texts.index(bodyText(r.words(e), e.Body)))
	case uses&textColumn != 0:
		x.text = int32(r.texts.index(cut(e.Text)))
	}
	switch e.What {
	case sim.Started:
		x.num = uint64(e.Incarnation)
	case sim.Fired, sim.TimerSet, sim.TimerCancelled:
		x.num = r.timer(e)
	default:
		x.num = e.Tag
	}
	r.rows = append(r.rows, x)
}

// arrive returns the row where a message or timer that comes, or is cancelled, comes from; or
// none.
func (r *Recorder) arrive(e *sim.Event) int32 {
	o := origin{e.Node, e.Seq}
	if e.What&(sim.Received|sim.Dropped) != 0 {
		if e.Peer == protocol.Outside {
			return none
		}
		o.node = e.Peer
	}
	at, known := r.origin[o]
	if !known {
		return none
	}
	delete(r.origin, o)
	return at
}

// timer is what the name of a timer depends on.
type timer struct {
	node protocol.NodeID
	tag  uint64
}

// timer returns the index of a timer's name.
func (r *Recorder) timer(e *sim.Event) uint64 {
	t := timer{e.Node, e.Tag}
	i, known := r.named[t]
	if !known {
		fired := *e
		fired.What = sim.Fired
		i = r.timers.index(cut(cmp.Or(r.words(&fired), sim.TimerText(e.Tag))))
		r.named[t] = i
	}
	return uint64(i)
}

// none is no row, and no text.
const none = -1

// table numbers values in the order in which they come first.
type table[T comparable] struct {
	all    []T
	number map[T]int
}

func (t *table[T]) index(v T) int {
	i, known := t.number[v]
	if !known {
		if t.number == nil {
			t.number = make(map[T]int)
		}
		i = len(t.all)
		t.number[v] = i
		t.all = append(t.all, v)
	}
	return i
}
