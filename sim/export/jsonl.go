package export

import (
	"cmp"
	"io"
	"math"
	"strconv"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// Lines is an observer that writes a run as JSONL: see the package. Each line is one Write. End
// completes it.
type Lines struct {
	w      io.Writer
	about  *About
	words  func(e *sim.Event) string
	most   int // bytes of a body that is written
	events int
	last   object // whose step and time the end has
	reason string
	err    error
}

// shortBody is how many bytes a body has at most whose line has it. In runs of the ledger, all bodies
// in full are more than half of the file; words say what is in them, and a replay has them again.
const shortBody = 32

// NewLines returns Lines that write to w: JSONL, or Bodies. words are those of sim.Trace.Text.
func (f Format) NewLines(w io.Writer, a *About, words func(e *sim.Event) string) *Lines {
	l := &Lines{w: w, about: a, words: words, most: shortBody}
	if f == Bodies {
		l.most = math.MaxInt
	}
	return l
}

// object is the line of an event.
type object struct {
	Step        uint64   `json:"step"`
	At          int64    `json:"at"`
	What        string   `json:"what"`
	Node        *uint32  `json:"node,omitempty"`
	Peer        *uint32  `json:"peer,omitempty"`
	Incarnation uint32   `json:"incarnation,omitempty"`
	Kind        string   `json:"kind,omitempty"`
	Seq         uint64   `json:"seq,omitempty"`
	Timer       string   `json:"timer,omitempty"`
	After       *int64   `json:"after,omitempty"`
	Record      *uint64  `json:"record,omitempty"`
	Records     []uint64 `json:"records,omitempty"`
	Flush       uint64   `json:"flush,omitempty"`
	Fault       string   `json:"fault,omitempty"`
	Text        string   `json:"text,omitempty"`
	Bytes       int      `json:"bytes,omitempty"`
	Body        []byte   `json:"body,omitempty"`
}

// header is the first line.
type header struct {
	Format   string `json:"format"`
	Version  int    `json:"version"`
	Scenario string `json:"scenario"`
	Seed     string `json:"seed"`
	Params   params `json:"params"`
	Command  string `json:"command"`
}

func headerOf(a *About) header {
	return header{"dessim trace", 1, a.Scenario, strconv.FormatUint(a.Seed, 10), a.Params, a.Command}
}

// footer is the last line.
type footer struct {
	End    bool   `json:"end"`
	Events int    `json:"events"`
	Step   uint64 `json:"step"`
	At     int64  `json:"at"`
	Reason string `json:"reason"`
}

// params is an object of texts whose keys keep their order.
type params [][2]string

// MarshalJSON returns the object.
func (p params) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, x := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, encode(x[0])...), ':')
		b = append(b, encode(x[1])...)
	}
	return append(b, '}'), nil
}

// Watch returns all events.
func (l *Lines) Watch() sim.What { return sim.Everything }

// Reads returns sim.ReadsEvents.
func (l *Lines) Reads() sim.Reads { return sim.ReadsEvents }

// Err returns the first error of the Writer. After it nothing more is written.
func (l *Lines) Err() error { return l.err }

// Observe writes the line of an event. The end of the run waits for End.
func (l *Lines) Observe(e *sim.Event) {
	x := &l.last
	*x = object{Step: e.Step, At: int64(e.At), What: e.What.String(), Incarnation: e.Incarnation}
	if e.What == sim.Ended {
		l.reason = e.Text
		return
	}
	l.begin()
	l.events++
	x.Node, x.Peer = number(e.Node), nil
	if x.Bytes = len(e.Body); x.Bytes <= l.most {
		x.Body = e.Body
	}
	switch e.What {
	case sim.Sent, sim.Lost, sim.Copied, sim.Corrupted, sim.Received, sim.Dropped:
		x.Peer, x.Seq, x.Kind = number(e.Peer), e.Seq, e.Kind.String()
		x.Text = history.BodyText(l.words(e), e.Body)
	case sim.Fired, sim.TimerSet, sim.TimerCancelled:
		x.Seq, x.Timer = e.Seq, sim.TimerText(e.Tag)
		fired := *e
		fired.What = sim.Fired
		x.Text = history.Cut(l.words(&fired))
		if after := int64(e.After); e.What == sim.TimerSet {
			x.After = &after
		}
	case sim.Flushing, sim.Flushed:
		x.Seq, x.Flush, x.Records, x.Text = e.Seq, e.Tag, protocol.IndexList(e.Body), e.Text
		x.Body, x.Bytes = nil, 0
	case sim.Persisted, sim.Synced, sim.Discarded, sim.Salvaged:
		tag := e.Tag
		x.Record, x.Text = &tag, e.Text
		if e.What == sim.Persisted {
			x.Text = history.BodyText(l.words(e), e.Body)
		}
	case sim.Output:
		x.Kind, x.Text = e.Kind.String(), history.BodyText(l.words(e), e.Body)
	case sim.Noted:
		x.Kind, x.Text = e.Kind.String(), history.Cut(e.Text)
	case sim.Crashed, sim.Injected, sim.Lifted:
		x.Fault, x.Text = strconv.FormatUint(e.Tag, 10), history.Cut(e.Text)
	case sim.Damaged:
		x.Text = history.Cut(e.Text)
	}
	l.write(x)
}

// number returns the number of a node, or nil for none.
func number(id protocol.NodeID) *uint32 {
	if id == protocol.Outside {
		return nil
	}
	n := uint32(id)
	return &n
}

// begin writes the header, unless that was done.
func (l *Lines) begin() {
	if l.about == nil {
		return
	}
	a := l.about
	l.about = nil
	l.write(headerOf(a))
}

// End writes the last line, and returns the first error of the Writer. unless is why the run
// ended if nobody said so, as when a node panicked.
func (l *Lines) End(unless string) error {
	l.begin()
	l.write(footer{true, l.events, l.last.Step, l.last.At, cmp.Or(l.reason, unless)})
	return l.err
}

func (l *Lines) write(x any) {
	if l.err == nil {
		_, l.err = l.w.Write(append(encode(x), '\n'))
	}
}
