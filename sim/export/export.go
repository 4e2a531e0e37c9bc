// Package export writes what happened in a run for other tools.
//
//   - Perfetto writes JSON that Perfetto and Chrome's tracing open: nodes over time, with an
//     arrow for each message.
//   - ShiViz writes a log with vector clocks: what happened before what.
//   - Mermaid writes a sequence diagram of a short run, as issues and wikis show it.
//   - JSONL writes an object an event, for programs, while the run goes on; jsonl-bodies is JSONL
//     with all bytes of long bodies.
//
// The first three need the causes of events and write at the end, from a history; so a file has
// all of it or nothing. Equal runs give equal files, byte by byte. Nodes send whatever they like:
// no text can end a line, leave its quotes, or be no UTF-8.
//
// # JSONL
//
// The first line is the header: format, version, scenario, seed, params and command. Then each
// event has a line, those included that a text trace leaves out. Its keys, of which those that
// mean nothing are left out:
//
//	step         the number of the step
//	at           ns since the start of the run, as an integer
//	what         what happened: sent, received and so on, as in a text trace
//	node         where; none for a fault that hits no node
//	peer         the other end of a message; none for an input
//	incarnation  of the node
//	kind         of a message, output or note
//	seq          the number of a message, timer or flush at its sender: a message that is received has
//	             peer and seq of the node and seq that sent or copied it
//	timer        its component and number
//	after        ns until a timer that is set fires, by the node's clock
//	record       the number of a record; of synced and discarded, the first that is not concerned
//	records      the numbers of those that a flush is about, and flush its tag
//	fault        the identity of a fault, as a text, since 64 bits are too many for some readers
//	text         the words for a message, record, timer or output, what was noted or injected, that
//	             a flush failed, or what a crash left of a record
//	bytes        the length of a message, record or output
//	body         its bytes in base64, if they are at most 32; of jsonl-bodies, all of them
//
// The last line is {"end":true, "events":N, ...}: N lines lie between it and the header. A file
// without it was cut off.
package export

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
)

// Format is a form of a trace.
type Format string

// The forms of a trace. Text is that of sim.Trace.
const (
	Text     Format = "text"
	Perfetto Format = "perfetto"
	ShiViz   Format = "shiviz"
	Mermaid  Format = "mermaid"
	JSONL    Format = "jsonl"
	Bodies   Format = "jsonl-bodies" // JSONL with long bodies too
)

// Formats lists all forms.
func Formats() []Format { return []Format{Text, Perfetto, ShiViz, Mermaid, JSONL, Bodies} }

// FormatOf returns the form that a file's name asks for.
func FormatOf(name string) Format {
	for _, x := range []struct {
		end string
		Format
	}{{".json", Perfetto}, {".jsonl", JSONL}, {".shiviz", ShiViz}, {".mmd", Mermaid}, {".mermaid", Mermaid}} {
		if strings.HasSuffix(strings.ToLower(name), x.end) {
			return x.Format
		}
	}
	return Text
}

// About is what a file says of a run beside its events.
type About struct {
	Scenario string
	Seed     uint64
	Params   [][2]string
	Command  string        // repeats the run
	Nodes    int           // a node of this number, or a higher one, is a client
	Faults   []fault.Fault // of the plan; JSONL needs none
}

// Write writes what happened in a run in one of the forms that need a history.
func (f Format) Write(w io.Writer, h *history.History, a *About) error {
	switch f {
	case Perfetto:
		return writePerfetto(w, h, a)
	case ShiViz:
		return writeShiViz(w, h, a)
	case Mermaid:
		return writeMermaid(w, h, a)
	}
	panic("export: " + string(f) + " is not written from a history")
}

// Afterwards reports whether the form is written from a history, once a run is over.
func (f Format) Afterwards() bool { return f != Text && f != JSONL && f != Bodies }

// name returns the name of a node. It has no space, as ShiViz wants it.
func (a *About) name(id protocol.NodeID) string {
	switch {
	case id == protocol.Outside:
		return "outside"
	case uint64(id) >= uint64(a.Nodes):
		return "client-" + id.String()
	}
	return "node-" + id.String()
}

// line makes a text one line, in which nothing is invisible.
func line(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 {
		return text
	}
	text = strconv.Quote(text)
	return strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`)
}

// sentRow returns the row that sent, or copied, what row i lost, copied or corrupted.
func sentRow(h *history.History, i int, among sim.What) int {
	for h.Rows[i].What&among == 0 {
		i--
	}
	return i
}

// words puts a row into one line, without its time and node.
func words(h *history.History, i int) string { return line(rawWords(h, i)) }

func rawWords(h *history.History, i int) string {
	r := &h.Rows[i]
	what, text := r.What.String(), ""
	if r.Text != history.None {
		text = h.Texts.All[r.Text]
	}
	number := strconv.FormatUint(r.Num, 10)
	switch r.What {
	case sim.Started:
		return "started incarnation " + number
	case sim.Received, sim.Dropped, sim.Sent, sim.Lost, sim.Copied, sim.Corrupted:
		return joined(what+" "+ends(h, i), text)
	case sim.Fired:
		return "fired timer " + h.Timers.All[r.Num]
	case sim.TimerSet:
		return joined("set timer "+h.Timers.All[r.Num], text)
	case sim.TimerCancelled:
		return "cancelled timer " + h.Timers.All[r.Num]
	case sim.Persisted:
		return joined("persisted record "+number, text)
	case sim.Salvaged:
		return "salvaged record " + number + ": " + text
	case sim.Flushing, sim.Flushed:
		if r.Num == 0 {
			return what + " " + text
		}
		return what + " " + number + ": " + text
	case sim.Synced, sim.Discarded:
		return what + " records below " + number
	case sim.Output, sim.Noted:
		return joined(what+" "+h.Kinds.All[r.Kind].String(), text)
	}
	return what + " " + text
}

// ends returns the kind and the other end of a message: "vote to 2".
func ends(h *history.History, i int) string {
	r := &h.Rows[i]
	switch {
	case r.What&(sim.Received|sim.Dropped) == 0:
		return h.Kinds.All[h.Rows[sentRow(h, i, sim.Sent)].Kind].String() + " to " + r.Peer.String()
	case r.Peer == protocol.Outside:
		return "input"
	}
	return h.Kinds.All[r.Kind].String() + " from " + r.Peer.String()
}

func joined(what, text string) string {
	if text == "" {
		return what
	}
	return what + ": " + text
}

// encode returns a value of this package as JSON on one line. It leaves < and > as they are:
// nothing here is HTML.
func encode(x any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(x); err != nil {
		panic("export: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// printer writes to w until an error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) print(parts ...string) {
	for _, s := range parts {
		if p.err == nil {
			_, p.err = io.WriteString(p.w, s)
		}
	}
}
