// Package raft is atomic broadcast by a library that knows nothing of dessim:
// go.etcd.io/raft/v3, the Raft of etcd. It is the order of package abcast by
// another route, with the same methods, and the example of how to put a real
// library under dessim.
//
// Raft is Ongaro and Ousterhout, "In Search of an Understandable Consensus
// Algorithm" (USENIX ATC 2014), with the pre-vote of Ongaro's dissertation (2014),
// section 9.6, and leaders that resign without a majority, section 6.2.
//
// # What it promises
//
// What abcast promises with Views: every incarnation of every node delivers a prefix
// of one sequence, each message once and only if broadcast, the messages of one
// incarnation in the order of their broadcast; links may lose, copy and reorder,
// nodes may crash and restart with their disks. While a majority with the leader is
// up and its nodes hear each other, what they broadcast is delivered; a minority
// delivers nothing new. (A leader that a majority hears keeps its place though it
// does not hear all of them: broadcasts of the nodes that it does not hear wait.) It
// survives neither a lost disk nor lies: where the library detects a lie, it panics.
//
// The library knows neither views nor incarnations, which are this package's own.
// Views are entries of the log: each incarnation asks the leader to be taken into the
// view, and the leader takes out silent ones. A majority of all nodes decides all the
// same, so a view may have few members, and a wrong one does no harm. What an
// incarnation broadcasts is delivered only while it is in the view. So abcast's
// promise holds: when a view has a later incarnation of a node, what the earlier one
// broadcast is in the log before the view or never will be. The term with which a
// leader begins is an output of its own: see KindTerm.
//
// # How
//
// Log entries are messages with their ids. A proposal goes to the leader by the
// library's own forwarding, waits in an outbox until it is delivered, and is
// repeated. So an entry may be in the log twice, or before an earlier one of its
// origin; what is delivered is a function of the log alone (see history), hence the
// same at all nodes: the second is skipped, and the early one is held.
//
// The host's state ends with its incarnation, so each incarnation delivers everything.
// Hence a snapshot is the list of all that was ordered. It grows forever, and gives
// the library what it needs snapshots for: a short log in memory, and one message
// that brings a node up to date. A node does not write its own snapshots to disk: the
// disk is shared with the host's other machines and only appended to, so they would
// save nothing there. It does write one that it receives.
//
// Without faults a broadcast costs N syncs and, in messages and delays until the
// last has delivered,
//
//	at the leader  4(N-1)    3
//	elsewhere      4(N-1)+1  4
//
// that is a proposal, the entry, its acknowledgements, the commit index, and the
// library's acknowledgements of that. The leader delivers one delay before the
// others. An election costs 8(N-1) messages, 2N syncs and 7 delays; a member that
// enters or leaves the view costs as much as a broadcast, a tick 2(N-1) messages.
//
// # How to put a library under dessim
//
// Find all that it takes from the world, and have it take that from the machine
// around it. Of this library:
//
//   - Time. It counts calls of Tick. But its follower campaigns after a number of
//     ticks drawn from crypto/rand (resetRandomizedElectionTimeout, etcd-io/raft
//     #50), and Config has no way to replace that. So only a leader ticks here: that
//     sends its heartbeats and counts towards its resignation, which is not
//     randomized; the random number is drawn and never looked at. A follower counts
//     silence itself, then calls ForgetLeader (#78), and after a patience that the
//     Source answers calls Campaign. ForgetLeader is needed because a follower that
//     never ticks would keep the leader's lease forever, and refuse every vote.
//   - Order. It keeps peers in maps, but sorts them before it sends (tracker.Visit,
//     campaign). A test runs everything twice, since Go shuffles maps each time.
//   - Memory. Messages and entries of a Ready alias the library's log (etcd #1683),
//     and it keeps the bytes that it is passed. So Ready is marshalled at once,
//     decoding copies, and the host gets copies.
//   - Durability. Ready asks: entries, hard state and snapshot on disk, then the
//     messages, then apply, then Advance. MustSync forgets the snapshot: it is false
//     for a Ready that only brings one, though the acknowledgement beside it says
//     that the snapshot is safe. A Ready is one record here, since half of it could
//     be a log that no node ever had: see disk.go.
//   - Losses. It must learn what became of a snapshot, or it sends that follower
//     nothing more (etcd #10225). Over datagrams that is unknown; but reporting that
//     it arrived is safe, since the next append finds out. A proposal may vanish
//     anywhere, and two nodes that take each other for the leader would forward it
//     back and forth.
//   - Text. Its logger prints, and its panics should be heard: see quiet. What
//     protobuf prints differs on purpose from build to build, so none of it is
//     shown; the wire has the house's encoding, since no protobuf is canonical.
//   - What is not used: configuration changes, reads, transfer of leadership,
//     storage in other threads.
package raft

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Config says which nodes form a group and how they communicate. All fields are
// required but Snapshot and Changed.
type Config struct {
	// Members are all nodes of the group in ascending order, this one among
	// them. The list is the same at every member. It is shared and never changes, as in
	// abcast.Config.
	Members []protocol.NodeID
	// Datagram is as in abcast.Views.
	Datagram func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)
	// Tick is the least time between a leader's heartbeats: see abcast.NextTick. It
	// should be at least twice the usual delay of a link; if it is less, live leaders
	// are suspected, and nothing worse. All timeouts are counted in ticks.
	Tick time.Duration
	// Snapshot is how many entries are kept behind a snapshot, so that a node that
	// lags by fewer receives those. The next snapshot is made when twice as many
	// have come since the last, and as many as that holds. With 0 there are none,
	// and the log in memory grows.
	Snapshot uint64
	// Deliver takes the next message of the order, as in abcast.Config. Start delivers
	// again what the disk knows to be committed.
	Deliver func(env *protocol.Env, index uint64, m abcast.Message)
	// Changed, which may be nil, is as in abcast.Views.
	Changed func(env *protocol.Env, v abcast.View)
}

