package history

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim"
)

// OfMessage are the events of a message that leaves.
const OfMessage = sim.Sent | sim.Lost | sim.Copied | sim.Corrupted

// Words says what happened in a row, as it follows the name of its node: "sends vote 4 yes to 1". A
// fault, which can have no node, stands alone. Texts are cut to most characters, unless it is 0.
func (h *History) Words(row, most int) string {
	x := &h.Rows[row]
	switch x.What {
	case sim.Started:
		if x.Num <= 1 {
			return "starts"
		}
		return fmt.Sprintf("restarts, incarnation %d", x.Num)
	case sim.Crashed:
		return strings.TrimSpace("crashes " + h.shown(row, most))
	case sim.Damaged:
		return "is down for good: " + h.shown(row, most)
	case sim.Received:
		return h.arrives("receives", row, most)
	case sim.Dropped:
		return h.arrives("is down and misses", row, most)
	case sim.Fired:
		return "'s timer fires: " + h.timerOf(row, most)
	case sim.TimerSet:
		return fmt.Sprintf("sets a timer of %s: %s", h.shown(row, most), h.timerOf(row, most))
	case sim.TimerCancelled:
		return "cancels a timer: " + h.timerOf(row, most)
	case sim.Sent:
		if x.Num == sim.Again {
			return fmt.Sprintf("has sent %s to %v, which comes again", h.Message(row, most), x.Peer)
		}
		return fmt.Sprintf("sends %s to %v", h.Message(row, most), x.Peer)
	case sim.Lost, sim.Copied, sim.Corrupted:
		return fmt.Sprintf("sends %s to %v, which %s", h.Message(h.Original(row), most), x.Peer, h.Fate(row, most))
	case sim.Persisted:
		return "persists " + h.shown(row, most)
	case sim.Synced:
		return "syncs its disk"
	case sim.Flushing:
		if x.Num == 0 {
			return "makes safe " + h.shown(row, most)
		}
		return "flushes " + h.shown(row, most)
	case sim.Flushed:
		records, failed := strings.CutSuffix(h.shown(row, most), ": "+sim.FlushFailed)
		if failed {
			return "is told that the flush of " + records + " failed"
		}
		return "is told that the flush of " + records + " is done"
	case sim.Salvaged:
		return h.salvaged(row, most)
	case sim.Discarded:
		return fmt.Sprintf("discards its records below %d", x.Num)
	case sim.Output:
		return h.Message(row, most)
	case sim.Noted:
		return h.noted(row, most)
	case sim.Lifted:
		return "the fault ends: " + h.shown(row, most)
	}
	return "fault: " + h.shown(row, most)
}

// noted says what a node notes: "goroutine main.go:12/3fa yields", "the program returned".
func (h *History) noted(row, most int) string {
	switch kind := h.Kinds.All[h.Rows[row].Kind]; {
	case sim.TellsOfGoroutines(kind):
		return "goroutine " + h.shown(row, 2*most) // two places in the code
	case sim.TellsOfEnd(kind):
		return h.shown(row, 2*most)
	}
	return "notes " + h.Message(row, most)
}

// salvaged says what a crash leaves of a record: "loses record 5: vote 4 yes".
func (h *History) salvaged(row, most int) string {
	fate, what := h.Remains(row, most)
	verb := "keeps"
	switch part, torn := strings.CutPrefix(fate, "torn: "); {
	case torn:
		verb = "keeps " + part + " of"
	case fate == "lost":
		verb = "loses"
	}
	text := fmt.Sprintf("%s record %d", verb, h.Rows[row].Num)
	if what != "" {
		text += ": " + what
	}
	return text
}

// Remains returns what a crash leaves of the record of a row, "kept", "lost" or "torn: 3 of 9
// bytes", and the record's words.
func (h *History) Remains(row, most int) (fate, what string) {
	if h.Rows[row].Text == None {
		return "", ""
	}
	fate = h.Texts.All[h.Rows[row].Text]
	torn := strings.HasPrefix(fate, "torn: ")
	fate, what, _ = strings.Cut(strings.TrimPrefix(fate, "torn: "), ": ")
	if torn {
		fate = "torn: " + fate
	}
	return fate, Short(what, most)
}

// Fate says what becomes of a message that a row loses, copies or corrupts.
func (h *History) Fate(row, most int) string {
	switch h.Rows[row].What {
	case sim.Lost:
		return "is lost"
	case sim.Copied:
		return "is copied"
	}
	return "arrives as " + h.shown(row, most)
}

// Message names the message, output or note of a row, by its kind and its words.
func (h *History) Message(row, most int) string {
	return strings.TrimSpace(h.Kinds.All[h.Rows[row].Kind].String() + " " + h.shown(row, most))
}

// Original returns the row where a message was sent which that row loses, copies or corrupts, or of
// which it sends a copy.
func (h *History) Original(row int) int {
	for row > 0 && h.Rows[row].What != sim.Sent {
		row--
	}
	return row
}

func (h *History) arrives(verb string, row, most int) string {
	if peer := h.Rows[row].Peer; peer != protocol.Outside {
		return fmt.Sprintf("%s %s from %v", verb, h.Message(row, most), peer)
	}
	return strings.TrimSuffix(verb+" an input: "+h.shown(row, most), ": ")
}

func (h *History) shown(row, most int) string {
	if i := h.Rows[row].Text; i != None {
		return Short(h.Texts.All[i], most)
	}
	return ""
}

func (h *History) timerOf(row, most int) string {
	if i := h.Rows[row].Num; i < uint64(len(h.Timers.All)) {
		return Short(h.Timers.All[i], most)
	}
	return "unknown"
}

// Short cuts a text to n characters, on one line, where a word ends if it can. 0 leaves it as it is.
func Short(text string, n int) string {
	if n == 0 {
		return text
	}
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > n {
		short := string(r[:n])
		if space := strings.LastIndexByte(short, ' '); space > len(short)/2 && r[n] != ' ' {
			short = short[:space] // no number is cut: it would be another one
		}
		return strings.TrimRight(short, " ,;:") + " ..."
	}
	return text
}
