package stats

import (
	"cmp"
	"slices"

	"dessim/protocol"
	"dessim/sim"
)

// Traffic counts messages, by kind and by node. It is an Observer. Inputs are no messages.
type Traffic struct {
	Kinds []Kind // in the order in which they were first seen
	Nodes []Node // by number

	index map[protocol.Kind]int // into Kinds
}

// Kind is the messages of one kind. Of those sent, and their copies, some may be under way when
// the run ends.
type Kind struct {
	Kind      protocol.Kind
	Sent      uint64 // by nodes
	Copied    uint64 // by the network
	Delivered uint64 // to nodes that are up
	Lost      uint64 // by the network
	Dropped   uint64 // at nodes that are down
	Bytes     uint64 // in those sent
}

// Node is the messages of one node.
type Node struct {
	Sent, Received, Bytes uint64   // bytes in those sent
	Kinds                 []uint64 // those sent by kind, as in Traffic.Kinds; later ones are 0
}

// Watch returns the events that Observe needs.
func (t *Traffic) Watch() sim.What {
	return sim.Sent | sim.Copied | sim.Lost | sim.Dropped | sim.Received
}

// Reads returns sim.ReadsEvents.
func (t *Traffic) Reads() sim.Reads { return sim.ReadsEvents }

// Observe counts a message.
func (t *Traffic) Observe(e *sim.Event) {
	if e.Peer == protocol.Outside {
		return
	}
	i := t.kind(e.Kind)
	k := &t.Kinds[i]
	switch e.What {
	case sim.Sent:
		k.Sent++
		k.Bytes += uint64(len(e.Body))
		t.node(int(e.Node)).sent(i, 1, uint64(len(e.Body)))
	case sim.Copied:
		k.Copied++
	case sim.Lost:
		k.Lost++
	case sim.Dropped:
		k.Dropped++
	case sim.Received:
		k.Delivered++
		t.node(int(e.Node)).Received++
	}
}

// kind returns the index of a kind.
func (t *Traffic) kind(k protocol.Kind) int {
	i, known := t.index[k]
	if !known {
		if t.index == nil {
			t.index = make(map[protocol.Kind]int)
		}
		i = len(t.Kinds)
		t.index[k] = i
		t.Kinds = append(t.Kinds, Kind{Kind: k})
	}
	return i
}

func (t *Traffic) node(i int) *Node {
	for i >= len(t.Nodes) {
		t.Nodes = append(t.Nodes, Node{})
	}
	return &t.Nodes[i]
}

func (n *Node) sent(kind int, messages, bytes uint64) {
	for kind >= len(n.Kinds) {
		n.Kinds = append(n.Kinds, 0)
	}
	n.Kinds[kind] += messages
	n.Sent += messages
	n.Bytes += bytes
}

// Add adds the messages of another run.
func (t *Traffic) Add(o *Traffic) {
	for i := range o.Kinds {
		x := &o.Kinds[i]
		t.Kinds[t.kind(x.Kind)].add(x)
	}
	for i := range o.Nodes {
		x, n := &o.Nodes[i], t.node(i)
		n.Received += x.Received
		n.Bytes += x.Bytes
		for j, sent := range x.Kinds {
			n.sent(t.kind(o.Kinds[j].Kind), sent, 0)
		}
	}
}

// Ranked returns the indices of Kinds: those that were sent most come first, and equal ones in
// the order of their names.
func (t *Traffic) Ranked() []int {
	order := make([]int, len(t.Kinds))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &t.Kinds[a], &t.Kinds[b]
		return cmp.Or(cmp.Compare(y.Sent, x.Sent), cmp.Compare(x.Kind.String(), y.Kind.String()))
	})
	return order
}

// Sum returns the messages of all kinds.
func (t *Traffic) Sum() (sum Kind) {
	for i := range t.Kinds {
		sum.add(&t.Kinds[i])
	}
	return sum
}

func (k *Kind) add(x *Kind) {
	k.Sent += x.Sent
	k.Copied += x.Copied
	k.Delivered += x.Delivered
	k.Lost += x.Lost
	k.Dropped += x.Dropped
	k.Bytes += x.Bytes
}

// Of returns how many messages of a kind the node sent, by the kind's index in Traffic.Kinds.
func (n *Node) Of(kind int) uint64 {
	if kind < len(n.Kinds) {
		return n.Kinds[kind]
	}
	return 0
}
