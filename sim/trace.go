package sim

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"dessim/protocol"
)

// Trace is an observer that writes a run as text, a line an event, in columns
// under a legend. Equal runs give equal traces, byte by byte.
type Trace struct {
	// W receives the lines; nil keeps them for String.
	W io.Writer
	// Only is the set of events written; 0 means Everything.
	Only What
	// Text turns a message's, record's or output's bytes into words; nil, or an
	// empty result, shows its length and hash.
	Text func(e *Event) string

	kept bytes.Buffer
	line []byte
	err  error
}

const legend = "#         time   step  event      node      seq  what\n"

// Watch gives Only.
func (t *Trace) Watch() What {
	if t.Only == 0 {
		return Everything
	}
	return t.Only
}

// Err gives the first error of W. After it nothing more is written.
func (t *Trace) Err() error { return t.err }

// String gives what was kept because W is nil.
func (t *Trace) String() string { return t.kept.String() }

// Observe writes the line of one event.
func (t *Trace) Observe(e *Event) {
	b := t.line
	if b == nil {
		b = append(b, legend...)
	}
	b = appendMillis(b, e.At)
	b = fmt.Appendf(b, " %6d  %-9s", e.Step, e.What)
	if e.What == Ended {
		b = fmt.Appendf(b, " %17s  %s\n", "", e.Text)
	} else {
		b = fmt.Appendf(b, " %-7s %8s  ", ends(e), seqOf(e))
		b = t.appendWhat(b, e)
		b = append(b, '\n')
	}
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

// appendMillis writes a time in milliseconds with all its digits, without
// floating point.
func appendMillis(b []byte, at protocol.Time) []byte {
	return fmt.Appendf(b, "%7d.%06d", int64(at)/1e6, int64(at)%1e6)
}

func ends(e *Event) string {
	switch e.What {
	case Sent, Lost, Copied:
		return fmt.Sprintf("%v>%v", e.Node, e.Peer)
	case Received, Dropped:
		if e.Peer == protocol.Outside {
			return fmt.Sprintf(">%v", e.Node)
		}
		return fmt.Sprintf("%v>%v", e.Peer, e.Node)
	}
	return e.Node.String()
}

func seqOf(e *Event) string {
	if e.What&(Sent|Lost|Copied|Received|Dropped|Fired) != 0 {
		return strconv.FormatUint(e.Seq, 10)
	}
	return ""
}

func (t *Trace) appendWhat(b []byte, e *Event) []byte {
	switch e.What {
	case Started:
		return fmt.Appendf(b, "incarnation %d", e.Incarnation)
	case Crashed:
		return append(b, e.Text...)
	case Fired:
		c, n := protocol.SplitTag(e.Tag)
		return fmt.Appendf(b, "timer %d/%d", c, n)
	case Synced:
		return fmt.Appendf(b, "records below %d", e.Tag)
	case Noted:
		return fmt.Appendf(b, "%v: %s", e.Kind, e.Text)
	case Persisted:
		b = fmt.Appendf(b, "record %d", e.Tag)
	default:
		b = append(b, e.Kind.String()...)
	}
	if t.Text != nil {
		if text := t.Text(e); text != "" {
			b = append(b, ' ')
			return append(b, text...)
		}
	}
	return fmt.Appendf(b, " %d bytes %08x", len(e.Body), uint32(protocol.HashBytes(e.Body)))
}
