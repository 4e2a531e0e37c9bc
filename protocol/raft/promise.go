package raft

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"

	pb "go.etcd.io/raft/v3/raftpb"
)

// What a node promises in Raft: see protocol.Promise and Figure 2 of the paper, where it is
// the persistent state that is updated before a node responds.
var (
	// PromiseTerm is the greatest term that the node has seen.
	PromiseTerm = protocol.KindOf("raft.term")
	// PromiseVote is for whom the node votes in the term of the key.
	PromiseVote = protocol.KindOf("raft.vote")
	// PromiseLog is the index up to which the node has the leader's log at least.
	PromiseLog = protocol.KindOf("raft.log")
	// PromiseEntry is the term of the entry at the index of the key.
	PromiseEntry = protocol.KindOf("raft.entry")
)

// Promises appends what a message promises: see abcast.Promiser.
func (g *Group) Promises(list []protocol.Promise, f *protocol.Effect, msg []byte) []protocol.Promise {
	switch f.Kind {
	case KindVote, KindVoted, KindAck:
	case abcast.KindDelivered:
		if _, id, ok := abcast.DecodeDelivered(f.Body); ok {
			list = append(list, abcast.PromiseHeld(id, len(g.cfg.Members)))
		}
		return list
	default:
		return list
	}
	m, ok := decodeMessage(msg)
	if !ok || m.GetReject() {
		return list
	}
	list = append(list, protocol.Promise{Kind: PromiseTerm, Value: m.GetTerm(), Least: true})
	switch m.GetType() {
	case pb.MsgVote:
		list = append(list, protocol.Promise{Kind: PromiseVote, Key: [3]uint64{m.GetTerm()}, Value: uint64(g.last.Node)})
	case pb.MsgVoteResp:
		list = append(list, protocol.Promise{Kind: PromiseVote, Key: [3]uint64{m.GetTerm()}, Value: uint64(f.To)})
	case pb.MsgAppResp:
		list = append(list, protocol.Promise{Kind: PromiseLog, Value: m.GetIndex(), Least: true})
		if term, err := g.disk.Term(m.GetIndex()); err == nil {
			list = append(list, protocol.Promise{Kind: PromiseEntry, Key: [3]uint64{m.GetIndex()}, Value: term})
		}
	}
	return list
}

// Keeps returns what the node knows in the place of a promise of Promises.
func (g *Group) Keeps(p *protocol.Promise) (value uint64, known bool) {
	switch p.Kind {
	case PromiseTerm:
		return g.hard.GetTerm(), true
	case PromiseVote:
		if g.hard.GetTerm() > p.Key[0] {
			return p.Value, true // it votes no more in that term
		}
		return uint64(fromRaft(g.hard.GetVote())), g.hard.GetTerm() == p.Key[0] && g.hard.GetVote() != 0
	case PromiseLog:
		return g.lastIndex(), true
	case PromiseEntry:
		term, err := g.disk.Term(p.Key[0])
		if err != nil && p.Key[0] < g.lastIndex() {
			return p.Value, true // in a snapshot, so it is committed
		}
		return term, err == nil
	case abcast.KindHeld:
		return 1, g.holds(abcast.Held(p))
	}
	return 0, false
}

// holds reports whether a message is in the log or in the snapshot before it.
func (g *Group) holds(id abcast.MsgID) bool {
	is := func(m abcast.Message) bool { return m.ID == id }
	if l := g.history.streams[id.Origin()]; l != nil && (id.Seq <= l.last || slices.ContainsFunc(l.held, is)) {
		return true
	}
	return slices.ContainsFunc(g.log(g.applied+1), func(e *pb.Entry) bool {
		i, ok := decodeItem(e.GetData())
		return ok && !i.change() && is(i.message)
	})
}
