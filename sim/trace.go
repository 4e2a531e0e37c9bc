package sim

import (
	"bytes"
	"io"
	"strconv"

	"dessim/protocol"
)

// Trace is an observer that writes a run as text, a line an event, in columns
// under a legend. Equal runs give equal traces, byte by byte.
type Trace struct {
	// W receives the lines; nil keeps them for String.
	W io.Writer
	// Only is the set of events written; 0 means all but those of Unwritten.
	Only What
	// Text puts the body of a message, record or output, or a fired timer's tag,
	// into words, which follow the kind, the record's number or "timer". nil, or
	// an empty result, shows a body's length and hash and a timer's component and
	// number: words may leave out what differs between two bodies, a hash does not.
	Text func(e *Event) string

	kept bytes.Buffer
	line []byte
	err  error
}

// Unwritten are the events that a Trace leaves out unless Only names them: a timer that matters
// fires, what is discarded has been replaced, and what a crash leaves is what the next incarnation
// reads.
const Unwritten = TimerSet | TimerCancelled | Discarded | Salvaged | Shadowed

const legend = "#     time, ms   step  event      node      seq  what\n"

// Watch returns Only.
func (t *Trace) Watch() What {
	if t.Only == 0 {
		return Everything &^ Unwritten
	}
	return t.Only
}

// Reads returns ReadsEvents: so does Text.
func (t *Trace) Reads() Reads { return ReadsEvents }

// Err returns the first error of W. After it nothing more is written.
func (t *Trace) Err() error { return t.err }

// String returns what was kept because W is nil.
func (t *Trace) String() string { return t.kept.String() }

// Observe writes the line of one event. A run has millions, hence no fmt here.
func (t *Trace) Observe(e *Event) {
	b := t.line
	if b == nil {
		b = append(b, legend...)
	}
	b = appendMillis(b, e.At, 7)
	b = append(b, ' ')
	b = appendRight(b, e.Step, 6)
	b = append(b, "  "...)
	at := len(b)
	b = append(b, e.What.String()...)
	b = pad(b, at+9)
	if e.What == Ended {
		b = append(pad(b, len(b)+20), e.Text...)
	} else {
		b = append(b, ' ')
		at = len(b)
		b = appendEnds(b, e)
		b = pad(b, at+7)
		b = append(b, ' ')
		if e.What&(Sent|Lost|Copied|Corrupted|Received|Dropped|Fired|TimerSet|TimerCancelled|Flushing|Flushed) != 0 {
			b = appendRight(b, e.Seq, 8)
		} else {
			b = pad(b, len(b)+8)
		}
		b = append(b, "  "...)
		b = t.appendWhat(b, e)
	}
	b = append(b, '\n')
	t.write(b)
	t.line = b[:0]
}

func (t *Trace) write(b []byte) {
	if t.W == nil {
		t.kept.Write(b)
		return
	}
	if t.err == nil {
		_, t.err = t.W.Write(b)
	}
}

// Millis returns a time as traces have it: in milliseconds with all its digits,
// but not padded. It is for references to a place in a trace.
func Millis(at protocol.Time) string { return string(appendMillis(nil, at, 0)) }

// Micros returns a time to the microsecond: "12.345 ms".
func Micros(at protocol.Time) string {
	text := Millis(at)
	return text[:len(text)-len("000")] + " ms"
}

// appendMillis writes a time in milliseconds, without floating point, the whole
// ones at the right of a column.
func appendMillis(b []byte, at protocol.Time, width int) []byte {
	b = appendRight(b, uint64(at)/1e6, width)
	point := len(b)
	b = strconv.AppendUint(b, 1e6+uint64(at)%1e6, 10)
	b[point] = '.' // instead of the 1, which kept the zeros
	return b
}

// appendEnds writes the node that acted, or the two ends of a message.
func appendEnds(b []byte, e *Event) []byte {
	switch e.What {
	case Sent, Lost, Copied, Corrupted:
		b = appendNode(b, e.Node)
		b = append(b, '>')
		return appendNode(b, e.Peer)
	case Received, Dropped:
		if e.Peer != protocol.Outside {
			b = appendNode(b, e.Peer)
		}
		b = append(b, '>')
	case Injected, Lifted:
		if e.Node == protocol.Outside {
			return b
		}
	}
	return appendNode(b, e.Node)
}

