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
// What abcast promises under Views: every life of every node delivers a prefix of
// one sequence, each message once and only if broadcast, those of one life in the
// order of their broadcast; links may lose, copy and reorder, nodes crash and come
// back with their disks. While a majority is up that hears each other, the leader
// among it, what its members broadcast is delivered; a minority delivers nothing new.
// (A leader whom a majority hears, and who does not hear them all, keeps its place:
// what those broadcast whom it does not hear waits.) It does not
// survive a lost disk, nor lies: where the library sees that it was lied to, it
// panics.
//
// The library knows neither views nor lives, which are this package's own. Views are
// entries of the log: each life asks the leader to be taken into the view, and the
// leader takes out who is silent. A majority of the log decides all the same, so a
// view may have few members, and a wrong one does no harm. What a life broadcasts is
// delivered only while it is in the view. So abcast's promise holds: when a view has
// a later life of a node, what the earlier one broadcast is in the log before it or
// never will be. A term, with which a leader begins, is told beside it: see KindTerm.
//
// # How
//
// Log entries are messages with their ids. A proposal goes to the leader by the
// library's own forwarding, waits in an outbox until it is delivered, and is
// repeated. So an entry may be in the log twice, or before an earlier one of its
// life; what is delivered is a function of the log alone (see history), hence the
// same at all nodes: the second is passed over, and the early one is held.
//
// The host's state dies with its life, so it is delivered everything in each. Hence
// a snapshot is the list of all that was ordered. It grows for ever, and gives the
// library what it wants of snapshots: a short log in memory, and one message that
// brings a node up to date. One's own is not written to disk: the disk is shared
// with the host's other machines and only appended to, so it would save nothing
// there. One that is received is.
//
// On a quiet day a broadcast costs N syncs and, in messages and delays until the
// last has delivered,
//
//	at the leader  4(N-1)    3
//	elsewhere      4(N-1)+1  4
//
// that is a proposal, the entry, its acknowledgements, the commit index, and
// the library's acknowledgements of that. The leader delivers one delay before the
// others. An election costs 8(N-1) messages, 2N syncs and 7 delays, a life that comes
// into the view or leaves it as much as a broadcast, a tick 2(N-1) messages.
//
// # How to put a library under dessim
//
// Find all that it takes from the world, and see that it takes that from the
// machine around it. Of this library:
//
//   - Time. It counts calls of Tick. But its follower campaigns after a number of
//     ticks drawn from crypto/rand (resetRandomizedElectionTimeout, etcd-io/raft
//     #50), and Config has no way to replace that. So only a leader ticks here: that
//     beats its heart and counts towards its resignation, which is not randomized;
//     the random number is drawn and never looked at. A follower counts silence by
//     itself, then calls ForgetLeader (#78), and after a patience that is an answer
//     of the source Campaign. ForgetLeader is needed because a follower that never
//     ticks would keep the leader's lease for ever, and refuse every vote.
//   - Order. It keeps peers in maps, but sorts them before it sends (tracker.Visit,
//     campaign). A test runs everything twice, as it must: maps are shuffled anew.
//   - Memory. Messages and entries of a Ready alias the library's log (etcd #1683),
//     and bytes given to it are kept. All is marshalled the moment that Ready hands
//     it over, decoding copies, and the host is given copies.
//   - Durability. Ready asks: entries, hard state and snapshot on disk, then the
//     messages, then apply, then Advance. MustSync forgets the snapshot: it is false
//     of a Ready that only brings one, though the acknowledgement beside it says
//     that it is safe. A Ready is one record here, since half of it could be a log
//     that nobody ever had: see disk.go.
//   - Losses. It must be told what became of a snapshot, or sends that follower
//     nothing more (etcd #10225). Nobody knows, over datagrams; but to say that it
//     arrived is safe, since the next append finds out. A proposal may vanish
//     anywhere, and two nodes that take each other for the leader would forward it
//     to and fro.
//   - Words. Its logger prints and its panics should be heard: see quiet. What
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

