package judge

import (
	"fmt"
	"slices"

	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// disk is what a node's own records say: see package peer. What two-phase commit and the order
// record is judged elsewhere.
type disk struct {
	facts   map[peer.Fact]bool // safe
	order   []peer.Fact        // the same, as they were recorded
	unsafe  []peer.Fact        // since the last sync
	again   bool               // all is discarded, and written down again until the next sync
	unfound int                // keys that this step records and does not put out
}

// Disks requires that a node's disk keeps for good what the node has found, and says it once:
// when a node discards its records it writes down again all keys, bodies and commits; at other
// times it records nothing that is there already; and it puts out each key that it records.
func Disks(nodes int) *check.Check {
	disks, armed := make([]disk, nodes), make([]bool, nodes)
	watch := sim.Persisted | sim.Discarded | sim.Synced | sim.Crashed | sim.Output | sim.Received | sim.Fired
	return ArmedSteps(check.Always("a disk keeps what was found, and says it once", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil // a client
		}
		d := &disks[e.Node]
		switch e.What {
		case sim.Persisted:
			relevant, wrong := d.persist(e)
			armed[e.Node] = d.unfound > 0
			return relevant, wrong
		case sim.Discarded:
			d.again, d.unsafe = true, d.unsafe[:0]
		case sim.Synced:
			return d.again, d.sync(e)
		case sim.Crashed:
			d.unsafe, d.again, d.unfound = d.unsafe[:0], false, 0
			armed[e.Node] = false
		case sim.Output:
			if e.Kind == peer.KindFound && d.unfound > 0 {
				d.unfound--
			}
		case sim.Received, sim.Fired:
			if d.unfound > 0 {
				return true, fmt.Errorf("node %v has recorded %d keys that it did not put out", e.Node, d.unfound)
			}
		}
		return false, nil
	}), armed).OfOutputs(peer.KindFound).OrNotApplicable("nodes keep nothing")
}

func (d *disk) persist(e *sim.Event) (bool, error) {
	f, ok := peer.ReadFact(e.Body)
	if !ok {
		return false, nil
	}
	if known := d.facts[f] || slices.Contains(d.unsafe, f); known && !d.again {
		return true, fmt.Errorf("node %v records %v, which is on its disk", e.Node, f)
	}
	d.unsafe = append(d.unsafe, f)
	if f.Key() && !d.again {
		d.unfound++
	}
	return true, nil
}

// sync makes what was recorded safe. After a discard there is nothing else.
func (d *disk) sync(e *sim.Event) error {
	before := d.order
	if d.facts == nil || d.again {
		d.facts, d.order = make(map[peer.Fact]bool), nil
	}
	for _, f := range d.unsafe {
		d.facts[f] = true
	}
	d.order = append(d.order, d.unsafe...)
	d.unsafe = d.unsafe[:0]
	if !d.again {
		return nil
	}
	d.again = false
	for _, f := range before {
		if !slices.ContainsFunc(f.Holds(), func(f peer.Fact) bool { return d.facts[f] }) {
			return fmt.Errorf("node %v discards its records, and %v, which was on its disk, is lost", e.Node, f)
		}
	}
	return nil
}

// shrinking counts the records on a node's disk.
type shrinking struct {
	first  uint64 // index of the oldest record
	forget uint64 // what is below goes at the next sync; 0 if nothing does
	again  uint64 // records written since forget was set
}

// Worthwhile requires that a node that discards records is rid of at least half of those that
// were on its disk: it writes down again no more than that. Otherwise it would write each
// record over and over.
func Worthwhile(nodes int) *check.Check {
	disks := make([]shrinking, nodes)
	const watch = sim.Persisted | sim.Discarded | sim.Synced | sim.Crashed
	return check.Always("a discard makes a disk half as long", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(nodes) {
			return false, nil // a client
		}
		return disks[e.Node].see(e)
	}).OrNotApplicable("nothing is discarded")
}

func (d *shrinking) see(e *sim.Event) (relevant bool, wrong error) {
	switch {
	case e.What == sim.Discarded && e.Tag > d.first:
		d.forget, d.again = e.Tag, 0
	case d.forget == 0:
	case e.What == sim.Crashed:
		d.forget = 0
	case e.What == sim.Persisted:
		d.again++
	case e.What == sim.Synced:
		had := d.forget - d.first
		d.first, d.forget = d.forget, 0
		if 2*d.again > had {
			return true, fmt.Errorf("node %v discards %d records and writes down %d again, want at most half as many", e.Node, had, d.again)
		}
		return true, nil
	}
	return false, nil
}
