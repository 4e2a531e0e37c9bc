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

// The bounds of a line.
const (
	mostPieces = 9
	mostOfLast = 14  // of the step that violates
	mostText   = 100 // characters of a message, record or output
)

// lines returns a line for each step that has a row of some weight. Equal lines are joined, except that
// of the violation.
func (t *teller) lines() (lines []Line) {
	same := make(map[string]int)
	for step := 0; step <= t.last; step++ {
		rows, weight := t.told(step)
		if len(rows) == 0 {
			continue
		}
		line := Line{Step: step, At: t.Steps[step].At, Text: t.line(step, rows), weight: weight}
		if i, again := same[line.Text]; again && weight < decisive {
			lines[i].again(&line)
			continue
		}
		same[line.Text] = len(lines)
		lines = append(lines, line)
	}
	return lines
}

// again adds to a line one that says the same later.
func (l *Line) again(later *Line) {
	l.weight = max(l.weight, later.weight)
	l.times, l.lastStep, l.lastAt = max(l.times, 1)+1, later.Step, later.At
}

// told returns the rows of a step that are told, if one of them has a weight, and the greatest weight.
// Among them are the messages about what the violation names, and the sync of a record that is told.
func (t *teller) told(step int) (rows []int, weight int) {
	from, to := t.RowsOf(step)
	to = min(to, t.rows)
	for at := from; at < to; at++ {
		weight = max(weight, int(t.weight[at]))
	}
	if weight == 0 {
		return nil, 0
	}
	persisted, silent := false, t.silent(from, to)
	for at := from; at < to; at++ {
		switch x := &t.Rows[at]; {
		case x.What&history.OfMessage != 0 && t.fate(at) != at: // that row says it
			continue
		case x.What&history.OfMessage != 0 && (silent || t.interest(at) > 0):
			t.raise(at, named)
		case x.What&(sim.Synced|sim.Flushing) != 0 && persisted:
			t.raise(at, weight)
			persisted = false
		}
		if t.weight[at] > 0 {
			rows = append(rows, at)
			persisted = persisted || t.Rows[at].What == sim.Persisted
		}
	}
	return rows, weight
}

// silent reports whether a step does nothing about what the violation names, although the message that
// it receives is about it. Then all that it sends is told, since it may be the answer.
func (t *teller) silent(from, to int) bool {
	if x := &t.Rows[from]; x.What != sim.Received || t.interest(from) == 0 {
		return false
	}
	for at := from + 1; at < to; at++ {
		if t.interest(at) > 0 {
			return false
		}
	}
	return true
}

// piece is a row that a line tells. If it sends a message, also has the other nodes that the step sends
// it to.
type piece struct {
	at   int
	also []protocol.NodeID
}

// line puts rows of a step into words. The trigger of the step comes first.
func (t *teller) line(step int, rows []int) string {
	first, _ := t.RowsOf(step)
	if x := &t.Rows[first]; rows[0] != first && x.What&(sim.Received|sim.Fired|sim.Flushed) != 0 && t.Rows[rows[0]].Node == x.Node {
		rows = append([]int{first}, rows...)
	}
	most := mostPieces
	if t.violation != nil && step == int(t.violation.Step) {
		most = mostOfLast
	}
	pieces, left := t.pick(t.pieces(rows), most)
	var b strings.Builder
	who, record := protocol.Outside, history.None // the last node, and a record that is not synced
	for i, p := range pieces {
		if i > 0 {
			b.WriteString("; ")
		}
		x := &t.Rows[p.at]
		if x.Node != who && x.What&(sim.Injected|sim.Lifted) == 0 {
			fmt.Fprintf(&b, "%s %v", t.role(x.Node), x.Node)
			who = x.Node
			if x.What != sim.Fired { // whose words begin with "'s"
				b.WriteByte(' ')
			}
		}
		b.WriteString(t.words(p.at))
		for _, id := range p.also {
			fmt.Fprintf(&b, ", %v", id)
		}
		switch x.What {
		case sim.Persisted:
			record = p.at
		case sim.Synced, sim.Flushing:
			record = history.None
		case sim.Sent:
			if record != history.None && (t.interest(record) > 0) == (t.interest(p.at) > 0) {
				b.WriteString(" before that is synced")
			}
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "; and %d more", left)
	}
	return b.String()
}