// Config says who forms a group and how it speaks. All is required but Snapshot
// and Changed.
type Config struct {
	// Members are all nodes of the group in ascending order, the one that runs
	// the Group among them. Every member is given the same list.
	Members []protocol.NodeID
	// Datagram sends over a link that may lose, copy, delay and reorder. msg is
	// borrowed: it is valid until Datagram returns. It may be as long as the log
	// that the receiver lacks.
	Datagram func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)
	// Tick is the time between a leader's heartbeats. It should be at least
	// twice the delay of a link on a good day; if it is less, leaders are suspected
	// in vain, and nothing worse. All patience is counted in ticks.
	Tick time.Duration
	// Snapshot is how many entries are kept behind a snapshot, so that who lags by
	// fewer is sent those. The next one is made when twice as many have come since the
	// last, and as many as that holds. 0 makes none: then the log in memory grows.
	Snapshot uint64
	// Deliver takes the next message of the order. index is its place, from 0
	// without gaps, in each life anew: a node that comes back is first delivered
	// again what its disk knows to be committed, within Start. The payload belongs
	// to Deliver from then on. Deliver may call Broadcast: the calls of Deliver and
	// Changed never nest.
	Deliver func(env *protocol.Env, index uint64, m abcast.Message)
	// Changed, which may be nil, is told of each view at its place in the order.
	// Like Deliver it may call Broadcast.
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

// Group is one member's part in a group. It is a component, not a Node: its
// host hands it what bears the byte protocol.ABCAST, since it takes the place of
// an abcast.Orderer. A Group serves one life; the host makes a new one for the next.
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
	proposed int              // how many of them the leader of this term was sent
	asked    bool             // it was sent the wish to be in the view
	missed   bool             // some stand in the log where this life is in no view, so in vain
	waited   int              // ticks since then

	silent   int // ticks since the leader was heard, or since the last campaign
	patience int // ticks of silence without a leader after which this node campaigns

	heard []int // by place: ticks since this leader heard of that member

	settling bool   // settle is under way, so that Deliver may broadcast
	out      []byte // scratch for encoding
}

// New makes a Group that Start brings to life. It panics if cfg lacks something
// or contradicts itself. It copies cfg.Members.
func New(cfg Config) *Group {
	cfg.check()
	cfg.Members = slices.Clone(cfg.Members)
	g := &Group{cfg: cfg, disk: etcd.NewMemoryStorage(), history: newHistory(), heard: make([]int, len(cfg.Members))}
	// The configuration is the same at all members from the beginning, so nobody
	// proposes it: it comes with a snapshot of nothing.
	must(g.disk.ApplySnapshot(g.snapshot(0, 0, nil)))
	return g
}

// Restore takes a record that survived on disk with the byte protocol.ABCAST:
// each of them, oldest first, before Start. rec is borrowed. A record of which
// a crash left a part is treated as none and counted.
func (g *Group) Restore(rec []byte) {
	if g.node != nil {
		panic("raft: a record is restored after Start")
	}
	g.restore(rec)
}

