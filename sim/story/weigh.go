package story

import (
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
)

// The weights of rows: a story that is too long loses the lightest first.
const (
	outputs     = 1 + iota // something that a node made final
	concerned              // the like, of a node that the violation concerns
	aside                  // one of many losses, copies, late messages or faults, at other nodes
	named                  // something that the violation names
	distant                // a step many hops from the violation
	common                 // one of many losses and so on, at nodes that the violation concerns
	namedFinal             // something that the violation names, made final
	unconcerned            // one of few losses and so on, at other nodes
	misfortune             // the like, at nodes that the violation concerns
	near                   // a step that is nearHops from the violation
	decisive    = near + nearHops
)

// nearHops is how many hops from the violation a step can be to leave the story last, after all
// faults.
const nearHops = 3

// few is how many losses, copies, late messages or faults are all told.
const few = 8

// weigh says how much each row has to do with the violation.
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
		isNamed := x.Text != history.None && t.named[x.Text]
		switch {
		case x.What&(sim.Crashed|sim.Damaged) != 0, x.What == sim.Started && x.Num > 1:
			t.raise(at, unconcerned+t.extra(x.Node))
		case x.What == sim.Output && isNamed:
			t.raise(at, namedFinal)
		case x.What&(sim.Received|sim.Persisted) != 0 && isNamed:
			t.raise(at, named)
		case x.What == sim.Output && t.extra(x.Node) > 0:
			t.raise(at, concerned)
		case x.What == sim.Output && t.violation != nil:
			t.raise(at, outputs)
		}
	}
	t.weighCauses()
	if t.violation == nil {
		t.outline()
	}
}

// begun returns the row in which each node that is told of started first.
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

// weighCauses weighs the steps from which causes lead to the violation: what triggers each, what
// it does, and which message it sends on the way.
func (t *teller) weighCauses() {
	for _, step := range protocol.SortedKeys(t.hops) {
		weight := decisive - t.hops[step]
		if weight < near {
			weight = distant
		}
		at, to := t.RowsOf(step)
		for first := at; at < min(to, t.rows); at++ {
			x := &t.Rows[at]
			if at == first || x.What&(sim.Output|sim.Persisted|sim.Crashed) != 0 || t.leads[at] {
				t.raise(at, weight)
			}
		}
	}
	if c := t.violation; c != nil && c.Step > 0 {
		at, _ := t.RowsOf(t.last)
		for ; at < t.rows; at++ {
			x := &t.Rows[at]
			if t.weight[at] > 0 || x.What == sim.Sent && x.Text != history.None && t.named[x.Text] {
				t.raise(at, decisive)
			}
		}
	}
}

// weighMessages weighs the rows of that sort. If there are many, the first on each link stands for
// those that follow there, but for messages that the violation names.
func (t *teller) weighMessages(what sim.What, is func(row int) bool) {
	var all []int
	for at := range t.Rows[:t.rows] {
		if t.Rows[at].What&what != 0 && is(at) {
			all = append(all, at)
		}
	}
	if t.violation == nil && what == sim.Received && len(all) > few {
		return // such is the network
	}
	first := make(map[link]int)
	for _, at := range all {
		x := &t.Rows[at]
		weight := misfortune
		if said := t.said(at); said != history.None && t.named[said] {
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
		if t.extra(x.Node) == 0 && t.extra(x.Peer) == 0 {
			weight = elsewhere(weight)
		}
		t.raise(at, weight)
	}
}

// elsewhere returns the weight of what would weigh that much at a node that the violation concerns.
func elsewhere(weight int) int {
	if weight == common {
		return aside
	}
	return unconcerned
}

// said returns the text of the message of a row.
func (t *teller) said(at int) int32 {
	if t.Rows[at].What&(sim.Lost|sim.Copied) != 0 {
		at = t.Original(at)
	}
	return t.Rows[at].Text
}

// weighFaults weighs where faults begin and end, of those that did something. Of one that comes
// and goes, it is the first and the last.
func (t *teller) weighFaults() {
	t.impact = make(map[uint64]*impact)
	did := 0
	for i := range t.report.Faults {
		x := &impact{Fault: &t.report.Faults[i], n: 1, first: history.None, last: history.None, lifted: history.None}
		if i < len(t.report.Impacts) {
			x.n = t.report.Impacts[i].N
		}
		if x.Op == fault.Heal {
			x.n = 0 // what it ends is told
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
