package story

import (
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
)

// The weights of rows: a story that is too long loses the lightest first.
const (
	outputs     = 1 + iota // something that a node made final
	concerned              // the same, by a node that the violation concerns
	aside                  // one of many losses, copies, late messages or faults, at other nodes
	named                  // something that the violation names
	distant                // a step many hops from the violation
	common                 // one of many losses and so on, at nodes that the violation concerns
	namedFinal             // something that the violation names, made final
	unconcerned            // one of few losses and so on, at other nodes
	misfortune             // the same, at nodes that the violation concerns
	near                   // a step that is nearHops from the violation
	decisive    = near + nearHops
)

// nearHops is how many hops from the violation a step can be and still be left out last, after all
// faults.
const nearHops = 3

// few is up to how many losses, copies, late messages or faults are all told.
const few = 8

// weigh gives each row a weight: how much it has to do with the violation.
func (t *teller) weigh() {
	t.weight, t.more = make([]uint8, t.rows), make(map[int]int)
	t.weighFaults()
	begun := t.begun()
	t.weighMessages(sim.Lost|sim.Dropped, func(row int) bool {
		return t.Rows[row].What == sim.Lost || begun[t.Rows[row].Node] < row // else it has yet to start
	})
	t.weighMessages(sim.Corrupted|sim.Copied, func(int) bool { return true })
	t.weighMessages(sim.Received, func(row int) bool { return t.odd[row] != "" })
	for at := range t.Rows[:t.rows] {
		x := &t.Rows[at]
		interest := t.interest(at)
		switch {
		case x.What&(sim.Crashed|sim.Damaged) != 0, x.What == sim.Started && x.Num > 1:
			t.raise(at, unconcerned+t.extra(x.Node))
		case x.What == sim.Flushed && x.Text != history.None && strings.HasSuffix(t.Texts.All[x.Text], ": "+sim.FlushFailed):
			t.raise(at, unconcerned+t.extra(x.Node))
		case x.What == sim.Noted && (sim.TellsOfGoroutines(t.Kinds.All[x.Kind]) || sim.TellsOfEnd(t.Kinds.All[x.Kind])):
			t.raise(at, unconcerned+t.extra(x.Node))
		case interest > 0 && x.What == sim.Output:
			t.raise(at, namedFinal-exact+interest)
		case interest > 0 && (x.What == sim.Persisted || x.What == sim.Received && t.fresh[at]):
			t.raise(at, named-exact+interest)
		case t.follows: // it is about something else
		case x.What == sim.Output && t.extra(x.Node) > 0:
			t.raise(at, concerned)
		case x.What == sim.Output && t.violation != nil:
			t.raise(at, outputs)
		}
	}
	t.weighCauses()
	t.weighNames()
	if t.violation == nil {
		t.outline()
	}
}

// begun returns the row in which each node started first.
func (t *teller) begun() map[protocol.NodeID]int {
	first := make(map[protocol.NodeID]int)
	for at := range t.Rows {
		id := t.Rows[at].Node
		if _, known := first[id]; !known && t.Rows[at].What == sim.Started {
			first[id] = at
		}
	}
	return first
}

// outline weighs what a run without a violation made final: the first of each kind stands for the
// others.
func (t *teller) outline() {
	first := make(map[int32]int)
	for at := range t.Rows[:t.rows] {
		x := &t.Rows[at]
		if x.What != sim.Output {
			continue
		}
		if i, known := first[x.Kind]; known {
			t.more[i]++
			continue
		}
		first[x.Kind] = at
		t.raise(at, near)
	}
}

func (t *teller) raise(row, weight int) { t.weight[row] = max(t.weight[row], uint8(weight)) }

// extra is 1 for a node that the violation concerns.
func (t *teller) extra(id protocol.NodeID) int {
	if _, ok := t.nodes[id]; ok {
		return 1
	}
	return 0
}

// weighCauses weighs the steps from which causes lead to the violation: the trigger of each, what it
// does, and the message that it sends on the way. The first start of a node does not count.
func (t *teller) weighCauses() {
	for _, step := range protocol.SortedKeys(t.hops) {
		at, to := t.RowsOf(step)
		weight := decisive - t.hops[step]
		if weight < near {
			weight = distant
		}
		if at >= to || t.Rows[at].What == sim.Started && t.Rows[at].Num <= 1 && !t.concerns(step) {
			continue
		}
		for first := at; at < min(to, t.rows); at++ {
			if at == first || t.leads[at] || t.tells(step, at) {
				t.raise(at, weight)
			}
		}
	}
}

