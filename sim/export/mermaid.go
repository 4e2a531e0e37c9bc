package export

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
	"dessim/sim/wording"
)

// Bounds of a Mermaid diagram: more messages nobody can read, and more text Mermaid refuses.
const (
	mostMessages = 200
	mostDiagram  = 50_000 // bytes
	mostLabel    = 120
)

// TooLong reports that a run does not fit into a Mermaid diagram. Nothing was written.
type TooLong struct {
	Messages int
	Bytes    int // of the diagram, if it is these that are too many
}

// Error says what is too much, and what to do.
func (e *TooLong) Error() string {
	what := fmt.Sprintf("%s, and a Mermaid diagram has at most %d", wording.Count(e.Messages, "message"), mostMessages)
	if e.Bytes > 0 {
		what = fmt.Sprintf("%d bytes of text, and Mermaid takes at most %d", e.Bytes, mostDiagram)
	}
	return what + ": shrink the run, end it earlier with -until, or take another -trace-format"
}

// diagram is a Mermaid diagram in the making.
type diagram struct {
	*history.History
	about *About
	text  strings.Builder
	parts []protocol.NodeID // that it shows, ascending
	fate  []int32           // of a row that sent or copied a message: the row where it arrives or is lost
	count int
}

const underWay = -1

// writeMermaid writes a sequence diagram: an arrow where a message arrives, with the time when it
// was sent; and notes for timers that lead to something, outputs, crashes and faults.
func writeMermaid(w io.Writer, h *history.History, a *About) error {
	d := &diagram{History: h, about: a}
	d.trace()
	if d.count > mostMessages {
		return &TooLong{Messages: d.count}
	}
	last := protocol.Time(0)
	for step := range h.Steps {
		from, to := h.RowsOf(step)
		last = h.Steps[step].At
		for i := from; i < to; i++ {
			d.row(i, last, from, to)
		}
	}
	for i := range h.Rows {
		if h.Rows[i].What&(sim.Sent|sim.Copied) != 0 && d.fate[i] == underWay {
			d.arrow(i, int32(i), last, "-)", ", still under way")
		}
	}
	text := d.whole()
	if len(text) > mostDiagram {
		return &TooLong{Messages: d.count, Bytes: len(text)}
	}
	_, err := io.WriteString(w, text)
	return err
}

// trace finds what became of each message, and counts them.
func (d *diagram) trace() {
	d.fate = make([]int32, len(d.Rows))
	for i := range d.Rows {
		r := &d.Rows[i]
		d.fate[i] = underWay
		switch {
		case r.What == sim.Lost:
			d.fate[sentRow(d.History, i, sim.Sent|sim.Copied)] = int32(i)
		case r.What&(sim.Received|sim.Dropped) != 0:
			if r.Origin == history.None { // an input
				d.count++
				break
			}
			d.fate[r.Origin] = int32(i)
		case r.What&(sim.Sent|sim.Copied) != 0:
			d.count++
		}
	}
}

// row draws a row of the step that has the rows from from to to.
func (d *diagram) row(i int, at protocol.Time, from, to int) {
	r := &d.Rows[i]
	switch r.What {
	case sim.Received:
		arrow := "->>"
		if r.Origin != history.None && d.Rows[r.Origin].What == sim.Copied {
			arrow = "-->>"
		}
		d.arrow(i, r.Origin, at, arrow, "")
	case sim.Dropped:
		d.arrow(i, r.Origin, at, "-x", ", to a node that is down")
	case sim.Lost:
		d.arrow(i, int32(sentRow(d.History, i, sim.Sent|sim.Copied)), at, "-x", ", lost")
	case sim.Fired:
		for k := i + 1; k < to; k++ {
			if d.Rows[k].Node == r.Node && d.Rows[k].What&(sim.Sent|sim.Output) != 0 {
				d.note(i, at)
				return
			}
		}
	case sim.Started:
		if r.Num > 1 {
			d.note(i, at)
		}
	case sim.Output, sim.Crashed, sim.Injected, sim.Lifted, sim.Damaged:
		d.note(i, at)
	}
}

