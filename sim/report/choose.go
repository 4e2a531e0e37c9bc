package report

import (
	"bytes"
	"cmp"
	"slices"

	"dessim/protocol"
	"dessim/sim/history"
)

// states chooses the states for a page, ascending, within a budget: see cost. It takes all between
// two steps, in which the last state of a node is the one that it has, and others every so many
// steps: kept is those three numbers.
func (r *encoder) states() (chosen []history.State, kept [3]int) {
	s := &r.States
	from, to := s.From, s.To
	c := cost{left: r.limits.lines, seen: make(map[string]bool)}
	take := func(x *history.State) bool {
		affords := c.affords(x)
		if affords {
			chosen = append(chosen, *x)
		}
		return affords
	}
	for i := range slices.Backward(s.All) {
		if x := &s.All[i]; x.Step >= from && x.Step <= to && !take(x) {
			from = x.Step + 1
			break
		}
	}
	// What was before: of each node the last state, whatever it costs, for it is taken for the
	// one that the node has.
	base := make(map[protocol.NodeID]bool)
	for i := range slices.Backward(s.All) {
		if x := &s.All[i]; x.Step < from && !base[x.Node] {
			base[x.Node] = true
			chosen = append(chosen, *x)
		} else if x.Step < from || x.Step > to {
			take(x)
		}
	}
	slices.SortStableFunc(chosen, func(a, b history.State) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Node, b.Node))
	})
	return chosen, [3]int{int(from), int(to), int(s.Every)}
}

// cost counts what states take: the lines that are not in others before.
type cost struct {
	left int // bytes
	seen map[string]bool
}

// affords takes a state, if the budget allows it. After the first that it refuses, it refuses
// all.
func (c *cost) affords(x *history.State) bool {
	const each = 8 // for its place
	need := each
	for line := range bytes.Lines(x.Text) {
		if !c.seen[string(line)] {
			need += len(line)
		}
	}
	if need > c.left {
		c.left = 0
		return false
	}
	c.left -= need
	for line := range bytes.Lines(x.Text) {
		c.seen[string(line)] = true
	}
	return true
}

// texts chooses texts for a page.
type texts struct {
	*encoder
	index []int // on the page, of each of the run, or history.None
	left  int   // bytes
}

// texts returns for each text of the run its index on the page, or history.None. Those of few
// events are chosen first, then those of messages and records: backward from the center, and
// then forward from it.
func (r *encoder) texts() []int {
	k := texts{encoder: r, index: make([]int, len(r.Texts.All)), left: r.limits.texts}
	for i := range k.index {
		k.index[i] = history.None
	}
	for i := range r.Rows {
		if !numerous(&r.Rows[i]) {
			k.take(r.Rows[i].Text)
		}
	}
	center := r.center()
	from, to := center+1, r.Last()
	for ; from > 0 && k.step(from-1); from-- {
	}
	for step := center + 1; step <= r.Last(); step++ {
		if !k.step(step) {
			to = step - 1
			break
		}
	}
	if r.run.Kept.Texts = [2]int{max(from, 1), to}; from > 1 || to < r.Last() {
		r.run.note("The words of messages and records are complete %s; elsewhere some are left out.", span(max(from, 1), to))
	}
	return k.index
}

// take keeps text i, if it is one, and reports whether it is kept.
func (k *texts) take(i int32) bool {
	if i == history.None || k.index[i] != history.None {
		return true
	}
	text := k.Texts.All[i]
	if k.left -= len(text); k.left < 0 {
		return false
	}
	k.index[i] = len(k.run.Texts)
	k.run.Texts = append(k.run.Texts, text)
	return true
}

// step keeps the texts of a step, and reports whether it has them all.
func (k *texts) step(step int) bool {
	whole := true
	from, to := k.RowsOf(step)
	for i := from; i < to; i++ {
		whole = k.take(k.Rows[i].Text) && whole
	}
	return whole
}
