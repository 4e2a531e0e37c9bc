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

	campaigns int    // since it heard a leader
	took      int    // its ticks since the first of them
	polled    uint64 // the step of the last one
	hasty     error

	patience
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
	const watch = sim.Started | sim.Received | sim.Fired | sim.Sent
	return check.Always("a silent leader is forgotten in time", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(l.nodes)) {
			return false, nil // a client
		}
		f := &l.nodes[e.Node]
		if e.What == sim.Started {
			*f = follower{patience: startPatience(e.Node, len(l.nodes))}
			return false, nil
		}
		if e.What != sim.Sent {
			l.ticked(e, f)
		}
		l.hear(e.Node, f)
		switch {
		case e.What == sim.Fired && e.Tag == tickTag:
			f.silent++
			f.took++
			l.tick(e, f)
			lead, known := l.net.Nodes[e.Node].Leader()
			if known && lead != e.Node && f.silent > raft.ForgetAfter+1 {
				return true, fmt.Errorf("node %v takes node %v for the leader, and has not heard it in this term for %d ticks", e.Node, lead, f.silent-1)
			}
			return known && lead != e.Node && f.silent > 1, nil
		case e.What == sim.Sent:
			l.speaks(e, f)
			f.campaign(e)
		case e.Kind == raft.KindAppend || e.Kind == raft.KindBeat || e.Kind == raft.KindSnap:
			if msg, ok := seal.Open(e.Body); ok {
				f.from, f.term = e.Peer, raft.MessageTerm(msg)
			}
		}
		return false, nil
	}).OrNotApplicable("no leader is silent for a tick")
}

// hasteCampaigns is the number of campaigns in vain that take hasteTicks at least: their pauses
// are at least 2, 4, 4 and 4 ticks. See raft.CampaignAgain.
const hasteCampaigns, hasteTicks = 5, 2 + 4 + 4 + 4

// campaign counts a campaign in vain, by its first message.
func (f *follower) campaign(e *sim.Event) {
	if e.Kind != raft.KindPoll || e.Step == f.polled {
		return
	}
	f.polled = e.Step
	if f.campaigns++; f.campaigns == 1 {
		f.took = 0
	}
	if f.campaigns == hasteCampaigns {
		if f.took < hasteTicks && f.hasty == nil {
			f.hasty = fmt.Errorf("node %v campaigns %d times within %d ticks, and no leader was heard meanwhile; want at least %d", e.Node, f.campaigns, f.took, hasteTicks)
		}
		f.campaigns, f.took = 1, 0
	}
}

// Rarer requires that campaigns in vain are repeated ever more rarely. It must be listed after
// Forgotten.
func (l *Leaders) Rarer() *check.Check {
	return check.Always("campaigns in vain become rarer", sim.Sent, func(e *sim.Event) (bool, error) {
		if e.Kind != raft.KindPoll || uint64(e.Node) >= uint64(len(l.nodes)) {
			return false, nil
		}
		return true, l.nodes[e.Node].hasty
	}).OrNotApplicable("nobody campaigns")
}

// hear ends the silence if a message of the step before came from the leader of today.
func (l *Leaders) hear(node protocol.NodeID, f *follower) {
	if f.term == 0 {
		return
	}
	n := l.net.Nodes[node]
	if lead, known := n.Leader(); known && lead == f.from && n.Term() == f.term {
		f.silent, f.campaigns = 0, 0
		f.quiet, f.lost = 0, 0
	}
	f.term = 0
}
