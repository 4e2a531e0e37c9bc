package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// forwards follows to whom nodes pass on bodies.
type forwards struct {
	net   *Network
	nodes []forwarding // by node
	first map[handing]protocol.NodeID
}

// forwarding is what a node does with bodies in a step.
type forwarding struct {
	step uint64
	came gossip.ID         // the body that began the step, if came is set
	to   []protocol.NodeID // which it sent one since the step began, or since it was handed the last one
}

// Forwarded requires that a node has sent a body to each neighbour, once, when it is handed it:
// but for the one that it came from first. Where messages are lost the others nearly always get
// it from somebody else, so that what they get tells little. Nodes that lie are exempt.
func (f *Floods) Forwarded(traitors []protocol.NodeID) *check.Check {
	x := forwards{net: f.net, nodes: make([]forwarding, len(f.net.Nodes)), first: make(map[handing]protocol.NodeID)}
	exempt := slices.Concat(traitors, f.net.Liars)
	return check.Always("a body goes to all neighbours but its source", sim.Received|sim.Sent|sim.Output, func(e *sim.Event) (bool, error) {
		switch {
		case uint64(e.Node) >= uint64(len(x.nodes)) || slices.Contains(exempt, e.Node):
		case e.What == sim.Received:
			x.received(e)
		case e.Kind == gossip.KindData:
			n := x.step(e)
			n.to = append(n.to, e.Peer)
		case e.Kind == peer.KindHanded && len(e.Body) == len(gossip.ID{}):
			return true, x.handed(e, f.net.Nodes[e.Node])
		}
		return false, nil
	}).OfMessages(sim.Received|sim.Sent, ofGossip).OfOutputs(peer.KindHanded).OrNotApplicable("no body is passed on")
}

// step returns what the node of an event does in its step.
func (x *forwards) step(e *sim.Event) *forwarding {
	n := &x.nodes[e.Node]
	if n.step != e.Step {
		*n = forwarding{step: e.Step, to: n.to[:0]}
	}
	return n
}

func (x *forwards) received(e *sim.Event) {
	if !isGossip(e) {
		return
	}
	id, ok := x.net.body(e.Body)
	if !ok {
		return
	}
	n := x.step(e)
	n.came = id
	h := handing{e.Node, e.Incarnation, n.came}
	if _, known := x.first[h]; !known {
		x.first[h] = e.Peer
	}
}

// handed judges to whom a node has sent a body that it is handed. One that it makes itself goes
// to all, even if it came from somebody before.
func (x *forwards) handed(e *sim.Event, p *peer.Node) error {
	n, id := x.step(e), gossip.ID(e.Body)
	from, known := x.first[handing{e.Node, e.Incarnation, id}]
	to := slices.Clone(n.to)
	n.to = n.to[:0]
	slices.Sort(to)
	all := p.Neighbours()
	if known && (n.came == id || !slices.Equal(to, all)) {
		all = slices.DeleteFunc(slices.Clone(all), func(n protocol.NodeID) bool { return n == from })
	}
	if !slices.Equal(to, all) {
		return fmt.Errorf("node %v passes body %v, which came from node %v, on to nodes %v, want %v", e.Node, id, from, to, all)
	}
	return nil
}
