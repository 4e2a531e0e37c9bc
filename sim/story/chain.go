package story

import (
	"regexp"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// A causal chain is followed for far hops. A hop goes back from a step to the one that sent its message
// or set its timer. The last decision of the same node counts as further away, since it need not be a
// cause.
const (
	far      = 6
	decision = 3 // hops
)

// Patterns of what sentences name.
const (
	ofNodes = `\bnodes? \[?(\d+(?:(?:, | and | or | )\d+)*)`
	ofStep  = `\bstep (\d+)\b`
)

// numbersIn returns the numbers in the parts of a text that match the pattern's group.
func numbersIn(text, pattern string) (all []int) {
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		for digits := range strings.FieldsFuncSeq(found[1], func(c rune) bool { return c < '0' || c > '9' }) {
			if n, err := strconv.ParseInt(digits, 10, 32); err == nil {
				all = append(all, int(n))
			}
		}
	}
	return all
}

// trace follows causes back from the violation: from the step that shows it, and from those that its
// evidence names. If only the end showed it, it follows them from the last decisions about what it
// names.
func (t *teller) trace() {
	t.hops, t.leads = make(map[int]int), make(map[int]bool)
	c := t.violation
	if c == nil {
		return
	}
	var begin [far + 1][]int // steps to look at, by hops
	add := func(step, hops int) {
		if before, known := t.hops[step]; step < 1 || step > t.last || hops > far || known && before <= hops {
			return
		}
		t.hops[step] = hops
		begin[hops] = append(begin[hops], step)
	}
	for _, root := range t.roots() {
		add(root.step, root.hops)
	}
	for hops := range begin {
		for i := 0; i < len(begin[hops]); i++ {
			step := begin[hops][i]
			if t.hops[step] != hops {
				continue // it is nearer than this
			}
			node := t.nodeOf(step)
			if known, ok := t.nodes[node]; node != protocol.Outside && (!ok || hops < known) {
				t.nodes[node] = hops
			}
			if from, row := t.trigger(step); from > 0 {
				if hops < far {
					t.leads[row] = true
				}
				add(from, hops+1)
			}
			add(t.decided(step), hops+decision)
		}
	}
}

type root struct{ step, hops int }

func (t *teller) roots() (roots []root) {
	c := t.violation
	if c.Step > 0 {
		roots = append(roots, root{t.last, 0})
	}
	for _, step := range numbersIn(c.Detail, ofStep) {
		roots = append(roots, root{step, 1})
	}
	if c.Evidence != nil {
		roots = append(roots, differing(c.Evidence.Sequences)...)
	}
	if c.Step > 0 {
		return roots
	}
	return append(roots, t.lastDone()...)
}

// lastDone returns, for a violation that only the end showed, the steps in which nodes last did
// something about what it names.
func (t *teller) lastDone() (roots []root) {
	const (
		away = 3 // hops: the last decision need not be the cause
		most = 8
	)
	seen := make(map[protocol.NodeID]bool)
	for at := t.rows - 1; at >= 0 && len(roots) < most; at-- {
		x := &t.Rows[at]
		if seen[x.Node] || !t.news(at) {
			continue
		}
		_, about := t.nodes[x.Node]
		if t.follows {
			about = t.interest(at) > 0
		}
		if about || !t.follows && len(t.nodes) == 0 {
			seen[x.Node] = true
			roots = append(roots, root{t.StepOf(at), away})
		}
	}
	return roots
}

// news reports whether a row is a decision, or a message that is sent or arrives for the first
// time, and not a message that nodes repeat until the end.
func (t *teller) news(at int) bool {
	return t.Rows[at].What&(sim.Output|sim.Persisted) != 0 || t.fresh[at]
}

// refresh finds the messages that are not repetitions.
func (t *teller) refresh() {
	const often = 16
	seen, count := make(map[history.Row]bool), make(map[int32]int)
	for at := range t.Rows[:t.rows] {
		count[t.Rows[at].Text]++
	}
	t.fresh = make([]bool, t.rows)
	for at := range t.Rows[:t.rows] {
		if x := t.Rows[at]; x.What&(sim.Sent|sim.Received) != 0 {
			if x.Origin, x.Num = 0, 0; x.What == sim.Sent || count[x.Text] > often {
				x.Peer = 0 // the other end does not matter
			}
			t.fresh[at] = !seen[x]
			seen[x] = true
		}
	}
}

// trigger returns the step that caused a step, and its row that sent the message or set the timer; or
// 0. A timer that wakes its node again and again has no cause.
func (t *teller) trigger(step int) (from, row int) {
	at, to := t.RowsOf(step)
	if at >= to {
		return 0, 0
	}
	x := &t.Rows[at]
	if row = t.Cause(step); row == history.None {
		return 0, 0
	}
	from = t.StepOf(row)
	if x.What == sim.Fired {
		if first, _ := t.RowsOf(from); t.Rows[first].What == sim.Fired && t.Rows[first].Num == x.Num {
			return 0, 0
		}
	}
	return from, row
}

// decided returns the last step before the given one in which its node made something final or
// durable, or 0. It is about what the violation names, if any step is.
func (t *teller) decided(step int) int {
	at, to := t.RowsOf(step)
	if at >= to || t.Rows[at].Node == protocol.Outside {
		return 0
	}
	id := t.Rows[at].Node
	if t.follows && !t.concerns(step) {
		return 0
	}
	for at--; at >= 0; at-- {
		if x := &t.Rows[at]; x.Node == id && x.What&(sim.Output|sim.Persisted) != 0 && (!t.follows || t.interest(at) > 0) {
			return t.StepOf(at)
		}
	}
	return 0
}

// concerns reports whether a step has a row about what the violation names.
func (t *teller) concerns(step int) bool {
	at, to := t.RowsOf(step)
	for ; at < to; at++ {
		if t.interest(at) > 0 {
			return true
		}
	}
	return false
}

// nodeOf returns the node that took a step, or Outside.
func (t *teller) nodeOf(step int) protocol.NodeID {
	if at, to := t.RowsOf(step); at < to {
		return t.Rows[at].Node
	}
	return protocol.Outside
}
