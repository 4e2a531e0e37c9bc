package fault

import (
	"slices"

	"dessim/protocol"
)

// OfLinks reports whether the fault hits messages on links.
func (op Op) OfLinks() bool { return op.onLinks() != none }

// Cuts reports whether every message that the fault touches is lost.
func (op Op) Cuts() bool { return op.onLinks() == cuts }

// Harms reports whether a message that the fault touches may fail to arrive whole while
// the fault is open.
func (op Op) Harms() bool { return op.onLinks() >= harms }

func (op Op) onLinks() effect {
	if op < Crash || int(op) > len(rules) {
		return none
	}
	return rules[op-1].links
}

// Picks reports whether f acts on messages of that kind, on the links that it touches.
func (f *Fault) Picks(kind protocol.Kind) bool { return f.Only == 0 || f.Only == kind }

// Touches reports whether f acts on messages from one node to another in a run of that
// many nodes, of some kind at least: see Picks. No fault acts on what a node sends to itself.
func (f *Fault) Touches(from, to protocol.NodeID, nodes int) bool {
	if from == to || !f.Op.OfLinks() {
		return false
	}
	switch f.Op {
	case Partition:
		a, b := f.groupOf(from), f.groupOf(to)
		return a >= 0 && b >= 0 && a != b
	case Ring:
		return f.apart(from, to, nodes)
	case Deaf:
		return to == f.Node
	case Mute:
		return from == f.Node
	}
	return member(f.Groups[0], from) && member(f.Groups[1], to)
}

// groupOf returns the index of the group of the node, or -1.
func (f *Fault) groupOf(id protocol.NodeID) int {
	for i, group := range f.Groups {
		if member(group, id) {
			return i
		}
	}
	return -1
}

// apart reports whether both nodes are in the ring and not adjacent.
func (f *Fault) apart(from, to protocol.NodeID, nodes int) bool {
	i, j, n := int(from), int(to), nodes
	if ring := f.Groups[0]; ring != nil {
		in, also := false, false
		i, in = slices.BinarySearch(ring, from)
		j, also = slices.BinarySearch(ring, to)
		if n = len(ring); !in || !also {
			return false
		}
	}
	d := max(i-j, j-i)
	return d > 1 && d < n-1
}

// member reports whether a node is in a group; a nil group has all nodes.
func member(group []protocol.NodeID, id protocol.NodeID) bool {
	if group == nil {
		return true
	}
	_, in := slices.BinarySearch(group, id)
	return in
}

// Severs reports whether no message from one node to the other arrives whole while f is
// open. A Clog severs too: delayed messages arrive only when it is over.
func (f *Fault) Severs(from, to protocol.NodeID, nodes int) bool {
	if f.Only != 0 || !f.Touches(from, to, nodes) {
		return false
	}
	return f.Op.Cuts() || f.Op == Clog || f.Op.Harms() && f.Rate.Sure()
}
