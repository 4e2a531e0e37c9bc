package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"dessim/protocol"
	"example.com/raftgroup"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

const (
	tick        = 100 * time.Millisecond
	tagTick     = protocol.Periodic | 1
	forgetAfter = 5 // ticks of silence after which the leader counts as dead
)

var kindElect = protocol.KindOf("elect") // how many more ticks a node waits before it campaigns

// node keeps the log with the library's RawNode. The library draws its election timeouts
// at random, and Config cannot replace that. So only a leader ticks, which sends its
// heartbeats; a follower counts silence itself, and campaigns after a wait that the
// Source answers. CheckQuorum stays off: a follower that never ticks would keep its
// leader's lease for ever. The comment of package dessim/protocol/raft says more.
type node struct {
	raft     *raft.RawNode
	disk     storage
	led      uint64 // last term led
	silence  int    // ticks since the leader was heard, or since the last campaign
	patience int    // ticks of silence after which this node campaigns
}

// storage is the log in memory, with the members, which never change.
type storage struct{ *raft.MemoryStorage }

func (s storage) InitialState() (raftpb.HardState, raftpb.ConfState, error) {
	hard, members, err := s.MemoryStorage.InitialState()
	for id := range protocol.NodeID(raftgroup.Nodes) {
		members.Voters = append(members.Voters, toRaft(id))
	}
	return hard, members, err
}

func newNode(protocol.NodeID) protocol.Node {
	return &node{disk: storage{raft.NewMemoryStorage()}}
}

// Start reads the disk.
func (n *node) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		if r, ok := decode(rec); ok { // else a crash tore it before it was synced
			n.write(&r)
		}
	}
	var err error
	n.raft, err = raft.NewRawNode(&raft.Config{
		ID:              toRaft(env.ID()),
		ElectionTick:    10,
		HeartbeatTick:   1,
		Storage:         n.disk,
		MaxSizePerMsg:   math.MaxUint64,
		MaxInflightMsgs: 256,
		PreVote:         true,
		Logger:          raftgroup.Quiet{},
	})
	must(err)
	n.drawPatience(env)
	env.SetTimer(tick, tagTick)
	n.settle(env)
}

// Receive proposes an input, and passes the library a message.
func (n *node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		mayDrop(n.raft.Propose(append([]byte(nil), msg...))) // the library keeps it, and msg is borrowed
		n.settle(env)
		return
	}
	m, ok := decode(msg)
	if !ok {
		return
	}
	if m.Type == raftpb.MsgProp && n.raft.BasicStatus().RaftState != raft.StateLeader {
		return // two nodes, each of which takes the other for the leader, would send it back and forth
	}
	mayDrop(n.raft.Step(m))
	if (m.Type == raftpb.MsgApp || m.Type == raftpb.MsgHeartbeat) && n.raft.BasicStatus().Lead == m.From {
		n.silence = 0
	}
	n.settle(env)
}

// Timeout consumes the only timer, the tick.
func (n *node) Timeout(env *protocol.Env, _ uint64) {
	n.silence++
	switch {
	case n.raft.BasicStatus().RaftState == raft.StateLeader:
		n.raft.Tick()
	case n.silence >= n.patience:
		must(n.raft.Campaign())
		n.drawPatience(env)
	}
	env.SetTimer(tick, tagTick)
	n.settle(env)
}

func (n *node) drawPatience(env *protocol.Env) {
	n.silence = 0
	n.patience = forgetAfter + int(env.ID()) + int(env.Choose(kindElect, 2*raftgroup.Nodes))
}

// settle does what the library has ready, in the order that it demands: it records, sends,
// and outputs what is committed.
func (n *node) settle(env *protocol.Env) {
	for n.raft.HasReady() {
		rd := n.raft.Ready()
		if !raft.IsEmptyHardState(rd.HardState) || len(rd.Entries) > 0 {
			hard, _, err := n.disk.InitialState()
			must(err)
			if !raft.IsEmptyHardState(rd.HardState) {
				hard = rd.HardState
			}
			r := raftpb.Message{Term: hard.Term, From: hard.Vote, Commit: hard.Commit, Entries: rd.Entries}
			env.Persist(encode(&r)) // one record, since half of it may be a log that no node had
			if rd.MustSync {
				env.Sync()
			}
			n.write(&r)
		}
		for _, m := range rd.Messages {
			env.Send(fromRaft(m.To), raftgroup.KindOf(m.Type.String()), encode(&m))
		}
		if s := n.raft.BasicStatus(); s.RaftState == raft.StateLeader && s.Term != n.led {
			n.led = s.Term
			env.Output(raftgroup.KindLeads, raftgroup.Leads(s.Term))
		}
		for _, e := range rd.CommittedEntries {
			env.Output(raftgroup.KindCommitted, raftgroup.Committed(e.Index, e.Term, e.Data))
		}
		n.raft.Advance(rd)
	}
}

// write puts a record into the storage that the library reads. A record is a message,
// with the vote as its sender.
func (n *node) write(r *raftpb.Message) {
	must(n.disk.SetHardState(raftpb.HardState{Term: r.Term, Vote: r.From, Commit: r.Commit}))
	must(n.disk.Append(r.Entries))
}

func encode(m *raftpb.Message) []byte {
	b, err := m.Marshal()
	must(err)
	return raftgroup.Seal(b)
}

func decode(b []byte) (m raftpb.Message, ok bool) {
	b, ok = raftgroup.Open(b)
	ok = ok && m.Unmarshal(b) == nil
	return m, ok
}

// The library's 0 means no node, so its ids are ours plus one.
func toRaft(id protocol.NodeID) uint64   { return uint64(id) + 1 }
func fromRaft(id uint64) protocol.NodeID { return protocol.NodeID(id - 1) }

// mayDrop is must for a proposal, which is dropped where no leader is known.
func mayDrop(err error) {
	if !errors.Is(err, raft.ErrProposalDropped) {
		must(err)
	}
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("raft: %v", err))
	}
}
