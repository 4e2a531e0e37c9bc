package story

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
	"dessim/sim/wording"
)

// What a line has at most.
const (
	mostPieces = 4
	mostText   = 64 // characters of a message, record or output
)

// lines returns a line for each step that has a row of some weight.
func (t *teller) lines() (lines []Line) {
	for step := 0; step <= t.last; step++ {
		from, to := t.RowsOf(step)
		var rows []int
		weight := 0
		for at := from; at < min(to, t.rows); at++ {
			if w := int(t.weight[at]); w > 0 {
				rows = append(rows, at)
				weight = max(weight, w)
			}
		}
		if len(rows) == 0 {
			continue
		}
		lines = append(lines, Line{Step: step, At: t.Steps[step].At, Text: t.line(from, rows), weight: weight})
	}
	return lines
}

// line puts rows of a step into words. The trigger of a step that is told for what it does comes
// first.
func (t *teller) line(first int, rows []int) string {
	if x := &t.Rows[first]; rows[0] != first && x.What&(sim.Received|sim.Fired) != 0 && t.Rows[rows[0]].Node == x.Node {
		rows = append([]int{first}, rows...)
	}
	rows, left := t.pick(rows)
	var b strings.Builder
	who := protocol.Outside
	for i, at := range rows {
		if i > 0 {
			b.WriteString("; ")
		}
		if x := &t.Rows[at]; x.Node != who && x.What&(sim.Injected|sim.Lifted) == 0 {
			fmt.Fprintf(&b, "node %v", x.Node)
			who = x.Node
			if x.What != sim.Fired { // whose words begin with "'s"
				b.WriteByte(' ')
			}
		}
		b.WriteString(t.words(at))
	}
	if left > 0 {
		fmt.Fprintf(&b, "; and %d more", left)
	}
	return b.String()
}

// pick leaves out rows of a step that has too many, the lightest first, but never the first. It
// returns how many are left out.
func (t *teller) pick(rows []int) (_ []int, left int) {
	for ; len(rows) > mostPieces; left++ {
		least := 1
		for i := 2; i < len(rows); i++ {
			if t.weight[rows[i]] < t.weight[rows[least]] {
				least = i
			}
		}
		rows = slices.Delete(rows, least, least+1)
	}
	return rows, left
}

// words says what happened in a row, after the name of its node.
func (t *teller) words(at int) string {
	x := &t.Rows[at]
	text := t.text(x.Text)
	switch x.What {
	case sim.Started:
		if x.Num <= 1 {
			return "starts"
		}
		return fmt.Sprintf("restarts, incarnation %d", x.Num)
	case sim.Crashed:
		return strings.TrimSpace("crashes " + text)
	case sim.Damaged:
		return "is down for good: " + text
	case sim.Received:
		return t.arrives("receives", at)
	case sim.Dropped:
		return t.arrives("is down and misses", at) + t.others(at)
	case sim.Fired:
		return "'s timer fires: " + t.timer(x.Num)
	case sim.TimerSet:
		return fmt.Sprintf("sets a timer of %s: %s", text, t.timer(x.Num))
	case sim.Sent:
		return fmt.Sprintf("sends %s to %v", t.message(at), x.Peer)
	case sim.Lost:
		return fmt.Sprintf("sends %s to %v, which is lost%s", t.message(t.original(at)), x.Peer, t.others(at))
	case sim.Copied:
		return fmt.Sprintf("sends %s to %v, which is copied%s", t.message(t.original(at)), x.Peer, t.others(at))
	case sim.Corrupted:
		return fmt.Sprintf("sends %s to %v, which arrives as %s%s", t.message(t.original(at)), x.Peer, text, t.others(at))
	case sim.Synced:
		return "has synced its disk"
	case sim.Persisted:
		return "persists " + text
	case sim.Injected:
		return t.begins(at, text)
	case sim.Lifted:
		return "the fault ends: " + text
	case sim.Output:
		text = strings.TrimSpace(t.kind(x) + " " + text)
		if n := t.more[at]; n > 0 {
			text += fmt.Sprintf(" (and %d more in the run)", n)
		}
		return text
	}
	return x.What.String() + " " + text
}

func (t *teller) begins(at int, text string) string {
	x := t.impact[t.Rows[at].Num]
	switch {
	case x == nil || !x.Op.Lasts():
		return "fault: " + text
	case t.more[at] > 0:
		return fmt.Sprintf("a fault begins, and comes back %s: %s", wording.Count(t.more[at], "time"), text)
	case x.lifted == history.None && t.violation != nil:
		return "a fault begins, and lasts until the violation: " + text
	}
	return "a fault begins: " + text
}

// others says how many rows this one stands for.
func (t *teller) others(at int) string {
	if n := t.more[at]; n > 0 {
		return fmt.Sprintf(" (and %d more on that link)", n)
	}
	return ""
}

func (t *teller) arrives(verb string, at int) string {
	x := &t.Rows[at]
	if x.Peer == protocol.Outside {
		return verb + " an input: " + t.text(x.Text)
	}
	text := fmt.Sprintf("%s %s from %v", verb, t.message(at), x.Peer)
	if odd := t.odd[at]; odd != "" {
		text += ", " + odd
	}
	return text
}

// message names the message of a row, by its kind and its words.
func (t *teller) message(at int) string {
	x := &t.Rows[at]
	return strings.TrimSpace(t.kind(x) + " " + t.text(x.Text))
}

func (t *teller) kind(x *history.Row) string {
	if uint(x.Kind) < uint(len(t.Kinds.All)) {
		return t.Kinds.All[x.Kind].String()
	}
	return ""
}

func (t *teller) text(i int32) string {
	if i < 0 || int(i) >= len(t.Texts.All) {
		return ""
	}
	return short(t.Texts.All[i], mostText)
}

func (t *teller) timer(i uint64) string {
	if i >= uint64(len(t.Timers.All)) {
		return "unknown"
	}
	return short(t.Timers.All[i], mostText)
}

// short cuts a text to n characters, on one line.
func short(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "..."
	}
	return text
}