// role returns what a node is. Those beyond the number of nodes are clients.
func (t *teller) role(id protocol.NodeID) string {
	if n := t.report.Params.Nodes; n > 0 && id >= protocol.NodeID(n) && id != protocol.Outside {
		return "client"
	}
	return "node"
}

// pieces joins the rows of a step that send one message to several nodes.
func (t *teller) pieces(rows []int) (pieces []piece) {
	for _, at := range rows {
		x := &t.Rows[at]
		i := slices.IndexFunc(pieces, func(p piece) bool {
			y := &t.Rows[p.at]
			return x.What == sim.Sent && y.What == sim.Sent && x.Kind == y.Kind && x.Text == y.Text
		})
		if i < 0 {
			pieces = append(pieces, piece{at: at})
			continue
		}
		pieces[i].also = append(pieces[i].also, x.Peer)
	}
	return pieces
}

// pick leaves out rows of a step that has too many, the lightest first. It keeps the first, and those
// near the violation that are about what it names. It returns how many are left out.
func (t *teller) pick(pieces []piece, most int) (_ []piece, left int) {
	for ; len(pieces) > most; left++ {
		least := 0
		for i := 1; i < len(pieces); i++ {
			at := pieces[i].at
			if int(t.weight[at]) >= near && t.interest(at) > 0 {
				continue
			}
			if least == 0 || t.weight[at] < t.weight[pieces[least].at] {
				least = i
			}
		}
		if least == 0 {
			break
		}
		pieces = slices.Delete(pieces, least, least+1)
	}
	return pieces, left
}

// words says what happened in a row, after the name of its node.
func (t *teller) words(at int) string {
	x := &t.Rows[at]
	if x.What == sim.Injected {
		return t.begins(at)
	}
	text := t.Words(at, mostText)
	if x.What == sim.Crashed {
		if t.flushes(x.Node) {
			text += t.salvaged(at)
		} else {
			text += t.unsynced(at)
		}
	}
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

// unsynced says which records of a node that crashes were not synced.
func (t *teller) unsynced(crash int) string {
	var records []string
	for at := crash - 1; at >= 0; at-- {
		x := &t.Rows[at]
		if x.Node != t.Rows[crash].Node {
			continue
		}
		if x.What&(sim.Synced|sim.Started) != 0 {
			break
		}
		if x.What == sim.Persisted && x.Text != history.None {
			records = append(records, history.Short(t.Texts.All[x.Text], mostText))
		}
	}
	if len(records) == 0 {
		return ""
	}
	slices.Reverse(records)
	return ", without a sync of " + latest(records)
}

// latest lists the last few records, which came just before the crash.
func latest(records []string) string {
	const most = 3
	if n := len(records) - most; n > 0 {
		records = append(slices.Clone(records[n:]), fmt.Sprintf("%d earlier", n))
	}
	return strings.Join(records, " and ")
}

// flushes reports whether a node flushes single records.
func (t *teller) flushes(id protocol.NodeID) bool {
	return slices.ContainsFunc(t.Rows[:t.rows], func(x history.Row) bool { return x.What == sim.Flushing && x.Node == id })
}

// salvaged says what a crash leaves of the records that were not safe: the last few of those that are
// kept, torn and lost.
func (t *teller) salvaged(crash int) string {
	verbs, fates := [...]string{"keeps", "tears", "loses"}, [3][]string{}
	for at := crash + 1; at < t.rows && t.Rows[at].What == sim.Salvaged && t.Rows[at].Node == t.Rows[crash].Node; at++ {
		fate, what := t.Remains(at, mostText)
		if what == "" {
			what = fmt.Sprintf("record %d", t.Rows[at].Num)
		}
		i := 0
		switch part, torn := strings.CutPrefix(fate, "torn: "); {
		case torn:
			i, what = 1, fmt.Sprintf("%s (%s are left)", what, part)
		case fate == "lost":
			i = 2
		}
		fates[i] = append(fates[i], what)
	}
	var parts []string
	for i, all := range fates {
		if len(all) == 0 {
			continue
		}
		parts = append(parts, verbs[i]+" "+latest(all))
	}
	if parts == nil {
		return ""
	}
	return ", and of its unsynced records " + strings.Join(parts, ", ")
}
