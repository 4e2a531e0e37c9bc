package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/swarm"
)

var kindRemember = protocol.KindOf("remember") // questions about how much nodes remember

// How many transactions of a client nodes remember where they forget soon. With fewer, many
// transfers would be refused for good, since a later one has been forgotten.
const (
	fewRemembered  = 3
	mostRemembered = 8
)

// forget has nodes remember only the last few transactions of a client, in a share of the runs
// where repairs must do: so short runs have late copies and questions about what was forgotten,
// and restarts from disks that tell of little.
func (m *market) forget() {
	const share = 4
	if m.p.Draws(swarm.Repair) && m.choose(kindRemember, 0, share) == share-1 {
		m.remember = fewRemembered + int(m.choose(kindRemember, 1, mostRemembered-fewRemembered+1))
	}
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