// weighNames weighs the last steps that have to do with each name of the violation. They matter as much
// as a fault.
func (t *teller) weighNames() {
	const most = 5
	steps := make(map[string]int)
	last := make(map[string]int)
	for at := t.rows - 1; at >= 0; at-- {
		if t.interest(at) != exact || !t.news(at) {
			continue
		}
		step := t.StepOf(at)
		for _, id := range idsIn(t.Texts.All[t.said(at)]) {
			if t.names.of(id) != exact {
				continue
			}
			if last[id] != step {
				last[id] = step
				steps[id]++
			}
			if steps[id] <= most {
				t.raise(at, misfortune)
			}
		}
	}
}

// tells reports whether a row is told as something that its step did, which is one from which causes
// lead to the violation. If a row of the step is about what the violation names, others are left out.
func (t *teller) tells(step, at int) bool {
	shows := t.violation.Step > 0 && step == t.last
	about := !t.concerns(step) || t.interest(at) > 0
	switch t.Rows[at].What {
	case sim.Crashed:
		return true
	case sim.Persisted: // the next step may rely on it
		return about || t.hops[step] <= nearHops
	case sim.Output:
		return about
	case sim.Sent:
		return shows && about && t.fate(at) == at
	}
	return false
}

// fate returns the row that says what the network did to a message that a row sends, or that row if
// the network did nothing.
func (t *teller) fate(at int) int {
	if next := at + 1; next < t.rows && t.Rows[next].What&(sim.Lost|sim.Copied|sim.Corrupted) != 0 && t.Rows[next].Node == t.Rows[at].Node {
		return next
	}
	return at
}

// weighMessages weighs the rows of that sort. If there are many, the first on each link stands for
// those that follow there, except messages that the violation names.
func (t *teller) weighMessages(what sim.What, is func(row int) bool) {
	var all []int
	for at := range t.Rows[:t.rows] {
		if t.Rows[at].What&what != 0 && is(at) {
			all = append(all, at)
		}
	}
	if t.violation == nil && what == sim.Received && len(all) > few {
		return // the network is like this, and the run passed
	}
	begun := !t.follows // something has happened to what the violation names
	first, next := make(map[link]int), 0
	for _, at := range all {
		for ; next <= at && !begun; next++ {
			begun = t.interest(next) == exact
		}
		x := &t.Rows[at]
		weight := misfortune
		if t.interest(at) == exact {
			t.raise(at, near)
			continue
		}
		if len(all) > few {
			l := link{x.Node, x.Peer}
			if i, known := first[l]; known {
				t.more[i]++
				continue
			}
			first[l] = at
			weight = common
		}
		switch {
		case !begun && what == sim.Received:
			weight = aside
		case t.extra(x.Node) == 0 && t.extra(x.Peer) == 0:
			weight = elsewhere(weight)
		}
		t.raise(at, weight)
	}
}

// elsewhere returns the weight, at other nodes, of a row that would have the given weight at a node
// that the violation concerns.
func elsewhere(weight int) int {
	if weight == common {
		return aside
	}
	return unconcerned
}

// weighFaults weighs the rows where faults begin and end that did something. For a fault that comes
// and goes, those are its first beginning and its last end.
func (t *teller) weighFaults() {
	t.impact = make(map[uint64]*impact)
	did := 0
	for i := range t.report.Faults {
		x := &impact{Fault: &t.report.Faults[i], n: 1, first: history.None, last: history.None, lifted: history.None}
		if i < len(t.report.Impacts) {
			x.n = t.report.Impacts[i].N
		}
		if x.Op == fault.Heal {
			x.n = 0 // the ends of other faults are told
		}
		if x.n > 0 {
			did++
		}
		t.impact[x.ID] = x
	}
	for at := range t.Rows[:t.rows] {
		row := &t.Rows[at]
		x := t.impact[row.Num]
		switch {
		case x == nil || row.What&(sim.Injected|sim.Lifted) == 0:
		case row.What == sim.Lifted:
			x.lifted = at
		default:
			if x.last = at; x.first == history.None {
				x.first = at
			} else {
				t.more[x.first]++
			}
		}
	}
	for i := range t.report.Faults {
		x := t.impact[t.report.Faults[i].ID]
		if x.n == 0 {
			continue
		}
		weight := misfortune
		if did > few {
			weight = common
		}
		if !t.hits(x.Fault) {
			weight = elsewhere(weight)
		}
		for _, at := range []int{x.first, x.lifted} {
			if at == x.lifted && t.follows {
				weight = elsewhere(weight)
			}
			if at != history.None && !(at == x.lifted && x.last > at) { // it has come back since
				t.raise(at, weight)
			}
		}
	}
}

// hits reports whether a fault is about a node that the violation concerns.
func (t *teller) hits(f *fault.Fault) bool {
	if f.Op.OfNode() {
		return t.extra(f.Node) > 0
	}
	return slices.ContainsFunc(f.Groups, func(group []protocol.NodeID) bool {
		return group == nil || slices.ContainsFunc(group, func(id protocol.NodeID) bool { return t.extra(id) > 0 })
	})
}
