package swarm

import (
	"dessim/protocol"
	"dessim/sim/fault"
)

// Repair is the name of the kind of fault that loses messages which a scenario's repairs replace.
const Repair = "repair"

// Gone is the name of the kind of fault that crashes a node for long, most often in the middle of a
// broadcast.
const Gone = "gone"

type kind struct {
	name    string
	meaning string
	// beyond leaves the kind out of a swarm: most protocols do not claim to tolerate it, or it came
	// later and would change recorded runs.
	beyond   bool
	fewest   int // nodes that it needs
	generate func(d *drawer) bool
}

// The kinds. Their numbers are part of the faults' identities: new ones come last.
const (
	crash = iota
	restart
	pause
	disk
	partition
	cut
	ring
	flap
	clog
	slow
	lose
	copies
	corrupt
	clock
	byzantine
	rot
	deaf
	mute
	late
	echo
	lateTimer
	repair
	gone
	order
	yield
	full
	stall
	halt
	kindCount
)

// kinds returns the table. A variable could not hold functions that refer to it.
func kinds() [kindCount]kind {
	return [kindCount]kind{
		crash:     {"crash", "nodes crash between steps, after an effect, after a record or at a failing sync, and come back", false, 1, (*drawer).crash},
		restart:   {"restart", "nodes that are down come back early", false, 1, (*drawer).restart},
		pause:     {"pause", "nodes do nothing for a time", false, 1, (*drawer).pause},
		disk:      {"disk", "syncs are slow or fail; crashes leave torn or scattered records", false, 1, (*drawer).disk},
		partition: {"partition", "the network falls into two parts or more", false, 2, (*drawer).partition},
		cut:       {"cut", "messages one way are lost", false, 2, (*drawer).cut},
		ring:      {"ring", "each node hears only its two neighbours", false, 4, (*drawer).ring},
		flap:      {"flap", "partitions and cuts come and go", false, 2, (*drawer).flap},
		clog:      {"clog", "messages wait, then come all together", false, 2, (*drawer).clog},
		slow:      {"slow", "messages travel longer", false, 2, (*drawer).slow},
		lose:      {"lose", "messages are lost", false, 2, (*drawer).lose},
		copies:    {"copy", "messages arrive twice", false, 2, (*drawer).copies},
		corrupt:   {"corrupt", "messages arrive with other bytes", false, 2, (*drawer).corrupt},
		clock:     {"clock", "clocks jump and drift", false, 1, (*drawer).clock},
		byzantine: {"byzantine", "less than a third of the nodes lie", true, 4, (*drawer).byzantine},
		rot:       {"rot", "bits of synced records flip, and the damage keeps their nodes from starting again", true, 1, (*drawer).rot},
		deaf:      {"deaf", "nodes receive nothing from any other node", true, 1, (*drawer).deaf},
		mute:      {"mute", "nodes are not heard by any other node", true, 1, (*drawer).mute},
		late:      {"late", "messages arrive once more, much later", true, 2, (*drawer).late},
		echo:      {"echo", "messages of before come again after a restart, or at some time", true, 2, (*drawer).echo},
		lateTimer: {"latetimer", "timers fire later than due", true, 1, (*drawer).lateTimer},
		repair:    {Repair, "all messages to a node of a kind whose loss is repaired are lost: the repair must do; and what only long runs need is done early", true, 2, (*drawer).repair},
		gone:      {Gone, "a node crashes, most often between two messages of a kind whose loss is repaired, and is down for long", true, 3, (*drawer).gone},
		order:     {"order", "the goroutines of nodes that have any run in a drawn order", true, 1, (*drawer).order},
		yield:     {"yield", "goroutines let others run first, before they use a channel or lock", true, 1, (*drawer).yield},
		full:      {"full", "the disks of nodes that have files are full for a time", true, 1, (*drawer).full},
		stall:     {"stall", "goroutines stand still for a time, before they use a channel or lock", true, 1, (*drawer).stall},
		halt:      {"halt", "as crash, but no sync fails: nodes crash between steps, after an effect or after a record, and come back", true, 1, (*drawer).halt},
	}
}

// Each function below makes a fault of one kind, or reports false if none is valid.

func (d *drawer) everyOther(odd int) []protocol.NodeID {
	var nodes []protocol.NodeID
	for i := odd; i < len(d.Nodes); i += 2 {
		nodes = append(nodes, d.Nodes[i])
	}
	return nodes
}

func (d *drawer) node(of []protocol.NodeID) protocol.NodeID { return of[d.choose(askNode, len(of))] }

// ofNode draws when a fault of a node begins, and of which.
func (d *drawer) ofNode(op fault.Op) {
	d.f.Op = op
	d.begin(d.From, d.To)
	d.f.Node = d.node(d.Nodes)
}

// crash draws a crash. Crashes between two steps hit only the nodes at odd places, and
// pauses the others: a plan is not valid if a pause begins while its node is surely down.
// A crash after the last effect of a step has the effect of one between two steps, and
// hits all nodes.
func (d *drawer) crash() bool { return d.fall(8) }

// halt draws a crash, but no failing sync. Programs often mishandle a failing fsync in a known way,
// which hides how they handle crashes.
func (d *drawer) halt() bool { return d.fall(7) }

