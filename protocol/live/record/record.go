// Package record is the format of a live run's recording: of each node what its past does
// not decide. That is what it took up and when, when its syncs were done, and the answers to
// its questions; what it did follows from these. See package sim/enact for how a run is made
// again from the recordings of its nodes.
//
// A recording is one file a node, to which entries are only appended. Each begins with a
// byte for its Op; numbers are varints, and a time is the nanoseconds since the entry
// before. A file that ends within an entry, because its process was killed, is read up to
// there.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"dessim/protocol"
)

// Op is what an Entry tells.
type Op uint8

// The entries. Start, Message, Input and Timer each begin a step of the node; Answer and
// Synced belong to the step before them. Each lists the fields that it uses besides Op.
const (
	Start   Op = iota + 1 // At, Fold, Incarnation; Seq: the index behind the last record on the disk
	Message               // At, Fold, From, and the sender's Incarnation and Seq
	Input                 // At, Fold, Seq: the input's identity; Body
	Timer                 // At, Fold, Tag
	Answer                // Seq: to Choose; to Chance 0 or 1
	Synced                // At: when the next sync of the step was done
	Crash                 // At, Fold; Seq: effects of the step done, or Between
	End                   // At, Fold: the node stopped, or its recording did
)

const last = End

// Between is the Seq of a Crash between two steps.
const Between = 1<<32 - 1

// String names the entry.
func (o Op) String() string {
	names := [...]string{"none", "start", "message", "input", "timer", "answer", "synced", "crash", "end"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// steps reports whether the entry begins a step.
func (o Op) steps() bool { return o >= Start && o <= Timer }

// folds reports whether the entry has a Fold.
func (o Op) folds() bool { return o.steps() || o == Crash || o == End }

// Steps reports whether the entry begins a step of the node.
func (e *Entry) Steps() bool { return e.Op.steps() }

// An Entry is one thing that a node's past does not decide.
type Entry struct {
	Op          Op
	At          protocol.Time
	Fold        uint32 // of all effects of the incarnation before: see Fold
	From        protocol.NodeID
	Incarnation uint32
	Seq         uint64
	Tag         uint64
	Body        []byte
}

// Header is what a recording begins with.
type Header struct {
	Node protocol.NodeID
	Run  string // one line that all nodes of the run share, for whoever reads the recording
}

const magic = "dessim recording 1\n"

// maxLine bounds the header's line, maxBody an input.
const (
	maxLine = 1 << 16
	maxBody = 1 << 24
)

// mostKept is how many bytes a Writer keeps, but for one more entry.
const mostKept = 1 << 16

// A Writer appends entries to a file. It keeps them until Flush, or until they are many.
type Writer struct {
	w    io.Writer
	buf  []byte
	last protocol.Time
	err  error
}

// NewWriter begins a recording in w, which is empty. It panics if h.Run is not one line.
func NewWriter(w io.Writer, h Header) *Writer {
	if strings.ContainsAny(h.Run, "\n") || len(h.Run) > maxLine {
		panic("record: the header is not one short line")
	}
	return &Writer{w: w, buf: fmt.Appendf(nil, "%s%d\n%s\n", magic, h.Node, h.Run)}
}

// Continue returns a Writer that goes on with the recording that text is, in w: the file must
// be cut to its first kept bytes, which is all but an entry that a killed process left
// unfinished. For a text without a whole header that is 0, and the recording begins. A
// recording of another node or run is an error.
func Continue(w io.Writer, text []byte, h Header) (out *Writer, kept int, err error) {
	out = NewWriter(w, h)
	if strings.HasPrefix(string(out.buf), string(text)) { // ends within its header, or with it
		return out, 0, nil
	}
	r, kept, err := parse(text)
	if err != nil {
		return nil, 0, err
	}
	if r.Header != h {
		return nil, 0, fmt.Errorf("the recording is of node %v in the run %.100q, want node %v in %.100q", r.Node, r.Run, h.Node, h.Run)
	}
	out.buf = nil
	out.last = r.last
	return out, kept, nil
}

// Last returns the time of the last entry, before which no other may be.
func (w *Writer) Last() protocol.Time { return w.last }

// Append adds an entry. Times do not decrease.
func (w *Writer) Append(e *Entry) {
	b := append(w.buf, byte(e.Op))
	if e.Op != Answer {
		if e.At < w.last {
			panic(fmt.Sprintf("record: time goes back from %v to %v", w.last, e.At))
		}
		b = binary.AppendUvarint(b, uint64(e.At-w.last))
		w.last = e.At
	}
	if e.Op.folds() {
		b = binary.LittleEndian.AppendUint32(b, e.Fold)
	}
	switch e.Op {
	case Start:
		b = binary.AppendUvarint(b, uint64(e.Incarnation))
		b = binary.AppendUvarint(b, e.Seq)
	case Message:
		b = binary.AppendUvarint(b, uint64(e.From))
		b = binary.AppendUvarint(b, uint64(e.Incarnation))
		b = binary.AppendUvarint(b, e.Seq)
	case Input:
		b = binary.AppendUvarint(b, e.Seq)
		b = binary.AppendUvarint(b, uint64(len(e.Body)))
		b = append(b, e.Body...)
	case Timer:
		b = binary.AppendUvarint(b, e.Tag)
	case Answer, Crash:
		b = binary.AppendUvarint(b, e.Seq)
	}
	if w.buf = b; len(b) > mostKept {
		_ = w.Flush() // the next one returns the same error
	}
}

// Flush writes what was appended. After an error it writes nothing more, and returns that
// error again: a recording with a gap would be of no use.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
		w.buf = w.buf[:0]
	}
	return w.err
}