// arrow draws the message of row i, which row origin sent or copied, unless it is an input.
func (d *diagram) arrow(i int, origin int32, at protocol.Time, arrow, fate string) {
	r := &d.Rows[i]
	source, target := r.Node, r.Peer
	if r.What&(sim.Received|sim.Dropped) != 0 {
		source, target = target, source
	}
	fmt.Fprintf(&d.text, "    %s%s%s: %s ms: %s\n", d.part(source), arrow, d.part(target), sim.Millis(at), escape(line(d.message(r, origin, at)))+fate)
}

// message puts a message into words: as it arrived, or else as it was sent.
func (d *diagram) message(r *history.Row, origin int32, at protocol.Time) string {
	kind, text, sent := "input", r.Text, ""
	if origin != history.None {
		first := &d.Rows[sentRow(d.History, int(origin), sim.Sent)]
		kind = d.Kinds.All[first.Kind].String()
		if r.What&(sim.Received|sim.Dropped) == 0 {
			text = first.Text
		}
		if then := d.Steps[d.StepOf(int(origin))].At; then != at {
			sent = ", sent at " + sim.Millis(then) + " ms"
		}
		if d.Rows[origin].What == sim.Copied {
			sent = ", a copy" + sent
		}
	}
	if text == history.None {
		return kind + sent
	}
	return short(joined(kind, d.Texts.All[text])) + sent
}

// short cuts a text to what fits above an arrow.
func short(text string) string {
	if utf8.RuneCountInString(text) <= mostLabel {
		return text
	}
	return string([]rune(text)[:mostLabel]) + "..."
}

// note draws a row as a note: over its node, or over all if it has none.
func (d *diagram) note(i int, at protocol.Time) {
	over := everyone
	if id := d.Rows[i].Node; id != protocol.Outside {
		over = d.part(id)
	}
	fmt.Fprintf(&d.text, "    Note over %s: %s ms: %s\n", over, sim.Millis(at), escape(short(words(d.History, i))))
}

// everyone stands for the first and the last node until they are known. No escaped text has it.
const everyone = "\x00"

// part returns the participant for a node, or for where inputs come from.
func (d *diagram) part(id protocol.NodeID) string {
	if at, found := slices.BinarySearch(d.parts, id); !found {
		d.parts = slices.Insert(d.parts, at, id)
	}
	return participant(id)
}

func participant(id protocol.NodeID) string {
	if id == protocol.Outside {
		return "outside"
	}
	return "n" + id.String()
}

// whole returns the diagram, once all rows are drawn.
func (d *diagram) whole() string {
	if d.parts == nil {
		d.part(0)
	}
	inputs := d.parts[len(d.parts)-1] == protocol.Outside // which is the highest number
	nodes := d.parts
	if inputs {
		nodes = d.parts[:len(d.parts)-1]
	}
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	if inputs {
		b.WriteString("    participant outside\n")
	}
	for _, id := range nodes {
		fmt.Fprintf(&b, "    participant %s as %s\n", participant(id), d.about.name(id))
	}
	all := participant(nodes[0])
	if len(nodes) > 1 {
		all += "," + participant(nodes[len(nodes)-1])
	}
	b.WriteString(strings.ReplaceAll(d.text.String(), everyone, all))
	return b.String()
}

// escape writes what can mean something to Mermaid, to HTML or to Markdown as #number;, Mermaid's
// form of a character. The words style and classDef are broken: where one stands before a colon,
// Mermaid takes the last such form in the line for a colour.
func escape(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == ' ', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c < 0x80 && strings.ContainsRune(".,:=()/|+-?!", c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, "#%d;", c)
		}
	}
	return strings.NewReplacer("style", "#115;tyle", "classDef", "#99;lassDef").Replace(b.String())
}
