package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// Removals judges when Raft's leaders propose that a silent member leaves the view, by a model
// that counts their ticks. It sees the proposal on the leader's disk, since nobody may hear it.
type Removals struct {
	net   *Network
	nodes []remover
}

// remover is what a node's incarnation knows as a leader.
type remover struct {
	view    []abcast.Member
	term    uint64 // in which it leads; 0: it does not
	members []unheard
	ticking bool // the step at hand is a tick
}

// unheard is a member that a leader does not hear.
type unheard struct {
	ticks       int
	least, most int // ticks at which its removal is proposed next
	times       int
	due         bool
}

var heardNow = unheard{least: raft.RemoveAfter, most: raft.RemoveAfter}

// NewRemovals returns a judge of the nodes of n.
func NewRemovals(n *Network) *Removals {
	return &Removals{net: n, nodes: make([]remover, len(n.Nodes))}
}

// Timely requires that leaders do as the model does.
func (x *Removals) Timely() *check.Check {
	const watch = sim.Started | sim.Received | sim.Fired | sim.Persisted | sim.Output
	return check.Always("silent members leave the view in time, not sooner", watch, func(e *sim.Event) (relevant bool, wrong error) {
		if uint64(e.Node) >= uint64(len(x.nodes)) {
			return false, nil
		}
		r := &x.nodes[e.Node]
		switch e.What {
		case sim.Started:
			*r = remover{members: r.members}
		case sim.Received, sim.Fired:
			wrong = x.begin(e, r)
			if r.term == 0 {
				break
			}
			if e.What == sim.Fired && e.Tag == tickTag {
				r.tick(e.Node)
			} else if e.What == sim.Received && ofRaft(e.Kind) && uint64(e.Peer) < uint64(len(r.members)) {
				if _, ok := seal.Open(e.Body); ok {
					r.members[e.Peer] = heardNow
				}
			}
		case sim.Persisted:
			if r.ticking && r.term != 0 {
				return r.record(e)
			}
		case sim.Output:
			if e.Kind == abcast.KindViewed {
				if v, ok := abcast.DecodeViewed(e.Body); ok {
					r.view = v.Members
				}
			}
		}
		return wrong != nil, wrong
	}).OrNotApplicable("no leader takes a member out of the view")
}

// ofRaft reports whether a message of this kind is of package raft.
func ofRaft(k protocol.Kind) bool {
	switch k {
	case raft.KindPropose, raft.KindAck, raft.KindEcho, raft.KindPolled, raft.KindVoted,
		raft.KindAppend, raft.KindBeat, raft.KindPoll, raft.KindVote, raft.KindSnap:
		return true
	}
	return false
}

// begin looks at what became of the step before, and at who leads.
func (x *Removals) begin(e *sim.Event, r *remover) (wrong error) {
	n := x.net.Nodes[e.Node]
	lead, known := n.Leader()
	if !known || lead != e.Node || n.Term() != r.term {
		r.term = 0
		if known && lead == e.Node {
			r.term = n.Term()
			r.members = slices.Grow(r.members[:0], len(x.nodes))[:len(x.nodes)]
			for i := range r.members {
				r.members[i] = heardNow
			}
		}
	}
	for i := range r.members {
		m := &r.members[i]
		if m.due && r.term != 0 && wrong == nil {
			wrong = fmt.Errorf("node %v, which leads, has not proposed that node %d leaves the view, though it has not heard it for %d ticks", e.Node, i, m.ticks)
		}
		m.due = false
	}
	r.ticking = false
	return wrong
}

func (r *remover) tick(self protocol.NodeID) {
	r.ticking = true
	for i := range r.members {
		m := &r.members[i]
		m.ticks++
		in := slices.ContainsFunc(r.view, func(v abcast.Member) bool { return int(v.Node) == i })
		m.due = in && i != int(self) && m.ticks >= m.most
	}
}

// record requires that who is to leave has been silent for long.
func (r *remover) record(e *sim.Event) (relevant bool, wrong error) {
	s, ok := raft.ReadRecord(e.Body)
	if !ok {
		return false, nil // of another machine
	}
	for _, entry := range s.Entries {
		out := entry.ID
		if out.Seq != 0 || entry.In {
			continue
		}
		m := &r.members[out.Node]
		if m.ticks < m.least && wrong == nil {
			wrong = fmt.Errorf("node %v, which leads, proposes that node %v leaves the view after %d ticks of silence, want %d at least", e.Node, out.Node, m.ticks, m.least)
		}
		pause := raft.RemoveAfter << min(m.times, int(raft.RemoveAgain.Doublings))
		m.least, m.most = m.ticks+pause, m.ticks+pause*5/4
		m.times++
		m.due, relevant = false, true
	}
	return relevant, wrong
}