// A Recording is what was read.
type Recording struct {
	Header
	Entries []Entry // bodies are of the text
	// Cut says that the file ends within an entry, or without an End.
	Cut bool

	last protocol.Time
}

// Read reads a recording. Its errors name the place.
func Read(text []byte) (*Recording, error) {
	out, _, err := parse(text)
	return out, err
}

// parse reads a recording, and returns how many of its bytes are whole entries.
func parse(text []byte) (out *Recording, whole int, err error) {
	r := &reader{rest: text, size: len(text)}
	out = new(Recording)
	if !r.word(magic) {
		return nil, 0, errors.New("not a recording of a live run: it does not begin with " + strings.TrimSpace(magic))
	}
	node, ok := r.line()
	if _, err := fmt.Sscanf(node, "%d", &out.Node); !ok || err != nil || fmt.Sprint(uint32(out.Node)) != node {
		return nil, 0, fmt.Errorf("the second line is %q, want the number of a node", node)
	}
	if out.Run, ok = r.line(); !ok {
		return nil, 0, errors.New("the recording ends in its header")
	}
	out.Cut = true
	for len(r.rest) > 0 {
		rest := r.rest
		e, ok := r.entry(out.last)
		if r.bad != "" {
			return nil, 0, fmt.Errorf("at byte %d: %s", len(text)-len(rest), r.bad)
		}
		if !ok {
			out.Cut = true
			return out, len(text) - len(rest), nil
		}
		if e.Op != Answer {
			out.last = e.At
		}
		out.Entries = append(out.Entries, e)
		out.Cut = e.Op != End
	}
	return out, len(text), nil
}

// reader takes a text apart. bad is what no writer writes; a text that ends is not.
type reader struct {
	rest []byte
	size int
	bad  string
}

func (r *reader) word(s string) bool {
	if len(r.rest) < len(s) || string(r.rest[:len(s)]) != s {
		return false
	}
	r.rest = r.rest[len(s):]
	return true
}

func (r *reader) line() (string, bool) {
	for i, c := range r.rest[:min(len(r.rest), maxLine+1)] {
		if c == '\n' {
			s := string(r.rest[:i])
			r.rest = r.rest[i+1:]
			return s, true
		}
	}
	return "", false
}

// entry reads an entry. It reports false if the text ends first, or r.bad is set.
func (r *reader) entry(before protocol.Time) (e Entry, ok bool) {
	e.Op = Op(r.rest[0])
	r.rest = r.rest[1:]
	if e.Op < Start || e.Op > last {
		r.bad = fmt.Sprintf("no entry begins with %d", uint8(e.Op))
		return e, false
	}
	ok = true
	if e.Op != Answer {
		e.At = before + protocol.Time(r.number(&ok, uint64(protocol.MaxTime-before)))
	}
	if e.Op.folds() {
		if len(r.rest) < 4 {
			return e, false
		}
		e.Fold = binary.LittleEndian.Uint32(r.rest)
		r.rest = r.rest[4:]
	}
	const word = 1<<32 - 1
	switch e.Op {
	case Start:
		e.Incarnation = uint32(r.number(&ok, word))
		e.Seq = r.number(&ok, 1<<64-1)
	case Message:
		e.From = protocol.NodeID(r.number(&ok, word))
		e.Incarnation = uint32(r.number(&ok, word))
		e.Seq = r.number(&ok, 1<<64-1)
	case Input:
		e.Seq = r.number(&ok, 1<<64-1)
		n := r.number(&ok, maxBody)
		if !ok || uint64(len(r.rest)) < n {
			return e, false
		}
		e.Body, r.rest = r.rest[:n:n], r.rest[n:]
	case Timer:
		e.Tag = r.number(&ok, 1<<64-1)
	case Answer, Crash:
		e.Seq = r.number(&ok, 1<<64-1)
	}
	return e, ok
}

// number reads a number of at most most. ok becomes false if there is none.
func (r *reader) number(ok *bool, most uint64) uint64 {
	if !*ok {
		return 0
	}
	v, n := binary.Uvarint(r.rest)
	switch {
	case n == 0: // the text ends
		*ok = false
		return 0
	case n < 0 || v > most || n > 1 && r.rest[n-1] == 0:
		*ok, r.bad = false, fmt.Sprintf("a number is more than %d, or not in its shortest form", most)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Fold adds to a fold what shows that a node does the same again: its effects but for
// cancelled timers, discards and syncs, which have no other trace.
func Fold(fold uint32, f *protocol.Effect) uint32 {
	var h uint64
	switch f.Op {
	case protocol.OpSend:
		h = protocol.Hash3(uint64(f.Op), uint64(f.To), protocol.HashBytes(f.Body))
	case protocol.OpSetTimer:
		h = protocol.Hash3(uint64(f.Op), f.Tag, uint64(f.After))
	case protocol.OpPersist, protocol.OpOutput:
		h = protocol.Hash3(uint64(f.Op), uint64(f.Kind), protocol.HashBytes(f.Body))
	default:
		return fold
	}
	h = protocol.Hash2(uint64(fold), h)
	return uint32(h ^ h>>32)
}