// fall draws one of the first ways to crash, of that number; the eighth is a sync that fails.
func (d *drawer) fall(ways int) bool {
	d.f.Op = fault.Crash
	d.begin(d.From, d.To)
	d.down()
	d.keep()
	const fewEffects, fewAnchors = 6, 12
	how, odd := d.choose(askHow, ways), d.everyOther(1)
	if how < 2 && len(odd) > 0 {
		d.f.Node = d.node(odd)
		return true
	}
	d.f.Node = d.node(d.Nodes)
	anchor := func(op protocol.Op) { d.f.On = fault.Anchor{Op: op, N: 1 + uint64(d.choose(askCount, fewAnchors))} }
	switch how {
	case 0, 1, 2, 3:
		d.f.After = 1 + d.choose(askCount, fewEffects)
	case 4, 5:
		anchor(protocol.OpPersist)
	case 6:
		anchor(protocol.OpSend)
	default:
		d.f.Op = fault.FailSync
	}
	return true
}

func (d *drawer) keep() {
	if d.torn {
		d.f.Disk = fault.Survival(d.choose(askKeep, int(fault.KeepScattered)+1))
	}
}

func (d *drawer) restart() bool {
	d.ofNode(fault.Restart)
	return true
}

// pause draws a pause. Each slot has its own part of the time, shared with the next slot
// if that has other nodes: so no two pauses of a node overlap.
func (d *drawer) pause() bool {
	even := d.everyOther(0)
	lanes := min(2, len(even))
	parts := protocol.Time((d.Most + lanes - 1) / lanes)
	width := (d.To - d.From) / parts
	if width == 0 {
		return false
	}
	d.f.Op = fault.Pause
	from := d.From + protocol.Time(d.slot/lanes)*width
	d.begin(from, from+width)
	d.f.For = min(d.span(), (from + width).Sub(d.f.At))
	var mine []protocol.NodeID
	for i := d.slot % lanes; i < len(even); i += lanes {
		mine = append(mine, even[i])
	}
	d.f.Node = d.node(mine)
	return true
}

func (d *drawer) disk() bool {
	d.begin(d.From, d.To)
	d.f.Node = d.node(d.Nodes)
	if d.choose(askHow, 2) == 0 {
		d.f.Op, d.f.By = fault.SlowSync, d.times(askBy, 7)
		d.last()
		return true
	}
	d.f.Op = fault.FailSync
	d.down()
	d.keep()
	return true
}

func (d *drawer) rot() bool {
	d.ofNode(fault.Rot)
	return true
}

func (d *drawer) lateTimer() bool {
	d.f.By = d.times(askBy, 9)
	d.ofNode(fault.LateTimer)
	d.percent(5, 20, 50)
	d.last()
	return true
}

func (d *drawer) order() bool {
	d.ofNode(fault.Order)
	d.last()
	return true
}

func (d *drawer) yield() bool {
	d.ofNode(fault.Yield)
	d.percent(1, 5, 20, 50)
	d.last()
	return true
}

// stall draws small shares more often: a program in which many goroutines stand still does little.
func (d *drawer) stall() bool {
	d.f.By = d.times(askBy, 7)
	d.ofNode(fault.Stall)
	d.percent(1, 1, 5, 20)
	d.last()
	return true
}

func (d *drawer) full() bool {
	d.ofNode(fault.Full)
	d.last()
	return true
}

// gone draws a crash in the middle of a broadcast: some nodes have received the message, and for a long
// time they cannot ask the sender. It hits one node in a run, so the others go on.
func (d *drawer) gone() bool {
	if d.slot > 0 {
		return false
	}
	d.f.Op = fault.Crash
	d.begin(d.From, d.To)
	if i := d.choose(askWhich, len(d.First)+1); i == len(d.First) {
		d.f.Node = d.node(d.everyOther(1)) // see crash
	} else {
		const fewMessages = 4
		d.f.Node = d.node(d.Nodes)
		d.f.On = fault.Anchor{Op: protocol.OpSend, Kind: d.First[i], N: 1 + uint64(d.choose(askCount, fewMessages))}
	}
	d.keep()
	if left := d.end().Sub(d.f.At); d.Heal == 0 || d.choose(askFor, 2) == 1 {
		d.f.For = min(max(left/2, d.Delay), longest)
	}
	return true
}

func (d *drawer) clock() bool {
	d.begin(d.From, d.To)
	d.f.Node = d.node(d.Nodes)
	drifts := [...]int32{50, 500, 5_000, 50_000, fault.MaxDrift}
	how := d.choose(askHow, 4) // forward and back, by a jump and by drift
	back := how%2 == 1
	if how < 2 {
		d.f.Op, d.f.By = fault.Jump, d.times(askBy, 9)
		if back {
			d.f.By = -d.f.By
		}
		return true
	}
	d.f.Op, d.f.PPM = fault.Drift, drifts[d.choose(askBy, len(drifts))]
	if back {
		d.f.PPM = -d.f.PPM
	}
	d.last()
	return true
}

// byzantine draws what a byzantine node does. Fewer than a third of the nodes of a run are
// byzantine, and they are neighbours.
func (d *drawer) byzantine() bool {
	n := len(d.Nodes)
	first := int(d.src.Choose(protocol.Key{Kind: askTraitor}, uint64(n)))
	d.f.Op = fault.Byzantine
	d.begin(d.From, d.To)
	d.f.Node = d.Nodes[(first+d.choose(askNode, (n-1)/3))%n]
	d.f.Trait = fault.Equivocate + fault.Trait(d.choose(askHow, int(fault.Alter-fault.Equivocate)+1))
	d.percent(5, 20, 50, 100)
	d.last()
	return true
}
