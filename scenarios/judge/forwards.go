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
	net    *Network
	nodes  []forwarding // by node
	first  map[handing]protocol.NodeID
	exempt []protocol.NodeID
}

// forwarding is what a node does with bodies in a step.
type forwarding struct {
	step   uint64
	before []protocol.NodeID // its neighbours before its last message or timer
	came   gossip.ID         // the body that began the step, if came is set
	to     []protocol.NodeID // which it sent one since the step began, or since it was handed the last one
}

// Forwarded requires that a node has sent a body to each neighbour, once, when it is handed it:
// but for the one that it came from first. Where messages are lost the others nearly always get
// it from somebody else, so that what they get tells little. A link may hand up in one step what
// has a node handed a body, and then the hello of a neighbour, which may get it or not. Nodes that
// lie are exempt.
func (f *Floods) Forwarded(traitors []protocol.NodeID) *check.Check {
	const watch = sim.Received | sim.Fired | sim.Sent | sim.Output
	c := check.Always("a body goes to all neighbours but its source", watch, newForwards(f.net, traitors).observe)
	return Steps(c).OfMessages(sim.Sent, ofGossip).OfOutputs(peer.KindHanded).OrNotApplicable("no body is passed on")
}

func newForwards(net *Network, traitors []protocol.NodeID) *forwards {
	return &forwards{net: net, nodes: make([]forwarding, len(net.Nodes)), first: make(map[handing]protocol.NodeID), exempt: slices.Concat(traitors, net.Liars)}
}

func (x *forwards) observe(e *sim.Event) (bool, error) {
	switch {
	case uint64(e.Node) >= uint64(len(x.nodes)) || slices.Contains(x.exempt, e.Node):
	case e.What == sim.Received, e.What == sim.Fired:
		x.begins(e)
	case e.Kind == gossip.KindData:
		n := x.step(e)
		n.to = append(n.to, e.Peer)
	case e.Kind == peer.KindHanded && len(e.Body) == len(gossip.ID{}):
		return true, x.handed(e)
	}
	return false, nil
}

// step returns what the node of an event does in its step.
func (x *forwards) step(e *sim.Event) *forwarding {
	n := &x.nodes[e.Node]
	if n.step != e.Step {
		*n = forwarding{step: e.Step, before: n.before, to: n.to[:0]}
	}
	return n
}

// begins notes with what a step begins. What follows a sync in it has a number of its own.
func (x *forwards) begins(e *sim.Event) {
	n := &x.nodes[e.Node]
	n.before = append(n.before[:0], x.net.Nodes[e.Node].Neighbours()...)
	if e.What != sim.Received || !isGossip(e) {
		return
	}
	id, ok := x.net.body(e.Body)
	if !ok {
		return
	}
	x.step(e).came = id
	h := handing{e.Node, e.Incarnation, id}
	if _, known := x.first[h]; !known {
		x.first[h] = e.Peer
	}
}

// handed judges to whom a node has sent a body that it is handed. One that it makes itself goes
// to all, even if it came from somebody before.
func (x *forwards) handed(e *sim.Event) error {
	n, id := x.step(e), gossip.ID(e.Body)
	from, known := x.first[handing{e.Node, e.Incarnation, id}]
	to := slices.Clone(n.to)
	n.to = n.to[:0]
	slices.Sort(to)
	all := slices.DeleteFunc(slices.Clone(x.net.Nodes[e.Node].Neighbours()), func(id protocol.NodeID) bool {
		return !slices.Contains(n.before, id) && !slices.Contains(to, id)
	})
	if known && (n.came == id || !slices.Equal(to, all)) {
		all = slices.DeleteFunc(all, func(n protocol.NodeID) bool { return n == from })
	}
	if !slices.Equal(to, all) {
		return fmt.Errorf("node %v passes body %v, which came from node %v, on to nodes %v, want %v", e.Node, id, from, to, all)
	}
	return nil
}
