package raft

import (
	"dessim/protocol"
	"dessim/protocol/abcast"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The timeouts, in ticks. A duration of n ticks lasts n-1 to n, since what begins
// in the middle of a tick counts from its beginning.
const (
	forgetAfter = 4 // silence after which a leader counts as dead: three heartbeats are lost
	removeAfter = 6 // silence after which the leader takes a member out of the view
	resignAfter = 5 // period of a leader's check that a majority answers, else it resigns
	repeatAfter = 3 // from proposing to proposing again what was not delivered
)

// tagTick is the only timer. It is periodic, so it keeps no run from ending.
var tagTick = protocol.ABCAST.Tag(protocol.Periodic | 1)

// kindElect is the question how long a node waits before it campaigns, beyond a time
// that grows with its place.
var kindElect = protocol.KindOf("raft.elect")

// drawPatience draws how long this node waits for a leader before it campaigns. If
// the answer is benign, the lowest node comes first, and no two collide.
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

// remove proposes that silent members leave the view, repeatedly while they are
// silent. The leader alone hears from all members each tick.
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

// hear ends the silence if m came from the leader, or from a candidate that this node
// just voted for, which gets its chance to lead.
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