func (c *Config) check() {
	if len(c.Members) == 0 {
		panic("raft: config has no members")
	}
	for i, id := range c.Members {
		if id == protocol.Outside {
			panic("raft: config has outside as a member")
		}
		if i > 0 && c.Members[i-1] >= id {
			panic(fmt.Sprintf("raft: config has member %v after %v, want ascending order", id, c.Members[i-1]))
		}
	}
	if c.Datagram == nil {
		panic("raft: config has no Datagram")
	}
	if c.Tick <= 0 {
		panic(fmt.Sprintf("raft: config has a tick of %v, want more than 0", c.Tick))
	}
	if c.Deliver == nil {
		panic("raft: config has no Deliver")
	}
}

// Group is one member's part in a group. It is an abcast.Orderer, whose comments hold
// here; so its component is protocol.ABCAST.
type Group struct {
	cfg   Config
	self  int // place among the members
	last  abcast.MsgID
	node  *etcd.RawNode // nil before Start
	disk  *etcd.MemoryStorage
	hard  *pb.HardState // as last recorded
	stats abcast.Stats

	history history
	applied uint64 // index of the last entry that is in history
	snapped uint64 // index of the last entry that is in a snapshot

	lead     uint64           // the library's name of the leader, or 0, at the end of the last step
	term     uint64           // and its term
	outbox   []abcast.Message // own and not delivered
	proposed int              // how many of them were sent to the leader of this term
	asked    bool             // so was the request to be in the view
	missed   bool             // some are in the log where this incarnation is in no view: they do not count
	waited   int              // ticks since the last proposal, while anything is undelivered
	pause    int              // ticks from a proposal to the next one of the same
	repeats  int              // of proposals, since one was last delivered or the leader changed

	silent   int // ticks since the leader was heard, or since the last campaign
	patience int // ticks of silence without a leader after which this node campaigns
	lost     int // campaigns since a leader was last known

	heard []silence // by place: of the members, towards this leader

	settling bool   // settle is running, so that Deliver may broadcast
	out      []byte // scratch for encoding
}

// New returns a member's part in the group of cfg. It panics if cfg lacks something
// or contradicts itself. It keeps cfg.Members.
func New(cfg Config) *Group {
	cfg.check()
	g := &Group{cfg: cfg, disk: etcd.NewMemoryStorage(), history: newHistory(), heard: make([]silence, len(cfg.Members)), pause: repeatAfter}
	// The configuration is the same at all members from the beginning, so it is never
	// proposed: it comes with an empty snapshot.
	must(g.disk.ApplySnapshot(g.snapshot(0, 0, nil)))
	return g
}

// Restore takes a record that survived on disk.
func (g *Group) Restore(rec []byte) {
	if g.node != nil {
		panic("raft: a record is restored after Start")
	}
	g.restore(rec)
}

// Start begins an incarnation. It delivers all that the disk knows to be committed.
func (g *Group) Start(env *protocol.Env) {
	if g.node != nil {
		panic(fmt.Sprintf("raft: node %v: started twice, want a new Group for each incarnation", env.ID()))
	}
	self, ok := slices.BinarySearch(g.cfg.Members, env.ID())
	if !ok {
		panic(fmt.Sprintf("raft: node %v: not among the members %v", env.ID(), g.cfg.Members))
	}
	g.self = self
	g.last = abcast.MsgID{Node: env.ID(), Incarnation: env.Incarnation()}
	node, err := etcd.NewRawNode(&etcd.Config{
		ID:              toRaft(env.ID()),
		ElectionTick:    resignAfter, // of a leader: the others do not tick
		HeartbeatTick:   1,
		Storage:         g.disk,
		MaxSizePerMsg:   math.MaxUint64,
		MaxInflightMsgs: 256,
		CheckQuorum:     true,
		PreVote:         true,
		Logger:          quiet{},
	})
	must(err)
	g.node = node
	snap, err := g.disk.Snapshot()
	must(err)
	g.settling = true // Deliver may broadcast, but there is no leader yet
	g.install(env, snap)
	g.settling = false
	g.drawPatience(env)
	env.SetTimer(g.cfg.Tick, tagTick)
	g.settle(env)
}