// Start begins a life. Deliver is called for all that the disk knows to be
// committed.
func (g *Group) Start(env *protocol.Env) {
	if g.node != nil {
		panic(fmt.Sprintf("raft: node %v: started twice, want a new Group for each life", env.ID()))
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

// Broadcast sends payload, which it copies, to all members, this one among
// them, and gives the message's id. A leader of a group of one delivers it before
// Broadcast returns, unless Deliver is what called it. What is broadcast while no
// leader is known waits for one. A crash of the node may lose a message that is
// not delivered anywhere.
func (g *Group) Broadcast(env *protocol.Env, payload []byte) abcast.MsgID {
	g.mustRun(env)
	g.last.Seq++
	g.outbox = append(g.outbox, abcast.Message{ID: g.last, Payload: bytes.Clone(payload)})
	id := g.last
	g.settle(env)
	return id
}

// Receive consumes a message of another member. msg is whole, with its component
// byte, and borrowed. What is not a message that a member would send is dropped
// and counted: see Stats.
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
	g.heard[place] = 0
	m.From, m.To = new(toRaft(from)), new(toRaft(env.ID()))
	if m.Snapshot != nil {
		m.Snapshot.Metadata.ConfState = g.voters()
	}
	if m.GetType() == pb.MsgProp && g.node.BasicStatus().RaftState != etcd.StateLeader {
		// Not passed on: two who take each other for the leader would send it to
		// and fro. Its origin repeats it.
		g.stats.Stray++
		return
	}
	if m.GetType() == pb.MsgHeartbeat && m.GetCommit() > g.lastIndex() {
		// A leader says what it knows this node to have. The library halts at what it
		// takes for a log that was lost; but a liar is not to halt others.
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
	env.SetTimer(g.cfg.Tick, tagTick)
	g.settle(env)
}

func (g *Group) mustRun(env *protocol.Env) {
	if g.node == nil {
		panic(fmt.Sprintf("raft: node %v: used before Start", env.ID()))
	}
}

// Pending gives the number of messages that this member holds and has not
// delivered: its own, and those of its log that may be committed yet. When a group
// is quiet it is 0 at every member.
func (g *Group) Pending() int {
	n := len(g.outbox)
	for _, e := range g.log(g.applied + 1) {
		if i, ok := decodeItem(e.GetData()); ok && !i.change() && !slices.ContainsFunc(g.outbox, func(o abcast.Message) bool { return o.ID == i.message.ID }) {
			n++
		}
	}
	return n
}

// Delivered gives the number of messages delivered in this life.
func (g *Group) Delivered() uint64 { return g.history.delivered }

// View gives the last view at its place in the order, and whether this life is in it
// and knows a leader: if not, nothing of it is ordered until that is so. Number 0 is
// none yet.
func (g *Group) View() (v abcast.View, normal bool) {
	return g.view(), g.history.has(g.last.Origin()) && g.node.BasicStatus().Lead != etcd.None
}

func (g *Group) view() abcast.View {
	return abcast.View{Number: g.history.number, Place: g.history.place, Members: g.history.members()}
}

// Stats gives the counts of this life, by abcast's names: Stray are also entries
// that repeat one before them or are of a life that is in no view, Early those held
// for an earlier one of their life; Ballots are campaigns, Installed views, Excluded
// leaders forgotten for their silence and members that a leader wanted out of the
// view for theirs, Learned messages that came in a snapshot, Cut entries that another
// leader's replaced, Repeated proposals. Flushed is 0.
func (g *Group) Stats() abcast.Stats {
	s := g.stats
	s.Stray += g.history.repeated
	s.Early += g.history.early
	return s
}

// Describe appends the state to b as lines of text and returns it.
func (g *Group) Describe(b []byte) []byte {
	b = fmt.Appendf(b, "raft: %d members, %d delivered", len(g.cfg.Members), g.Delivered())
	if g.node == nil {
		return append(b, '\n')
	}
	s := g.node.BasicStatus()
	role := "looks for a leader"
	switch {
	case s.RaftState == etcd.StateLeader:
		role = "leads"
	case s.Lead != etcd.None:
		role = fmt.Sprintf("follows %v", fromRaft(s.Lead))
	}
	first, err := g.disk.FirstIndex()
	must(err)
	b = fmt.Appendf(b, ", %d pending\n  life %d, term %d, %s, silence of %d ticks\n", g.Pending(), g.last.Incarnation, s.GetTerm(), role, g.silent)
	return fmt.Appendf(b, "  log from %d to %d, %d committed, %d applied, %d in the outbox\n",
		first, g.lastIndex(), s.GetCommit(), g.applied, len(g.outbox))
}

// The library's 0 is nobody, so its ids are ours and one.
func toRaft(id protocol.NodeID) uint64   { return uint64(id) + 1 }
func fromRaft(id uint64) protocol.NodeID { return protocol.NodeID(id - 1) }

// must turns an error that only a mistake of this package can cause into a panic.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("raft: %v", err))
	}
}
