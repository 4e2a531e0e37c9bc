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
	if x.What == sim.Injected {
		return t.begins(at)
	}
	text := t.Words(at, mostText)
	if odd := t.odd[at]; odd != "" {
		text += ", " + odd
	}
	switch n := t.more[at]; {
	case n > 0 && x.What == sim.Output:
		text += fmt.Sprintf(" (and %d more in the run)", n)
	case n > 0:
		text += fmt.Sprintf(" (and %d more on that link)", n)
	}
	return text
}

// begins says when a fault begins, and how it goes on.
func (t *teller) begins(at int) string {
	x, text := t.impact[t.Rows[at].Num], t.Words(at, mostText)
	if x == nil || !x.Op.Lasts() {
		return text
	}
	how := "begins"
	if n := t.more[at]; n > 0 {
		how += ", and comes back " + wording.Count(n, "time")
	} else if x.lifted == history.None && t.violation != nil {
		how += ", and lasts until the violation"
	}
	return strings.Replace(text, "fault", "a fault "+how, 1)
}
