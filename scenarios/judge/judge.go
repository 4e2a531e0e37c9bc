// Package judge holds the checks of the scenarios that come with dessim. Each file is
// named for what it judges: atomic commitment, total order, views, the ledger and its
// history, the key-value store, floods, the DHT.
//
// A judge knows the plan's inputs and sees the nodes' outputs; some also inspect the nodes.
// It shares no logic with the machines: what a machine computes, a judge computes another
// way. Most judges are observers too, which see each event before their checks do. A judge
// serves one run and is not safe for concurrent use.
//
// Judges know no scenario. They never change a run, and the figures that they return for
// summaries are the same whichever of their checks are ruled out.
package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// Network is what judges know of a ledger's nodes, apart from events.
type Network struct {
	Nodes   []*peer.Node      // current state, or that at the crash; nil before the first start
	Members []protocol.NodeID // the ids of Nodes
	Keys    []ledger.Key      // by node
	Owners  []ledger.Owner    // by node
	Genesis *ledger.Genesis
	Minted  []ledger.TxOut    // the outputs of Genesis
	Liars   []protocol.NodeID // members that broadcast whatever their inputs say
	Link    sim.Link          // between members
	Failing bool              // nodes or links fail
	K       int               // contacts in a node's answer

	Incarnations *Incarnations // of members and clients

	bodies map[string]gossip.ID // the ids of bodies, by the messages of the flood that bring them
}

// mostBodies bounds how many are known at a time.
const mostBodies = 1 << 10

// body returns the id of the body in a message of the flood. ok is false for anything else. A
// body comes to a node from each of its neighbours, and several checks look at it.
func (n *Network) body(msg []byte) (id gossip.ID, ok bool) {
	if id, ok = n.bodies[string(msg)]; ok {
		return id, true
	}
	body, ok := gossip.Payload(msg)
	if !ok {
		return gossip.ID{}, false
	}
	if n.bodies == nil || len(n.bodies) == mostBodies {
		n.bodies = make(map[string]gossip.ID)
	}
	id = gossip.Sum(body)
	n.bodies[string(msg)] = id
	return id, true
}

// Entry decodes an entry of a member's log from its output.
func Entry(e *sim.Event) (peer.Entry, bool) {
	if e.Kind != peer.KindEntry {
		return peer.Entry{}, false
	}
	return peer.DecodeEntry(e.Body)
}

// Joined requires that every node joins.
func (n *Network) Joined(bound protocol.Time) *check.Check {
	return check.EventuallyBut("every node joins", bound, func(excuse check.Excuse) (uint64, error) {
		count := uint64(0)
		for i, node := range n.Nodes {
			if n.Incarnations.Excused(protocol.NodeID(i), excuse) {
				continue
			}
			if node == nil || !node.Joined() {
				if n.stuck() {
					excuse(fmt.Sprintf("node %d, %s", i, noMajority))
					continue
				}
				return count, fmt.Errorf("node %d has not joined", i)
			}
			count++
		}
		return count, nil
	})
}

// stuck reports whether nothing more is ordered.
func (n *Network) stuck() bool { return n.Incarnations.Stuck(len(n.Nodes)) }
