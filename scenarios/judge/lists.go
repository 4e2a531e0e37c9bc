package judge

import (
	"bytes"
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
		if !ok {
			return false, nil
		}
		before, items, after := listWithin(msg)
		if len(items) < 2 {
			return false, nil // it lists none, as an abort does, or too few
		}
		seen[kind]++
		last := len(items) - 1
		swapped := slices.Clone(items)
		swapped[0], swapped[1] = items[1], items[0]
		for _, x := range []struct {
			items [][]byte
			read  bool
		}{
			{items[:1], true}, {items[last:], true}, {items[:2], true}, {items[:0], false}, {swapped[:2], false}, {swapped, false},
			{[][]byte{items[0], items[0]}, false}, {append(slices.Clone(items), items[last]), false},
			{append(slices.Clone(items), items[0]), false},
		} {
			other := slices.Concat(before, bytes.Join(x.items, nil), after)
			if _, read := twopc.MessageID(other); read != x.read {
				return true, fmt.Errorf("node %v sends %v %q, and it would be read with %q for its list: %v", e.Node, e.Kind, msg, bytes.Join(x.items, nil), read)
			}
		}
		return true, nil
	}).OrNotApplicable("no message lists several nodes")
}

// listWithin returns the items of the first list within a message that is one, and what is before and
// after them. There is none if the message has no list.
func listWithin(msg []byte) (before []byte, items [][]byte, after []byte) {
	const head = 2 // the component, and the list that is the message
	for at := head; at < len(msg) && msg[at] != 'e'; at += length(msg[at:]) {
		if msg[at] != 'l' {
			continue
		}
		at++
		before = msg[:at]
		for at < len(msg) && msg[at] != 'e' {
			n := length(msg[at:])
			items = append(items, msg[at:at+n])
			at += n
		}
		return before, items, msg[at:]
	}
	return msg, nil, nil
}

// length returns how long the first value in b is, which is canonical.
func length(b []byte) int {
	switch b[0] {
	case 'i':
		return bytes.IndexByte(b, 'e') + 1
	case 'l':
		n := 1
		for b[n] != 'e' {
			n += length(b[n:])
		}
		return n + 1
	}
	colon, n := bytes.IndexByte(b, ':'), 0
	for _, c := range b[:colon] {
		n = 10*n + int(c-'0')
	}
	return colon + 1 + n
}
