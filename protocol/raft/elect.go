package raft

import (
	"dessim/protocol"
	"dessim/protocol/abcast"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The patience of a member, in ticks. A duration of n ticks lasts n-1 to n, since
// what begins in the middle of a tick counts from its beginning.
const (
	forgetAfter = 4 // silence of a leader until it is thought dead: three heartbeats are lost
	removeAfter = 6 // silence of another until the leader takes it out of the view
	resignAfter = 5 // from a leader's look at who answered to the next; it leads only if a majority did
	repeatAfter = 3 // from proposing to proposing again what was not delivered
)

// tagTick is the only timer. It keeps no run from ending.
var tagTick = protocol.ABCAST.Tag(protocol.Periodic | 1)

// kindElect is the question of how much longer than its place says a node waits
// before it campaigns.
var kindElect = protocol.KindOf("raft.elect")

// drawPatience says how long this node waits for a leader before it campaigns. If
// the answer is benign the lowest node comes first, and nobody meets another.
func (g *Group) drawPatience(env *protocol.Env) {
	n := len(g.cfg.Members)
	g.silent = 0
	g.patience = 1 + g.self + int(env.Choose(kindElect, uint64(n)))
}

func (g *Group) tick(env *protocol.Env) {
	s := g.node.BasicStatus()
	g.silent++
	switch {
	case s.RaftState == etcd.StateLeader:
		g.node.Tick()
		g.remove()
		return // what it proposed is in its log
	case s.Lead != etcd.None && g.silent >= forgetAfter:
		must(g.node.ForgetLeader())
		g.stats.Excluded++
		g.drawPatience(env)
	case s.Lead == etcd.None && g.silent >= g.patience:
		must(g.node.Campaign())
		g.stats.Ballots++
		g.drawPatience(env)
	}
	if g.waited++; g.waited >= repeatAfter {
		g.stats.Repeated += uint64(g.proposed)
		g.proposed = 0
		g.asked = false
	}
}

// remove proposes that those who are silent leave the view, again and again while they
// are. The leader alone hears from all, each tick.
func (g *Group) remove() {
	for place, id := range g.cfg.Members {
		g.heard[place]++
		silence, inc := g.heard[place], g.history.view[id]
		if place != g.self && inc != 0 && silence%removeAfter == 0 {
			g.stats.Excluded++
			g.offer(item{message: abcast.Message{ID: abcast.MsgID{Node: id, Incarnation: inc}}})
		}
	}
}

// hear takes note that m came from the leader, or from a candidate that this node
// just voted for: then it is that one's turn.
func (g *Group) hear(m *pb.Message) {
	s := g.node.BasicStatus()
	switch m.GetType() {
	case pb.MsgApp, pb.MsgSnap, pb.MsgHeartbeat:
		if s.Lead == m.GetFrom() {
			g.silent = 0
		}
	case pb.MsgVote:
		if s.GetVote() == m.GetFrom() && s.GetTerm() == m.GetTerm() {
			g.silent = 0
		}
	}
}