// Broadcast sends payload to all members. What is broadcast while no leader is known
// waits for one.
func (g *Group) Broadcast(env *protocol.Env, payload []byte) abcast.MsgID {
	g.mustRun(env)
	g.last.Seq++
	g.stats.Broadcasts++
	g.outbox = append(g.outbox, abcast.Message{ID: g.last, Payload: bytes.Clone(payload)})
	id := g.last
	g.settle(env)
	return id
}

// Receive consumes a message of another member.
func (g *Group) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	g.mustRun(env)
	place, member := slices.BinarySearch(g.cfg.Members, from)
	if !member || place == g.self {
		g.stats.Foreign++
		return
	}
	m, ok := decodeMessage(msg)
	if !ok {
		g.stats.Malformed++
		return
	}
	g.heard[place] = silence{}
	m.From, m.To = new(toRaft(from)), new(toRaft(env.ID()))
	if m.Snapshot != nil {
		m.Snapshot.Metadata.ConfState = g.voters()
	}
	if m.GetType() == pb.MsgProp && g.node.BasicStatus().RaftState != etcd.StateLeader {
		// Not forwarded: two nodes that take each other for the leader would send
		// it back and forth. Its origin repeats it.
		g.stats.Stray++
		return
	}
	if m.GetType() == pb.MsgHeartbeat && m.GetCommit() > g.lastIndex() {
		// An honest leader's heartbeat commits only what it knows this node to have.
		// The library would take this for a lost log and panic; but a liar must not
		// crash others.
		g.stats.Stray++
		return
	}
	g.step(m)
	g.hear(m)
	g.settle(env)
}

// Timeout consumes a timer with the component protocol.ABCAST.
func (g *Group) Timeout(env *protocol.Env, tag uint64) {
	g.mustRun(env)
	if tag != tagTick {
		panic(fmt.Sprintf("raft: node %v: timer %#x, but a group sets %#x", env.ID(), tag, tagTick))
	}
	g.tick(env)
	env.SetTimer(abcast.NextTick(env, g.cfg.Tick), tagTick)
	g.settle(env)
}

func (g *Group) mustRun(env *protocol.Env) {
	if g.node == nil {
		panic(fmt.Sprintf("raft: node %v: used before Start", env.ID()))
	}
}

// Term returns the current term of Raft, which is 0 before Start.
func (g *Group) Term() uint64 {
	if g.node == nil {
		return 0
	}
	s := g.node.BasicStatus()
	return s.GetTerm()
}

// Leader returns the node that this one takes for the leader of its term, which it may be
// itself, or false.
func (g *Group) Leader() (id protocol.NodeID, known bool) {
	if g.node == nil {
		return 0, false
	}
	lead := g.node.BasicStatus().Lead
	return fromRaft(lead), lead != etcd.None
}

// Pending counts this member's own messages, and those of its log that may yet be
// committed.
func (g *Group) Pending() int {
	n := len(g.outbox)
	for _, e := range g.log(g.applied + 1) {
		if i, ok := decodeItem(e.GetData()); ok && !i.change() && !slices.ContainsFunc(g.outbox, func(o abcast.Message) bool { return o.ID == i.message.ID }) {
			n++
		}
	}
	return n
}

// Delivered returns the number of messages delivered in this incarnation.
func (g *Group) Delivered() uint64 { return g.history.delivered }

// View returns the last view, and whether this incarnation is in it and knows a
// leader: if not, nothing that it broadcasts is ordered until that is so. Number 0
// means none yet.
func (g *Group) View() (v abcast.View, normal bool) {
	return g.view(), g.history.has(g.last.Origin()) && g.node.BasicStatus().Lead != etcd.None
}

func (g *Group) view() abcast.View {
	return abcast.View{Number: g.history.number, Place: g.history.place, Members: g.history.members()}
}

// Stats returns the counts of this incarnation, by abcast's names. Stray also counts
// entries that repeat an earlier one or whose origin is not in the view, Early
// entries held for an earlier one of their origin. Ballots are campaigns, Installed
// views, Excluded silent leaders forgotten and silent members proposed for removal
// from the view, Learned messages that came in a snapshot, Cut entries that another
// leader's replaced, Repeated proposals. Flushed is 0.
func (g *Group) Stats() abcast.Stats {
	s := g.stats
	s.Stray += g.history.repeated
	s.Early += g.history.early
	return s
}

// The library's 0 means no node, so its ids are ours plus one.
func toRaft(id protocol.NodeID) uint64   { return uint64(id) + 1 }
func fromRaft(id uint64) protocol.NodeID { return protocol.NodeID(id - 1) }

// must turns an error that only a mistake of this package can cause into a panic.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("raft: %v", err))
	}
}
