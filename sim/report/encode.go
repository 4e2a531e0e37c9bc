package report

import (
	"bytes"

	"dessim/sim"
)

// encode fills in the columns, states and answers, within the budgets.
func (r *Recorder) encode(x *Run) {
	r.encodeStates(x)
	keep := r.keptTexts(x)
	r.encodeSteps(x)
	r.encodeRows(x, keep)
	r.encodeAnswers(x)
	for _, k := range r.kinds.all {
		x.Kinds = append(x.Kinds, k.String())
	}
	for _, k := range r.scenario.Eras {
		if i, used := r.kinds.number[k]; used {
			x.Eras = append(x.Eras, i)
		}
	}
}

func (r *Recorder) encodeSteps(x *Run) {
	before := r.starts[0].at
	for i, s := range r.starts {
		end := int32(len(r.rows))
		if i+1 < len(r.starts) {
			end = r.starts[i+1].row
		}
		x.Rows = append(x.Rows, int(end-s.row))
		if i > 0 {
			x.Dt = append(x.Dt, int64(s.at-before))
			before = s.at
		}
	}
}

func (r *Recorder) encodeRows(x *Run, keep []int) {
	what := make([]byte, len(r.rows))
	before := 0
	for i := range r.rows {
		row := &r.rows[i]
		s := sorts[row.what]
		what[i] = s.letter
		node := int(int32(row.node)) // protocol.Outside is -1
		x.Node = append(x.Node, node-before)
		before = node
		uses := s.uses
		if uses&linkColumn != 0 {
			link := 0
			if row.origin != none {
				link = i - int(row.origin)
			} else if row.what == sortOf(sim.Received) || row.what == sortOf(sim.Dropped) {
				uses |= kindColumn | textColumn
			}
			x.Link = append(x.Link, link)
		}
		if uses&peerColumn != 0 {
			x.Peer = append(x.Peer, int(int32(row.peer)))
		}
		if uses&kindColumn != 0 {
			x.Kind = append(x.Kind, int(row.kind))
		}
		if uses&textColumn != 0 {
			text := none
			if row.text != none {
				text = keep[row.text]
			}
			x.Text = append(x.Text, text)
		}
		if uses&numColumn != 0 {
			x.Num = append(x.Num, int64(row.num))
		}
	}
	x.What = string(what)
}

// center returns the step around which things are kept whole.
func (r *Recorder) center(x *Run) int {
	if x.Focus > 0 {
		return x.Focus
	}
	return len(r.starts) - 1
}

// keptTexts chooses the texts of the page, and returns for each of the run its index there, or
// none. Those of few events are chosen first, then those of messages: backward from the
// center, and then forward from it.
func (r *Recorder) keptTexts(x *Run) []int {
	k := texts{x: x, all: r.texts.all, index: make([]int, len(r.texts.all)), left: r.limits.texts}
	for i := range k.index {
		k.index[i] = none
	}
	many := func(s sort) bool { return s == sortOf(sim.Sent) || s == sortOf(sim.Persisted) }
	for i := range r.rows {
		if !many(r.rows[i].what) {
			k.take(r.rows[i].text)
		}
	}
	center := r.center(x)
	from, to := center+1, len(r.starts)-1
	for ; from > 0 && k.step(r, from-1); from-- {
	}
	for step := center + 1; step < len(r.starts); step++ {
		if !k.step(r, step) {
			to = step - 1
			break
		}
	}
	if x.Kept.Texts = [2]int{max(from, 1), to}; from > 1 || to < len(r.starts)-1 {
		x.note("The words of messages and records are complete %s; elsewhere some are left out.", span(max(from, 1), to))
	}
	return k.index
}

// texts chooses texts for a page.
type texts struct {
	x     *Run
	all   []string
	index []int
	left  int // bytes
}

// take keeps text i, if it is one, and reports whether it is kept.
func (k *texts) take(i int32) bool {
	if i == none || k.index[i] != none {
		return true
	}
	if k.left -= len(k.all[i]); k.left < 0 {
		return false
	}
	k.index[i] = len(k.x.Texts)
	k.x.Texts = append(k.x.Texts, k.all[i])
	return true
}

// step keeps the texts of a step, and reports whether it has them all.
func (k *texts) step(r *Recorder, step int) bool {
	end := int32(len(r.rows))
	if step+1 < len(r.starts) {
		end = r.starts[step+1].row
	}
	whole := true
	for i := r.starts[step].row; i < end; i++ {
		whole = k.take(r.rows[i].text) && whole
	}
	return whole
}

// encodeAnswers keeps the last answers up to the center, and some after it.
func (r *Recorder) encodeAnswers(x *Run) {
	end := len(r.answers)
	if center := r.center(x); center+1 < len(r.starts) {
		for end > 0 && r.answers[end-1].row >= r.starts[center+1].row {
			end--
		}
	}
	end = min(len(r.answers), end+r.limits.answers/8)
	begin := max(0, end-r.limits.answers)
	before := 0
	for _, a := range r.answers[begin:end] {
		x.Answers.Row = append(x.Answers.Row, int(a.row)-before)
		x.Answers.Line = append(x.Answers.Line, a.Line())
		before = int(a.row)
	}
	from, to := 1, len(r.starts)-1
	if begin > 0 {
		from = r.stepOf(r.answers[begin].row) + 1
	}
	if end < len(r.answers) {
		to = r.stepOf(r.answers[end].row) - 1
	}
	if x.Kept.Answers = [2]int{from, to}; begin > 0 || end < len(r.answers) {
		x.note("Answers are kept %s; a replay file has all.", span(from, to))
	}
}

// stepOf returns the step of a row.
func (r *Recorder) stepOf(row int32) int {
	low, high := 0, len(r.starts)
	for high-low > 1 {
		if middle := (low + high) / 2; r.starts[middle].row <= row {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func (r *Recorder) encodeStates(x *Run) {
	all, every := r.states.selected(r.limits.lines)
	lines, last := table[string]{}, make([][]int, r.states.m.Nodes())
	before := 0
	for _, s := range all {
		now := []int{}
		for line := range bytes.Lines(s.text) {
			now = append(now, lines.index(cut(string(bytes.TrimSuffix(line, []byte("\n"))))))
		}
		was := last[s.node]
		keep := 0
		for keep < len(was) && keep < len(now) && was[keep] == now[keep] {
			keep++
		}
		tail := 0
		for tail < len(was)-keep && tail < len(now)-keep && was[len(was)-1-tail] == now[len(now)-1-tail] {
			tail++
		}
		last[s.node] = now
		x.States.Step = append(x.States.Step, int(s.step)-before)
		x.States.Node = append(x.States.Node, int(s.node))
		x.States.Keep = append(x.States.Keep, keep)
		x.States.Tail = append(x.States.Tail, tail)
		x.States.Lines = append(x.States.Lines, now[keep:len(now)-tail])
		before = int(s.step)
	}
	x.Lines = list(lines.all)
	x.Kept.States = [3]int{int(r.states.from), int(r.states.to), every}
	switch {
	case !x.Described:
		x.note("No node describes its state (protocol.Describer): its outputs and notes stand in for it.")
	case r.states.from > 1 || r.states.to < r.states.step:
		x.note("States are kept of every step %s; elsewhere they are of some steps before.", span(int(r.states.from), int(r.states.to)))
	}
}
