package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/sim"
)

// Costs is an observer that counts what the total order of a run costs.
type Costs struct {
	Messages uint64 // of the order itself, sent, without heartbeats
	Beats    uint64 // heartbeats, and their answers
	Syncs    uint64 // of disks, for whatever they are
	Entries  uint64 // transactions that some node has entered
	// Waits has, for each transaction and each node, how long after the transaction was
	// broadcast it was entered there first, in the order in which that happened.
	Waits []protocol.Time

	kinds []protocol.Kind
	said  map[ledger.ID]protocol.Time
	seen  map[entered]bool
	known map[ledger.ID]bool // entered anywhere
}

type entered struct {
	id   ledger.ID
	node protocol.NodeID
}

// Watch gives what is counted.
func (c *Costs) Watch() sim.What { return sim.Sent | sim.Synced | sim.Output }

// Observe counts.
func (c *Costs) Observe(e *sim.Event) {
	if c.said == nil {
		c.kinds = orderKinds()
		c.said, c.seen, c.known = make(map[ledger.ID]protocol.Time), make(map[entered]bool), make(map[ledger.ID]bool)
	}
	switch e.What {
	case sim.Synced:
		c.Syncs++
	case sim.Sent:
		switch {
		case e.Kind == abcast.KindHeartbeat || e.Kind == raft.KindBeat || e.Kind == raft.KindEcho:
			c.Beats++
		case slices.Contains(c.kinds, e.Kind):
			c.Messages++
		}
	case sim.Output:
		c.output(e)
	}
}

func (c *Costs) output(e *sim.Event) {
	switch e.Kind {
	case peer.KindHanded:
		id := ledger.ID(e.Body)
		if _, known := c.said[id]; !known { // by who broadcasts it
			c.said[id] = e.At
		}
	case peer.KindEntry:
		x, ok := peer.DecodeEntry(e.Body)
		at, known := c.said[x.WTxID]
		if !ok || !known || c.seen[entered{x.WTxID, e.Node}] {
			return
		}
		c.seen[entered{x.WTxID, e.Node}] = true
		c.Waits = append(c.Waits, e.At-at)
		if !c.known[x.WTxID] {
			c.known[x.WTxID] = true
			c.Entries++
		}
	}
}
