package swarm

import (
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
)

// The kinds of faults of links, and how their ends are drawn.

func (d *drawer) others(id protocol.NodeID) []protocol.NodeID {
	return slices.DeleteFunc(slices.Clone(d.Nodes), func(x protocol.NodeID) bool { return x == id })
}

// split deals the nodes out to that many sides, none of them empty.
func (d *drawer) split(sides int) [][]protocol.NodeID {
	word := d.src.Choose(protocol.Key{Kind: askSides, N: d.f.ID}, 1<<62)
	n := uint64(len(d.Nodes))
	groups := make([][]protocol.NodeID, sides)
	for i, id := range d.Nodes {
		side := (uint64(i) + n - word%n) % n // the first few are dealt in turn
		if side >= uint64(sides) {
			side = protocol.Hash2(word, uint64(i)) % uint64(sides)
		}
		groups[side] = append(groups[side], id)
	}
	return groups
}

// divide draws the sides of a partition: one node and the rest, two, or many.
func (d *drawer) divide() {
	d.f.Op = fault.Partition
	switch n := len(d.Nodes); d.choose(askHow, 4) {
	case 0:
		id := d.node(d.Nodes)
		d.f.Groups = [][]protocol.NodeID{{id}, d.others(id)}
	case 1, 2:
		d.f.Groups = d.split(2)
	default:
		const fewest, most = 3, 5
		d.f.Groups = d.split(min(n, fewest+d.choose(askCount, most-fewest+1)))
	}
}

// direct draws which messages are hit: from one node to one, from one, to one, from some
// to the others; and if all may be hit, from all to all.
func (d *drawer) direct(all bool) {
	ways := 4
	if all {
		ways = 5
	}
	id := d.node(d.Nodes)
	one, rest := []protocol.NodeID{id}, d.others(id)
	switch d.choose(askHow, ways) {
	case 0:
		i := d.choose(askPeer, len(rest))
		d.f.Groups = [][]protocol.NodeID{one, rest[i : i+1 : i+1]}
	case 1:
		d.f.Groups = [][]protocol.NodeID{one, rest}
	case 2:
		d.f.Groups = [][]protocol.NodeID{rest, one}
	case 3:
		d.f.Groups = d.split(2)
	default:
		d.f.Groups = [][]protocol.NodeID{slices.Clone(d.Nodes), slices.Clone(d.Nodes)}
	}
}

func (d *drawer) partition() bool {
	d.begin(d.From, d.To)
	d.divide()
	d.last()
	return true
}

func (d *drawer) cut() bool {
	d.f.Op = fault.Cut
	d.begin(d.From, d.To)
	d.direct(false)
	d.last()
	return true
}

func (d *drawer) ring() bool {
	d.f.Op = fault.Ring
	d.begin(d.From, d.To)
	d.f.Groups = [][]protocol.NodeID{slices.Clone(d.Nodes)}
	d.last()
	return true
}

func (d *drawer) deaf() bool { return d.isolate(fault.Deaf) }
func (d *drawer) mute() bool { return d.isolate(fault.Mute) }

// isolate draws a fault of the links between one node and all others.
func (d *drawer) isolate(op fault.Op) bool {
	d.ofNode(op)
	d.last()
	return true
}

// flap draws a partition or, every second slot, a cut that comes and goes.
func (d *drawer) flap() bool {
	d.begin(d.From, d.To)
	if d.slot%2 == 0 {
		d.divide()
	} else {
		d.f.Op = fault.Cut
		d.direct(false)
	}
	d.last()
	d.f.Every = d.times(askEvery, 6)
	return true
}

func (d *drawer) clog() bool {
	d.f.Op = fault.Clog
	d.begin(d.From, d.To)
	d.direct(true)
	d.last()
	return true
}

func (d *drawer) slow() bool {
	d.f.Op, d.f.By = fault.Slow, d.times(askBy, 7)
	d.begin(d.From, d.To)
	d.direct(true)
	d.last()
	return true
}

// some draws a fault that hits a share of the messages.
func (d *drawer) some(op fault.Op, shares ...uint32) bool {
	d.f.Op = op
	d.begin(d.From, d.To)
	d.direct(true)
	d.percent(shares...)
	d.last()
	return true
}

func (d *drawer) lose() bool    { return d.some(fault.Lose, 1, 5, 20, 50) }
func (d *drawer) copies() bool  { return d.some(fault.Copy, 1, 5, 20, 50) }
func (d *drawer) corrupt() bool { return d.some(fault.Corrupt, 1, 5, 20) }

// stale draws which messages come again: all, or those from or to one node. Clients are among the other
// ends, since a message that comes twice stops none of them. The window is long, so that a restart or
// a change of view falls into it.
func (d *drawer) stale(op fault.Op) {
	d.f.Op = op
	d.begin(d.From, d.To)
	one := []protocol.NodeID{d.node(d.Nodes)}
	switch d.choose(askHow, 3) {
	case 0:
		d.f.Groups = [][]protocol.NodeID{one, nil}
	case 1:
		d.f.Groups = [][]protocol.NodeID{nil, one}
	default:
		d.f.Groups = [][]protocol.NodeID{nil, nil}
	}
	d.f.For = min(d.end().Sub(d.f.At), longest)
}

// late draws copies that arrive before the faults end.
func (d *drawer) late() bool {
	d.stale(fault.Late)
	d.percent(1, 5, 20)
	d.f.By = min(d.times(askBy, 12), d.f.For)
	return true
}

func (d *drawer) echo() bool {
	d.stale(fault.Echo)
	d.percent(5, 20, 50, 100)
	return true
}

// repair draws the receiver and the kind of the messages that are lost. Each kind is equally likely.
func (d *drawer) repair() bool {
	if len(d.First) == 0 {
		return false
	}
	d.f.Op, d.f.Only = fault.Lose, d.First[d.choose(askWhich, len(d.First))]
	d.begin(d.From, d.To)
	d.f.Groups = [][]protocol.NodeID{nil, {d.node(d.Nodes)}}
	d.percent(100)
	d.f.For = min(d.end().Sub(d.f.At), longest)
	return true
}
