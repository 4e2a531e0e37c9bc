package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// patience is how long a node waits for a leader before it campaigns, by a model that counts its
// ticks.
type patience struct {
	place, members int
	quiet          int // its ticks since it waits
	least, most    int // after which it campaigns
	lost           int // campaigns since it heard a leader

	ticking    bool // the step at hand is a tick
	led        bool // when that began, it knew a leader, not itself
	leadless   bool // or none
	at         uint64
	campaigned bool // in this step
	wrong      error
}

func startPatience(id protocol.NodeID, members int) patience {
	p := patience{place: int(id), members: members}
	p.draw()
	return p
}

// draw begins to wait anew: see raft.CampaignAgain.
func (p *patience) draw() {
	p.quiet = 0
	p.least, p.most = (1+p.place)<<p.lost, (p.place+p.members)<<p.lost
	if p.lost > 0 {
		p.most = p.most * 5 / 4
	}
}

// tick notes that a tick begins.
func (l *Leaders) tick(e *sim.Event, f *follower) {
	n := l.net.Nodes[e.Node]
	lead, known := n.Leader()
	f.quiet++
	f.ticking, f.campaigned, f.led, f.leadless, f.at = true, false, known && lead != e.Node, !known, n.Term()
}

// ticked looks at what became of a tick, when the next step begins.
func (l *Leaders) ticked(e *sim.Event, f *follower) {
	if !f.ticking {
		return
	}
	f.ticking = false
	_, known := l.net.Nodes[e.Node].Leader()
	switch {
	case known || l.net.Nodes[e.Node].Term() != f.at && !f.campaigned:
	case f.led: // it forgot the leader
		if f.silent < raft.ForgetAfter && f.wrong == nil {
			f.wrong = fmt.Errorf("node %v forgets the leader, which it heard %d ticks ago, want %d at least", e.Node, f.silent, raft.ForgetAfter)
		}
		f.lost = 0
		f.draw()
	case f.leadless && f.quiet >= f.most && !f.campaigned && f.wrong == nil:
		f.wrong = fmt.Errorf("node %v knows no leader, and has not campaigned for %d ticks, want %d at most", e.Node, f.quiet, f.most)
	}
}

// speaks notes a campaign, or a vote, which gives a candidate its chance to lead.
func (l *Leaders) speaks(e *sim.Event, f *follower) {
	switch e.Kind {
	case raft.KindPoll:
		if f.campaigned || !f.ticking {
			return // a copy for another member
		}
		f.campaigned = true
		if f.quiet < f.least && f.wrong == nil {
			f.wrong = fmt.Errorf("node %v campaigns after %d ticks, want %d at least", e.Node, f.quiet, f.least)
		}
		f.lost = raft.CampaignAgain.Next(f.lost)
		f.draw()
	case raft.KindVoted:
		msg, ok := seal.Open(e.Body)
		if s, read := raft.Read(msg); !ok || !read || s.Reject {
			return
		}
		if _, known := l.net.Nodes[e.Node].Leader(); !known {
			f.quiet = 0
		}
	}
}

// Patient requires that nodes keep a leader that they hear, and campaign in time when they know
// none, not sooner: the patience of each is drawn from a range of its own, so that they seldom
// collide. It must be listed after Forgotten.
func (l *Leaders) Patient() *check.Check {
	return check.Always("nodes campaign in time, and keep who leads", sim.Received|sim.Fired, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(l.nodes)) {
			return false, nil
		}
		f := &l.nodes[e.Node]
		return f.leadless, f.wrong
	}).OrNotApplicable("all know a leader at each tick")
}
