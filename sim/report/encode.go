package report

import (
	"bytes"
	"math/bits"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// limits bound what a page has, before compression.
type limits struct {
	lines   int // bytes of all states
	texts   int // bytes of words
	answers int
}

var usual = limits{lines: 3 << 20, texts: 1 << 20, answers: 4096}

// encoder makes the data of a page from a history.
type encoder struct {
	*history.History
	run    *Run
	limits limits
}

// encode fills in the columns, states and answers of the run, within the limits.
func (r *encoder) encode() {
	r.encodeStates()
	r.encodeRows(r.texts())
	r.encodeSteps()
	r.encodeAnswers()
	x := r.run
	x.Timers = list(r.Timers.All)
	for _, k := range r.Kinds.All {
		x.Kinds = append(x.Kinds, k.String())
	}
	for _, k := range r.Scenario.Eras {
		if i, used := r.Kinds.Index(k); used {
			x.Eras = append(x.Eras, i)
		}
	}
}

func (r *encoder) encodeSteps() {
	for step, s := range r.Steps {
		from, to := r.RowsOf(step)
		r.run.Rows = append(r.run.Rows, to-from)
		if step > 0 {
			r.run.Dt = append(r.run.Dt, int64(s.At-r.Steps[step-1].At))
		}
	}
}

// column is a set of a row's columns.
type column uint8

// The columns that not all rows have. A message that comes from outside has no origin: its row
// has a link of 0, and then a kind and a text.
const (
	peerColumn column = 1 << iota
	kindColumn
	textColumn
	linkColumn
	numColumn
)

// letters and columns of the events, by the bit of their sim.What.
var (
	letters = "ACRFSLYXDPZONIJGETVUHKW"
	columns = [...]column{
		'A': numColumn,
		'C': textColumn | numColumn,
		'R': linkColumn,
		'F': linkColumn | numColumn,
		'S': peerColumn | kindColumn | textColumn,
		'L': 0,
		'Y': 0,
		'X': textColumn,
		'D': linkColumn,
		'P': textColumn | numColumn,
		'Z': numColumn,
		'O': kindColumn | textColumn,
		'N': kindColumn | textColumn,
		'I': textColumn | numColumn,
		'J': textColumn | numColumn,
		'G': textColumn,
		'T': textColumn | numColumn,
		'V': linkColumn | numColumn,
		'U': numColumn,
		'H': textColumn | numColumn,
		'K': linkColumn | textColumn | numColumn,
		'W': textColumn | numColumn,
	}
)

// numerous reports whether a row is of the sorts whose words take most of the room.
func numerous(row *history.Row) bool {
	return row.What&(sim.Sent|sim.Received|sim.Dropped|sim.Persisted|sim.Salvaged) != 0
}

// encodeRows fills in the rows. texts has the index on the page of each text.
func (r *encoder) encodeRows(texts []int) {
	x := r.run
	what := make([]byte, len(r.Rows))
	before := 0
	for i := range r.Rows {
		row := &r.Rows[i]
		what[i] = letters[bits.TrailingZeros32(uint32(row.What))]
		node := number(row.Node)
		x.Node = append(x.Node, node-before)
		before = node
		uses := columns[what[i]]
		if uses&linkColumn != 0 {
			link := 0
			if row.Origin != history.None {
				link = i - int(row.Origin)
			} else if row.What&(sim.Received|sim.Dropped) != 0 {
				uses |= kindColumn | textColumn
			}
			x.Link = append(x.Link, link)
		}
		if uses&peerColumn != 0 {
			x.Peer = append(x.Peer, number(row.Peer))
		}
		if uses&kindColumn != 0 {
			x.Kind = append(x.Kind, int(row.Kind))
		}
		if uses&textColumn != 0 {
			text := history.None
			if row.Text != history.None {
				text = texts[row.Text]
			}
			x.Text = append(x.Text, text)
		}
		if uses&numColumn != 0 {
			x.Num = append(x.Num, int64(row.Num))
		}
	}
	x.What = string(what)
}

// number returns the number of a node, or -1 for none.
func number(id protocol.NodeID) int {
	if id == protocol.Outside {
		return -1
	}
	return int(id)
}

// center returns the step around which things are kept whole.
func (r *encoder) center() int {
	if r.run.Focus > 0 {
		return r.run.Focus
	}
	return r.Last()
}

// encodeAnswers keeps the last answers up to the center, and some after it.
func (r *encoder) encodeAnswers() {
	end := len(r.Answers)
	_, after := r.RowsOf(r.center())
	for end > 0 && int(r.Answers[end-1].Row) >= after {
		end--
	}
	end = min(len(r.Answers), end+r.limits.answers/8)
	begin := max(0, end-r.limits.answers)
	before := 0
	for _, a := range r.Answers[begin:end] {
		r.run.Answers.Row = append(r.run.Answers.Row, int(a.Row)-before)
		r.run.Answers.Line = append(r.run.Answers.Line, a.Line())
		before = int(a.Row)
	}
	from, to := 1, r.Last()
	if begin > 0 {
		from = r.StepOf(int(r.Answers[begin].Row)) + 1
	}
	if end < len(r.Answers) {
		to = r.StepOf(int(r.Answers[end].Row)) - 1
	}
	if r.run.Kept.Answers = [2]int{from, to}; begin > 0 || end < len(r.Answers) {
		r.run.note("Answers are kept %s; a replay file has all.", span(from, to))
	}
}

func (r *encoder) encodeStates() {
	all, kept := r.states()
	x := r.run
	var lines history.Table[string]
	last := make([][]int, r.States.Nodes())
	before := 0
	for _, s := range all {
		now := []int{}
		for line := range bytes.Lines(s.Text) {
			now = append(now, lines.Add(history.Cut(string(bytes.TrimSuffix(line, []byte("\n"))))))
		}
		x.States.Step = append(x.States.Step, int(s.Step)-before)
		x.States.Node = append(x.States.Node, int(s.Node))
		x.States.Edit = append(x.States.Edit, edit(last[s.Node], now))
		last[s.Node] = now
		before = int(s.Step)
	}
	x.Lines, x.Kept.States, x.Described = list(lines.All), kept, r.States.Described
	switch {
	case !x.Described:
		x.note("No node describes its state (protocol.Describer): its outputs and notes stand in for it.")
	case kept[0] > 1 || kept[1] < r.Last():
		x.note("States are kept of every step %s; elsewhere they are of some step before, or there are none.", span(kept[0], kept[1]))
	}
}

// edit returns the hunks that make now of was: see States. It looks for the nearest line where the
// two go on alike, so that a few changes far apart are a few short hunks.
func edit(was, now []int) []int {
	hunks := []int{}
	for len(was) > 0 && len(now) > 0 && was[len(was)-1] == now[len(now)-1] {
		was, now = was[:len(was)-1], now[:len(now)-1]
	}
	for len(was) > 0 || len(now) > 0 {
		keep := 0
		for keep < len(was) && keep < len(now) && was[keep] == now[keep] {
			keep++
		}
		was, now = was[keep:], now[keep:]
		drop, add := apart(was, now)
		hunks = append(append(hunks, keep, drop, add), now[:add]...)
		was, now = was[drop:], now[add:]
	}
	return hunks
}

// apart returns how many lines of each differ, until they go on alike.
func apart(was, now []int) (drop, add int) {
	const far = 64
	for sum := 1; sum < far; sum++ {
		for drop := range min(sum, len(was)) + 1 {
			if add := sum - drop; drop < len(was) && add < len(now) && was[drop] == now[add] {
				return drop, add
			}
		}
	}
	return len(was), len(now)
}
