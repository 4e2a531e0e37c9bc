package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// Lists requires that two-phase commit reads a message whatever nodes it lists, if they ascend,
// and no other: not one that lists none, one twice, or two in the wrong order. The transfers of
// a workload have as many participants as there are, so it asks about messages that nobody
// sends, made of the first ones of each kind that somebody does. Nodes that lie are exempt.
func Lists(lies func(id protocol.NodeID) bool) *check.Check {
	const each = 2
	var seen [3]int
	kinds := []protocol.Kind{twopc.KindPrepare, twopc.KindDecision, twopc.KindAnswer}
	return check.Always("two-phase commit reads lists in one form alone", sim.Sent, func(e *sim.Event) (bool, error) {
		kind := slices.Index(kinds, e.Kind)
		if kind < 0 || seen[kind] == each || lies(e.Node) {
			return false, nil
		}
		msg, ok := link.Payload(e.Body)
		if _, read := twopc.MessageID(msg); !ok || !read {
			return false, nil // that is for Readable
		}
		whole, _ := parse(protocol.TwoPC.Cut(msg))
		at := slices.IndexFunc(whole.parts, func(v value) bool { return v.typ == 'l' })
		if at < 0 || len(whole.parts[at].parts) < 2 {
			return false, nil // it lists none, as an abort does, or too few
		}
		seen[kind]++
		items := whole.parts[at].parts
		last := len(items) - 1
		swapped := slices.Clone(items)
		swapped[0], swapped[1] = items[1], items[0]
		for _, x := range []struct {
			items []value
			read  bool
		}{
			{items[:1], true}, {items[last:], true}, {items[:2], true}, {items[:0], false}, {swapped[:2], false}, {swapped, false},
			{[]value{items[0], items[0]}, false}, {append(slices.Clone(items), items[last]), false},
			{append(slices.Clone(items), items[0]), false},
		} {
			whole.parts[at] = list(x.items...)
			other := whole.append([]byte{byte(protocol.TwoPC)})
			if _, read := twopc.MessageID(other); read != x.read {
				return true, fmt.Errorf("node %v sends %v %q, and it would be read as %q: %v", e.Node, e.Kind, msg, other, read)
			}
		}
		return true, nil
	}).OfMessages(sim.Sent, ofLink).OrNotApplicable("no message lists several nodes")
}
