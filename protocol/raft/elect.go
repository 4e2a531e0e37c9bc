package raft

import (
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/backoff"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The timeouts, in ticks. A duration of n ticks lasts n-1 to n, since what begins
// in the middle of a tick counts from its beginning. A tick is up to a quarter longer
// than the shortest: see abcast.NextTick.
const (
	forgetAfter = ForgetAfter // silence after which a leader counts as dead: three heartbeats are lost, even of long ticks
	removeAfter = 6           // silence after which the leader takes a member out of the view: RemoveAgain
	resignAfter = 5           // period of a leader's check that a majority answers, else it resigns
	repeatAfter = 3           // from proposing to proposing again what was not delivered: ProposeAgain
)

// ForgetAfter is how many ticks of silence a node waits before it forgets a leader.
const ForgetAfter = 5

// The rules for what is done again.
var (
	// ProposeAgain is for proposing what was not delivered. A delivery begins it anew,
	// and another leader.
	ProposeAgain = backoff.Rule{Kind: protocol.KindOf("raft.propose"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	// CampaignAgain is for campaigning while no leader is known. It begins with
	// a patience that is drawn: see kindElect.
	CampaignAgain = backoff.Rule{Kind: protocol.KindOf("raft.again"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	// RemoveAgain is for a leader's proposal that a silent member leave the view. The
	// member's next message begins it anew.
	RemoveAgain = backoff.Rule{Kind: protocol.KindOf("raft.remove"), Doublings: 4, Jitter: protocol.Ratio{Num: 1, Den: 4}}
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
	first := 1 + g.self + int(env.Choose(kindElect, uint64(n)))
	g.patience = first
	if g.lost > 0 {
		g.patience = CampaignAgain.Ticks(env, g.cfg.Tick, first, g.lost)
	}
}

func (g *Group) tick(env *protocol.Env) {
	s := g.node.BasicStatus()
	g.silent++
	switch {
	case s.RaftState == etcd.StateLeader:
		g.node.Tick()
		g.remove(env)
		return // what it proposed is in its log
	case s.Lead != etcd.None && g.silent >= forgetAfter:
		must(g.node.ForgetLeader())
		g.stats.Excluded++
		g.lost = 0
		g.drawPatience(env)
	case s.Lead == etcd.None && g.silent >= g.patience:
		must(g.node.Campaign())
		g.stats.Ballots++
		g.lost = CampaignAgain.Next(g.lost)
		g.drawPatience(env)
	}
	if !g.undelivered() {
		return // so there is nothing to repeat, and no try to count
	}
	if g.waited++; g.waited >= g.pause {
		g.repeats = ProposeAgain.Next(g.repeats)
		g.pause = ProposeAgain.Ticks(env, g.cfg.Tick, repeatAfter, g.repeats)
		g.stats.Repeated += uint64(g.proposed)
		g.proposed = 0
		g.asked = false
	}
}

// undelivered reports whether the leader of this term was sent anything that is not in effect:
// a message that is not delivered, or the request to be in the view.
func (g *Group) undelivered() bool {
	return g.proposed > 0 || g.asked && !g.history.has(g.last.Origin())
}

// A silence is how long a member was not heard.
type silence struct {
	ticks   int
	next    int // ticks at which its removal is proposed next; 0: removeAfter
	removed int // how often it was proposed
}

// remove proposes that silent members leave the view, repeatedly while they are
// silent. The leader alone hears from all members each tick.
func (g *Group) remove(env *protocol.Env) {
	for place, id := range g.cfg.Members {
		s := &g.heard[place]
		s.ticks++
		inc := g.history.view[id]
		if place != g.self && inc != 0 && s.ticks >= max(s.next, removeAfter) {
			s.next = s.ticks + RemoveAgain.Ticks(env, g.cfg.Tick, removeAfter, s.removed)
			s.removed = RemoveAgain.Next(s.removed)
			g.stats.Excluded++
			g.offer(item{message: abcast.Message{ID: abcast.MsgID{Node: id, Incarnation: inc}}})
		}
	}
}

// hear ends the silence if m came from the leader of this term. A vote does, too: see send.
func (g *Group) hear(m *pb.Message) {
	switch m.GetType() {
	case pb.MsgApp, pb.MsgSnap, pb.MsgHeartbeat:
		s := g.node.BasicStatus()
		if s.Lead == m.GetFrom() && s.GetTerm() == m.GetTerm() { // not of a former term, come late
			g.silent, g.lost = 0, 0
		}
	}
}
