package story

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/history"
)

// A message is late if it takes more than slow times the usual, which is the median of its link.
const slow = 4

// link is from a node to another.
type link [2]protocol.NodeID

// differing returns the steps in which sequences got the first item that differs.
func differing(all []check.Sequence) (roots []root) {
	if len(all) == 0 {
		return nil
	}
	for place := range all[0].Items {
		same := true
		for _, s := range all {
			same = same && place < len(s.Items) && s.Items[place].Text == all[0].Items[place].Text
		}
		if same {
			continue
		}
		for _, s := range all {
			if place < len(s.Items) {
				roots = append(roots, root{int(s.Items[place].Step), 1})
			}
		}
		break
	}
	return roots
}

// arrival is a message that has arrived.
type arrival struct{ row, sent int }

// travel finds the messages that arrive late or twice. A message is late if one that was sent after it
// on the same link overtook it, or if it was slow.
func (t *teller) travel() {
	t.odd = make(map[int]string)
	usual := t.usual()
	leaders := make(map[link][]arrival) // those sent later than all that arrived before them
	arrived := make(map[int]int)        // by the row where the original was sent: its first arrival
	for at := range t.Rows[:t.rows] {
		x := &t.Rows[at]
		if x.What&(sim.Received|sim.Dropped) == 0 || x.Origin == history.None {
			continue
		}
		sent := int(x.Origin)
		original := t.Original(sent)
		if first, twice := arrived[original]; twice {
			t.odd[at] = fmt.Sprintf("for the second time, after step %d", t.StepOf(first))
			continue
		}
		if x.What == sim.Received {
			arrived[original] = at
		}
		l := link{x.Peer, x.Node}
		ahead := leaders[l]
		i, _ := slices.BinarySearchFunc(ahead, sent, func(a arrival, sent int) int { return a.sent - sent })
		took := t.at(at) - t.at(sent)
		switch {
		case i < len(ahead):
			t.odd[at] = fmt.Sprintf("late, %s after it was sent in step %d: overtaken by %s of step %d", span(took), t.StepOf(sent), t.Message(ahead[i].row, mostText), t.StepOf(ahead[i].row))
		case usual[l] > 0 && took > slow*usual[l]:
			t.odd[at] = fmt.Sprintf("late, %s after it was sent in step %d", span(took), t.StepOf(sent))
			fallthrough
		default:
			leaders[l] = append(ahead, arrival{at, sent})
		}
	}
}

// usual returns the median travel of each link that has carried enough messages to have one.
func (t *teller) usual() map[link]protocol.Time {
	const enough = 4
	took := make(map[link][]protocol.Time)
	for at := range t.Rows[:t.rows] {
		if x := &t.Rows[at]; x.What == sim.Received && x.Origin != history.None {
			l := link{x.Peer, x.Node}
			took[l] = append(took[l], t.at(at)-t.at(int(x.Origin)))
		}
	}
	usual := make(map[link]protocol.Time)
	for _, l := range protocol.SortedKeysFunc(took, func(a, b link) int { return slices.Compare(a[:], b[:]) }) {
		if all := took[l]; len(all) >= enough {
			slices.Sort(all)
			usual[l] = all[len(all)/2]
		}
	}
	return usual
}

func (t *teller) at(row int) protocol.Time { return t.Steps[t.StepOf(row)].At }
