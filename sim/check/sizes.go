package check

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim"
)

// OnDisk is the name under which Bounded counts the records on a node's disk.
const OnDisk = "disk.records"

// Held is what Bounded looks at.
type Held struct {
	Nodes int // the first nodes of the plan
	// Node returns the machine of a node that is up, or nil for one that is exempt. What is
	// not a protocol.Sized is judged by its disk alone.
	Node func(id protocol.NodeID) protocol.Node
	// Most returns the most items that a node may hold under a name once all is over: what
	// the workload leaves for good, and what periodic work has under way. Begin with 0 for
	// every name, and explain each that is more.
	Most func(id protocol.NodeID, name string) int
}

// Bounded requires that no node keeps more than it must: once all has healed and ended, what
// it holds in memory and on its disk is down to the bounds of h. Give it a deadline after the
// calm end of the run, like any Eventually. It is not applicable where a node is down for good,
// since others may wait for it for ever.
func Bounded(name string, bound protocol.Time, h Held) *Check {
	disks, up, lost := make([]diskSize, h.Nodes), make([]bool, h.Nodes), false
	c := Eventually(name, bound, func() (n uint64, missing error) {
		if lost {
			return 0, nil
		}
		for i := range protocol.NodeID(h.Nodes) {
			if !up[i] {
				continue
			}
			node := h.Node(i)
			if node == nil {
				continue
			}
			judge := func(name string, items int) {
				n++
				if most := h.Most(i, name); items > most && missing == nil {
					missing = fmt.Errorf("node %v holds %d of %s, want at most %d", i, items, name, most)
				}
			}
			judge(OnDisk, int(disks[i].next-disks[i].first))
			if s, ok := node.(protocol.Sized); ok {
				s.Sizes(judge)
			}
		}
		return n, missing
	}).Seeing(sim.Started|sim.Crashed|sim.Damaged|sim.Persisted|sim.Discarded|sim.Synced|sim.Flushing|sim.Flushed, func(e *sim.Event) {
		if uint64(e.Node) >= uint64(h.Nodes) {
			return
		}
		switch e.What {
		case sim.Started, sim.Crashed:
			up[e.Node] = e.What == sim.Started
			disks[e.Node].flushes = nil
		case sim.Damaged:
			lost = true
		default:
			disks[e.Node].see(e)
		}
	}).ReadingEvents()
	conclude := c.conclude
	c.conclude = func(c *Check, end protocol.Time) (Verdict, string) {
		if lost {
			return NotApplicable, "a node is down for good, and others may wait for it"
		}
		return conclude(c, end)
	}
	return c
}

// diskSize follows which records a disk has: from first, and before next. A crash may lose
// some of the last, which shows when the next one is persisted.
type diskSize struct {
	first, forget, next uint64
	flushes             []uint64 // under way: the first record that each does not forget
}

func (d *diskSize) see(e *sim.Event) {
	switch e.What {
	case sim.Persisted:
		d.next = e.Tag + 1
		d.forget = min(d.forget, e.Tag)
	case sim.Discarded:
		d.forget = max(d.forget, min(e.Tag, d.next))
	case sim.Synced:
		d.first = max(d.first, d.forget)
	case sim.Flushing:
		if e.Tag == 0 {
			d.first = max(d.first, d.forget)
		} else {
			d.flushes = append(d.flushes, d.forget)
		}
	case sim.Flushed:
		if e.Text != sim.FlushFailed {
			d.first = max(d.first, d.flushes[0])
		}
		d.flushes = d.flushes[1:]
	}
}

// limitsEvery is how many steps of a node pass from one look at its sizes to the next.
const limitsEvery = 8

// Limited requires that no node ever holds more than a limit that its configuration sets. It looks
// at the first nodes of the plan, at some of their steps. node returns the machine of a node, or
// nil for one that is exempt, and may look at that node alone; most returns the limit of what it
// holds under a name, if it has one, and looks at none.
func Limited(name string, nodes int, node func(id protocol.NodeID) protocol.Node, most func(name string) (limit int, ok bool)) *Check {
	steps := make([]uint64, nodes)
	var of protocol.NodeID
	var relevant bool
	var wrong error
	judge := func(name string, items int) {
		limit, ok := most(name)
		relevant = relevant || ok
		if ok && items > limit && wrong == nil {
			wrong = fmt.Errorf("node %v holds %d of %s, want at most %d at any time", of, items, name, limit)
		}
	}
	return Always(name, sim.Received|sim.Fired, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil
		}
		if steps[e.Node]++; steps[e.Node]%limitsEvery != 0 {
			return false, nil
		}
		s, ok := node(e.Node).(protocol.Sized)
		if !ok {
			return false, nil
		}
		of, relevant, wrong = e.Node, false, nil
		s.Sizes(judge)
		return relevant, wrong
	}).ReadingNode().OrNotApplicable("no node has a limit")
}
