package sim

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
)

// slowLine is the slow twin of Trace: the columns as fmt writes them.
func slowLine(e *Event, text string) string {
	at := fmt.Sprintf("%7d.%06d %6d  %-9s", e.At/1e6, e.At%1e6, e.Step, e.What)
	ends, seq := e.Node.String(), fmt.Sprint(e.Seq)
	what := fmt.Sprintf("%v %s", e.Kind, text)
	switch e.What {
	case Ended:
		return fmt.Sprintf("%s %17s  %s\n", at, "", e.Text)
	case Sent, Lost, Copied, Corrupted:
		ends = fmt.Sprintf("%v>%v", e.Node, e.Peer)
	case Received, Dropped:
		ends = fmt.Sprintf("%v>%v", e.Peer, e.Node)
		if e.Peer == protocol.Outside {
			ends = fmt.Sprintf(">%v", e.Node)
			what = "input " + text
		}
	case Fired, TimerSet, TimerCancelled:
		what = "timer " + text
	default:
		seq = ""
	}
	switch e.What {
	case Injected, Lifted:
		if what = e.Text; e.Node == protocol.Outside {
			ends = ""
		}
	case Damaged:
		what = e.Text
	case Started:
		what = fmt.Sprintf("incarnation %d", e.Incarnation)
	case Crashed:
		what = e.Text
	case Persisted:
		what = fmt.Sprintf("record %d: %s", e.Tag, text)
	case Synced, Discarded:
		what = fmt.Sprintf("records below %d", e.Tag)
	case Noted:
		what = fmt.Sprintf("%v: %s", e.Kind, e.Text)
	}
	return fmt.Sprintf("%s %-7s %8s  %s\n", at, ends, seq, what)
}

func TestATraceWritesWhatFmtWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Event{
			What:        1 << rapid.IntRange(0, 19).Draw(t, "what"),
			At:          protocol.Time(rapid.Int64Range(0, int64(protocol.MaxTime)).Draw(t, "at")),
			Node:        protocol.NodeID(rapid.Uint32().Draw(t, "node")),
			Peer:        protocol.NodeID(rapid.OneOf(rapid.Just(uint32(protocol.Outside)), rapid.Uint32()).Draw(t, "peer")),
			Incarnation: rapid.Uint32().Draw(t, "incarnation"),
			Seq:         rapid.Uint64().Draw(t, "seq"),
			Tag:         rapid.Uint64().Draw(t, "tag"),
			Body:        rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
			Text:        rapid.StringMatching("[a-z ]*").Draw(t, "text"),
			Step:        rapid.Uint64().Draw(t, "step"),
		}
		if e.Peer != protocol.Outside {
			e.Kind = protocol.KindOf("kind")
		}
		text := fmt.Sprintf("%d bytes %08x", len(e.Body), uint32(protocol.HashBytes(e.Body)))
		if e.What&(Fired|TimerSet|TimerCancelled) != 0 {
			text = slowTag(e.Tag)
		}
		plain, worded := new(Trace), &Trace{Text: func(*Event) string { return "in words" }}
		plain.Observe(e)
		worded.Observe(e)
		if want := legend + slowLine(e, text); plain.String() != want {
			t.Errorf("a trace writes\n%swant\n%s", plain, want)
		}
		if want := legend + slowLine(e, "in words"); worded.String() != want {
			t.Errorf("a trace with words writes\n%swant\n%s", worded, want)
		}
	})
}

func slowTag(tag uint64) string {
	c, n := protocol.SplitTag(tag)
	s := fmt.Sprint(n &^ protocol.Periodic)
	if c != 0 {
		s = fmt.Sprintf("%v %s", c, s)
	}
	if n&protocol.Periodic != 0 {
		s += ", periodic"
	}
	return s
}

func TestTimersOfATraceNameTheirComponent(t *testing.T) {
	for tag, want := range map[uint64]string{
		1:                     "1",
		protocol.Periodic | 7: "7, periodic",
		protocol.TwoPC.Tag(3): "twopc 3",
		math.MaxUint64:        fmt.Sprint(uint64(math.MaxUint64)&^protocol.Periodic) + ", periodic",
		protocol.Component(9).Tag(protocol.Periodic): "component-9 0, periodic",
	} {
		if got := string(appendTag(nil, tag)); got != want {
			t.Errorf("timer %#x is told as %q, want %q", tag, got, want)
		}
	}
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func TestALineOfATraceAllocatesNothing(t *testing.T) {
	tr := &Trace{W: nowhere{}}
	for what := Started; what <= Ended; what <<= 1 {
		e := &Event{What: what, At: 1e9, Node: 3, Peer: 4, Incarnation: 1, Kind: protocol.KindOf("dht.answer"), Seq: 7,
			Tag: protocol.Link.Tag(2), Body: []byte("body"), Text: "text", Step: 9}
		tr.Observe(e)
		if n := testing.AllocsPerRun(100, func() { tr.Observe(e) }); n != 0 {
			t.Errorf("a line of what was %v allocates %v times", what, n)
		}
	}
}
