package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/swarm"
)

// Questions about how much nodes remember, and keep on their disks.
var (
	kindRemember = protocol.KindOf("remember")
	kindEnded    = protocol.KindOf("disk.ended")
	kindWaiting  = protocol.KindOf("keys.waiting")
)

// fewEnded records of what is over are not worth discarding, where a short run is to have disks
// that grow as in a long one.
const fewEnded = 16

// mostWaiting bodies may wait for keys, where nodes are to have too many as when strangers
// send them.
const mostWaiting = 3

// mostOpen requests may wait there, too.
const mostOpen = 2

// How many transactions of a client nodes remember where they forget soon. With fewer, many
// transfers would be refused for good, since a later one has been forgotten.
const (
	fewRemembered  = 3
	mostRemembered = 8
)

// forget has nodes remember only the last few transactions of a client, in a share of the runs
// where repairs must do: so short runs have late copies and questions about what was forgotten,
// and restarts from disks that tell of little. In another share nodes discard records only when
// most are over, as in long runs, but of fewer.
func (m *market) forget() {
	const share = 4
	if m.p.Draws(swarm.Repair) && m.choose(kindRemember, 0, share) == share-1 {
		m.remember = fewRemembered + int(m.choose(kindRemember, 1, mostRemembered-fewRemembered+1))
	}
	if m.p.Draws(swarm.Repair) && m.choose(kindEnded, 0, share) == share-1 {
		m.ended = fewEnded
	}
	if m.p.Draws(swarm.Repair) && m.choose(kindWaiting, 0, share) == share-1 {
		m.waiting = 1 + int(m.choose(kindWaiting, 1, mostWaiting))
		m.open = 1 + int(m.choose(kindWaiting, 2, mostOpen))
	}
}

// worthwhile requires that nodes discard only what makes their disks much shorter, where they
// discard for no other reason: see forget.
func (m *market) worthwhile() *check.Check {
	c := judge.Worthwhile(m.p.Nodes)
	if m.p.Draws(swarm.Repair) && m.ended == 0 {
		return c.Skipped("nodes discard their records at any time")
	}
	return c
}

// limited requires that nodes keep few bodies that wait for keys, and few requests, where few may
// wait.
func (m *market) limited() *check.Check {
	c := check.Limited("nodes hold no more than their limits", m.p.Nodes, m.machine, func(name string) (limit int, ok bool) {
		switch name {
		case "peer.bodies without key":
			return m.waiting, true
		case "peer.open":
			return m.open, true
		}
		return 0, false
	})
	if m.waiting == 0 {
		return c.Skipped("a run has less than nodes may hold")
	}
	return judge.Steps(c)
}

// forgot reports whether a node may have forgotten how a transaction ended, and rightly: as many
// later ones of its client were begun as are remembered.
func (m *market) forgot(node protocol.NodeID, id twopc.ID) bool {
	n := m.Nodes[node]
	return m.remember > 0 && n != nil && n.Forgot(id) && m.commits.After(id) >= m.remember
}

// forgets requires that some node of a sweep forgets how a transaction ended, where they
// remember few.
func (m *market) forgets() *check.Check {
	const name = "a node forgets how transactions ended"
	if !m.p.Draws(swarm.Repair) {
		return check.Skip(name, "nodes remember more than a run has")
	}
	return check.Sometimes(name, check.InSweep, sim.Output, func(e *sim.Event) bool {
		return m.remember > 0 && e.Kind == twopc.KindDecided && m.forgot(e.Node, twopc.ID{Client: m.client})
	})
}