func appendNode(b []byte, id protocol.NodeID) []byte {
	if id == protocol.Outside {
		return append(b, "outside"...)
	}
	return strconv.AppendUint(b, uint64(id), 10)
}

// appendRight writes n at the right of a column.
func appendRight(b []byte, n uint64, width int) []byte {
	digits := 1
	for m := n; m >= 10; m /= 10 {
		digits++
	}
	b = pad(b, len(b)+width-digits)
	return strconv.AppendUint(b, n, 10)
}

func pad(b []byte, n int) []byte {
	for len(b) < n {
		b = append(b, ' ')
	}
	return b
}

func (t *Trace) appendWhat(b []byte, e *Event) []byte {
	switch e.What {
	case Started:
		b = append(b, "incarnation "...)
		return strconv.AppendUint(b, uint64(e.Incarnation), 10)
	case Crashed, Injected, Lifted, Damaged:
		return append(b, e.Text...)
	case Synced, Discarded:
		b = append(b, "records below "...)
		return strconv.AppendUint(b, e.Tag, 10)
	case Flushing, Flushed:
		return appendFlush(b, e)
	case Noted:
		b = append(b, e.Kind.String()...)
		b = append(b, ": "...)
		return append(b, e.Text...)
	case Fired, TimerSet, TimerCancelled:
		b = append(b, "timer "...)
	case Persisted, Salvaged:
		b = append(b, "record "...)
		b = strconv.AppendUint(b, e.Tag, 10)
		b = append(b, ": "...)
		if e.What == Salvaged {
			b = append(append(b, e.Text...), ", "...)
		}
	default:
		if e.What&(Received|Dropped) != 0 && e.Peer == protocol.Outside {
			b = append(b, "input "...)
			break
		}
		b = append(b, e.Kind.String()...)
		b = append(b, ' ')
	}
	if t.Text != nil {
		if text := t.Text(e); text != "" {
			return append(b, text...)
		}
	}
	if e.What&(Fired|TimerSet|TimerCancelled) != 0 {
		return appendTag(b, e.Tag)
	}
	b = strconv.AppendInt(b, int64(len(e.Body)), 10)
	b = append(b, " bytes "...)
	return appendHex(b, uint32(protocol.HashBytes(e.Body)))
}

// TimerText returns what a Trace shows of a timer without Text: its component, unless its tag
// names none, its number, and whether it is periodic.
func TimerText(tag uint64) string { return string(appendTag(nil, tag)) }

// appendTag writes a timer's tag: its component, unless it names none, and number.
func appendTag(b []byte, tag uint64) []byte {
	c, n := protocol.SplitTag(tag)
	if c != 0 {
		b = append(b, c.String()...)
		b = append(b, ' ')
	}
	b = strconv.AppendUint(b, n&^protocol.Periodic, 10)
	if n&protocol.Periodic != 0 {
		b = append(b, ", periodic"...)
	}
	return b
}

// appendFlush writes which records a flush is about: "records 3-5 and 9, tag 2".
func appendFlush(b []byte, e *Event) []byte {
	b = append(b, IndicesText(e.Body)...)
	if e.Tag != 0 {
		b = append(b, ", tag "...)
		b = strconv.AppendUint(b, e.Tag, 10)
	}
	if e.Text != "" {
		b = append(b, ": "...)
		b = append(b, e.Text...)
	}
	return b
}

// IndicesText says which records a flush is about, from its Body: "record 3", "records 3-5, 9".
func IndicesText(body []byte) string {
	list := protocol.IndexList(body)
	switch len(list) {
	case 0:
		return "no record"
	case 1:
		return "record " + strconv.FormatUint(list[0], 10)
	}
	b := []byte("records ")
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j] == list[i]+uint64(j-i) {
			j++
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, list[i], 10)
		switch j - i {
		case 1:
		case 2:
			b = append(b, ", "...)
			b = strconv.AppendUint(b, list[j-1], 10)
		default:
			b = append(b, '-')
			b = strconv.AppendUint(b, list[j-1], 10)
		}
		i = j
	}
	return string(b)
}

func appendHex(b []byte, x uint32) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[x>>shift&15])
	}
	return b
}
