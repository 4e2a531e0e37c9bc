package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// Leaders judges whether Raft's followers notice that a leader is silent. What is left of a
// former leader, or of a former term of the same one, is no sign of life: a node that takes it
// for one waits longer, and is right all the same, so no other check reports it.
type Leaders struct {
	net   *Network
	nodes []follower
}

// follower is what a node's incarnation has heard.
type follower struct {
	silent int // its ticks since it heard the leader of its term
	from   protocol.NodeID
	term   uint64 // of a leader's message in its last step; 0: there was none
}

// NewLeaders returns a judge of the nodes of n.
func NewLeaders(n *Network) *Leaders {
	return &Leaders{net: n, nodes: make([]follower, len(n.Nodes))}
}

// tickTag is the timer of a node's order.
var tickTag = protocol.ABCAST.Tag(protocol.Periodic | 1)

// Forgotten requires that a node forgets a leader that it has not heard for as many ticks as
// package raft says, and one more, in which it begins to be silent.
func (l *Leaders) Forgotten() *check.Check {
	const watch = sim.Started | sim.Received | sim.Fired
	return check.Always("a silent leader is forgotten in time", watch, func(e *sim.Event) (bool, error) {
		if int(e.Node) >= len(l.nodes) {
			return false, nil // a client
		}
		f := &l.nodes[e.Node]
		if e.What == sim.Started {
			*f = follower{}
			return false, nil
		}
		l.hear(e.Node, f)
		switch {
		case e.What == sim.Fired && e.Tag == tickTag:
			f.silent++
			lead, known := l.net.Nodes[e.Node].Leader()
			if known && lead != e.Node && f.silent > raft.ForgetAfter+1 {
				return true, fmt.Errorf("node %v takes node %v for the leader, and has not heard it in this term for %d ticks", e.Node, lead, f.silent-1)
			}
			return known && lead != e.Node && f.silent > 1, nil
		case e.Kind == raft.KindAppend || e.Kind == raft.KindBeat || e.Kind == raft.KindSnap:
			if msg, ok := seal.Open(e.Body); ok && e.What == sim.Received {
				f.from, f.term = e.Peer, raft.MessageTerm(msg)
			}
		}
		return false, nil
	}).OrNotApplicable("no leader is silent for a tick")
}

// hear ends the silence if a message of the step before came from the leader of today.
func (l *Leaders) hear(node protocol.NodeID, f *follower) {
	if f.term == 0 {
		return
	}
	n := l.net.Nodes[node]
	if lead, known := n.Leader(); known && lead == f.from && n.Term() == f.term {
		f.silent = 0
	}
	f.term = 0
}
