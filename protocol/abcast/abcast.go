// Package abcast is atomic broadcast: every member of a group delivers the same
// messages in one order.
//
// The order is decided by a rule, one of three, over FIFO links between members
// that stay up:
//
//   - ISIS: the agreed priorities of Birman and Joseph, "Reliable Communication in
//     the Presence of Failures" (ACM TOCS 5(1), 1987), section 4, after Skeen.
//   - Lamport: the acknowledged order of "Time, Clocks, and the Ordering of Events
//     in a Distributed System" (CACM 21(7), 1978), as its section on ordering
//     events totally orders requests.
//   - Sequencer: a fixed sequencer numbers what all send to all: "BB" in Défago,
//     Schiper and Urbán, "Total Order Broadcast and Multicast Algorithms" (ACM
//     Computing Surveys 36(4), 2004), section 4.
//
// # Without Views
//
// The plain group is the rule alone. With all members up and over perfect links
// it promises validity (what a member broadcasts is delivered), agreement (what
// one delivers all deliver), integrity (at most once, only what was broadcast),
// total order and prefix order (at any moment the sequences delivered so far are
// prefixes of one sequence). A message follows all that its origin had delivered
// when it broadcast it; it follows the origin's earlier messages too if links are
// FIFO, and otherwise may precede them. The group does not survive failures: while
// a member is down nothing is delivered anywhere, and a member that restarts has
// forgotten what it delivered. A broadcast among N members costs, in messages and
// in delays until the last has delivered:
//
//	ISIS       3(N-1)  3  two delays at the origin
//	Lamport    N(N-1)  2  one at the other member of two
//	Sequencer  2(N-1)  2  one if the sequencer is the origin, and one less at the sequencer
//
// # With Views
//
// The same rules run within views, over links that lose, copy and reorder, and
// the group survives crashes, restarts and partitions. It promises the same to
// all incarnations of all nodes, crashed ones too: uniform agreement, prefix order
// and FIFO. While a majority of all nodes is up and all its nodes hear each other, what
// they broadcast is delivered, whatever the others hear or send; a minority delivers
// nothing new and changes nothing. If several such majorities overlap, one of them goes
// on: what a node broadcasts is delivered if it is in all of them. The group does not
// survive lying nodes, nor a node that restarts without its disk: it would forget what
// others count on.
//
// Each node keeps one durable log of messages and views. Within a view the rule
// says where a message goes; a member writes it there, syncs, and only then
// reports how long its log is (STABLE). What a majority of all nodes reported in
// the same view is stable, and is delivered. A new view takes one ballot: the leader
// picks a number that only it can pick; nodes promise to do nothing more in lower
// views and report their logs; the leader takes
// the log adopted in the highest view, and of those the longest, adds what the
// reporters hold unordered and an entry for the view, and sends that to the nodes
// that promised. Any two majorities share a node, so what was stable in a lower
// view is in the log of every higher one: that is the whole proof. Rules, clocks
// and channels are never logged: they end with their view. A node that restarts is a
// new member.
//
// This is viewstamped replication (Oki and Liskov, PODC 1988; Liskov and Cowling,
// "Viewstamped Replication Revisited", 2012) with the primary replaced by an
// ordering rule: the shape of Birman, Malkhi and van Renesse, "Virtually Synchronous
// Methodology for Dynamic Service Replication" (2010), over a fixed set of nodes.
// Majorities of the last view instead of all nodes would need fewer nodes, but
// after a total failure no node knows which view was the last.
//
// Without faults a broadcast costs N syncs, and in messages and delays:
//
//	ISIS       3(N-1) + N(N-1)  4
//	Lamport    N(N-1) + N(N-1)  3
//	Sequencer  2(N-1) + N(N-1)  3  two if the sequencer is the origin
//
// The second term is the reports. They are cumulative: with Views.Merge one round
// of them, and one sync of each member, covers all that is ordered meanwhile. A
// ballot costs 3(N-1) messages, N(N-1) reports, 2N syncs and 4 delays. N(N-1)
// heartbeats in three ticks detect failures; those that say something new, or acknowledge
// frames, come between them, N(N-1) in a tick at most. One is 37 to 52 bytes among up to 8
// nodes, and a byte longer for each 8 more.
//
// The log grows forever: nothing compacts it (see journal), though a host can discard
// what its disk holds beside it (Checkpoint of the Orderer, if it has one). A ballot sends
// the part of it that the receiver is not sure of in one message.
//
// # Failure detection
//
// That a node is heard does not make it useful: it may hear nobody. So a heartbeat says
// more than that its sender lives. It has a number, and carries, beside the views that the
// sender has promised and adopted and the next frame that it wants of the receiver's,
//
//   - hears: the set of nodes that the sender has heard within the last ticks;
//   - able: whether the sender could lead a view;
//   - follows: the node whose ballots the sender waits for, if any;
//   - asks: whether the receiver is to answer with a heartbeat at once.
//
// A node sends another one a heartbeat at a tick if it says something else than the last one
// to that node; if a message came since then that its sender would not send if it knew what
// that one said, such as a frame again; and else at every third tick. If nothing came from
// the other node for four ticks, a heartbeat is late: until something comes, or the other is
// suspected, the node asks for one at each tick. What it sends to nodes that it suspects or
// never heard asks too: so once one of two hears the other again, both do.
//
// Two nodes are connected, for an observer, if each says that it hears the other. The
// observer knows of itself, and of each node that it hears by its last heartbeat, the one
// with the highest number. From that each node computes, once a tick:
//
//  1. The candidates are the nodes that it is connected with, and itself.
//  2. It is able if there are members for a view: candidates, itself among them, that are
//     all connected with each other, at least a majority of all nodes, so that no other
//     candidate could be added. While some pair is not connected, it leaves out the node
//     that is in most of such pairs, the highest of several, and tries the other way round
//     if that leads to no majority.
//  3. It follows the lowest able node that it is connected with, which may be itself.
//  4. If that is itself, if the view does not have these members, and if all of them
//     follow it or would as soon as they knew, it begins a ballot, which asks these members
//     and no others. If some of them go on to follow another node, it does without them.
//
// The lowest able node is followed by all that it is connected with, so none of its
// members blocks it. Any two majorities share a node, and that follows one leader: so two
// able nodes that are not connected with each other do not duel. A node that is not
// asked takes no part: neither its promises nor its silence stop the others. A ballot is
// closed when all that it asks have answered, or after a while if a majority has.
//
// A node that drops out of the view of an observer may come back after a pause: one tick
// after the first time, then 2, 4, up to 32 ticks. After 128 ticks without dropping out that
// is forgotten. The observer neither wants the node as a member nor follows it meanwhile,
// unless there is no majority without it. So a link that flaps for ever causes two
// ballots in 32 ticks or fewer, and its nodes still catch up in between.
//
// All of that is about progress alone: whoever leads, and whoever is asked, a view needs
// promises of a majority, and so does stability.
//
// A node is suspected after five to six ticks of silence. A tick is up to a quarter
// longer than Views.Tick, by an answer: else a link that fails once a tick could hit each
// heartbeat of a node. So a crash is noticed within 7.4 times Views.Tick of the last message
// that came, and a crash of the leader is followed by a ballot about a tick later, when the
// others have said whom they follow now. If links take half a tick at most, no live node
// is suspected unless three losses come together: of a heartbeat, and twice of a question or
// its answer.
package abcast

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/words"
)

// MsgID names a message for all time.
type MsgID struct {
	Node        protocol.NodeID // the node that broadcast it
	Incarnation uint32          // and in which incarnation, from 1
	Seq         uint64          // counts the broadcasts of that incarnation, from 1
}

// Compare orders ids by node, incarnation and seq: -1, 0 or 1.
func (a MsgID) Compare(b MsgID) int {
	return cmp.Or(
		cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Incarnation, b.Incarnation),
		cmp.Compare(a.Seq, b.Seq),
	)
}

// Origin returns the incarnation that broadcast the message.
func (a MsgID) Origin() Member { return Member{a.Node, a.Incarnation} }

// String returns node/incarnation/seq.
func (a MsgID) String() string { return string(a.append(make([]byte, 0, 32))) }

func (a MsgID) append(b []byte) words.Row {
	return a.Origin().append(b).Str("/").Uint(a.Seq)
}

// Message is what a member broadcasts and all members deliver.
type Message struct {
	ID      MsgID
	Payload []byte
}

// Order names the rule by which a group orders its messages. The zero Order is
// invalid: New refuses it.
type Order uint8

// The orders.
const (
	ISIS      Order = iota + 1 // agreed priorities
	Lamport                    // acknowledgements by all to all
	Sequencer                  // the lowest member numbers what all send
)

var orderNames = [...]string{ISIS: "isis", Lamport: "lamport", Sequencer: "sequencer"}

// Orders returns all orders.
func Orders() []Order { return []Order{ISIS, Lamport, Sequencer} }

// FIFO reports whether the order needs FIFO links: between two members, what is
// sent first arrives first. Without them members may deliver in different orders.
func (o Order) FIFO() bool { return o != ISIS }

// String returns the name that ParseOrder takes.
func (o Order) String() string {
	if o.known() {
		return orderNames[o]
	}
	return fmt.Sprintf("order(%d)", uint8(o))
}

func (o Order) known() bool { return 0 < o && int(o) < len(orderNames) }

// ParseOrder returns the order of that name, or an error that lists the names.
func ParseOrder(name string) (Order, error) {
	known := orderNames[1:]
	if i := slices.Index(known, name); i >= 0 {
		return Order(i + 1), nil
	}
	return 0, fmt.Errorf("abcast: unknown order %q, want one of %q", name, known)
}

// Config says which nodes form a group and how they communicate. All fields are
// required but Views, which may be nil, and Send, which is not used with Views.
type Config struct {
	// Members are all nodes of the group in ascending order, this one among
	// them. The list is the same at every member and never changes, so all of them
	// should share one slice: n copies would take n^2 words. New keeps it; nobody may
	// write to it as long as a member exists.
	Members []protocol.NodeID
	// Order is the rule, the same at every member.
	Order Order
	// Send sends over a perfect link: what is sent arrives, once, and if Order
	// needs FIFO, in the order of sending. msg is borrowed: it is valid until
	// Send returns.
	Send func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)
	// Deliver takes the next message of the order. index is its place, from 0
	// without gaps in each incarnation: with Views, Start delivers again what the
	// log knows to be stable. An index stands for the same message at all nodes
	// and in all incarnations. The payload belongs to Deliver from then on.
	// Deliver may call Broadcast: calls of Deliver never nest.
	Deliver func(env *protocol.Env, index uint64, m Message)
	// Views, if not nil, makes the group survive failures.
	Views *Views
}

func (c *Config) check() {
	if len(c.Members) == 0 {
		panic("abcast: config has no members")
	}
	for i, id := range c.Members {
		if id == protocol.Outside {
			panic("abcast: config has outside as a member")
		}
		if i > 0 && c.Members[i-1] >= id {
			panic(fmt.Sprintf("abcast: config has member %v after %v, want ascending order", id, c.Members[i-1]))
		}
	}
	if !c.Order.known() {
		panic(fmt.Sprintf("abcast: config has %v, want one of %q", c.Order, orderNames[1:]))
	}
	if c.Views != nil {
		c.Views.check()
	} else if c.Send == nil {
		panic("abcast: config has no Send")
	}
	if c.Deliver == nil {
		panic("abcast: config has no Deliver")
	}
}

// Stats counts what a member dropped or kept for later since its Start, and what
// became of its views.
type Stats struct {
	Malformed uint64 // dropped: not the canonical encoding of any message of the rule
	Foreign   uint64 // dropped: not from another member, or about a message of a third one
	Stray     uint64 // dropped: a repetition, an unexpected proposal, or a place out of turn
	Early     uint64 // kept: agreed stamps and places that came before their message

	// The other counts are of groups with Views. There Stray also counts messages
	// of another view or ballot.
	Broadcasts uint64 // by this node
	Ballots    uint64 // begun by this node
	Installed  uint64 // views
	Excluded   uint64 // views left because a majority went on without this node
	Learned    uint64 // entries that this node's log lacked when a view began
	Cut        uint64 // entries of its log that no majority had and the new view did not keep
	Flushed    uint64 // messages that no rule had ordered and a ballot of this node did
	Repeated   uint64 // frames sent again
	Torn       uint64 // records on disk that were not whole
	Gaps       uint64 // records on disk whose predecessor had not survived
	Clamped    uint64 // 1 if the disk says that more is stable than it holds
}

// An Orderer is one member's part in a group. It is a component, not a Node: its
// host passes it all messages, timers and records of the component protocol.ABCAST.
// It serves one incarnation; the host makes a new one for the next. Another protocol
// that keeps the promises of a group with Views can take its place.
type Orderer interface {
	// Restore takes a record that survived on disk with the byte
	// protocol.ABCAST: each of them, oldest first, before Start. rec is borrowed.
	// A record that a crash tore counts as none. Without Views there are no
	// records, and Restore panics.
	Restore(rec []byte)
	// Start begins the member env.ID. It is called once.
	Start(env *protocol.Env)
	// Broadcast sends payload, which it copies, to all members, this one among
	// them, and returns the message's id. In a group of one it is delivered before
	// Broadcast returns, unless Deliver called it or, with Views, there is no view
	// yet. With Views it may be called at any time: what is broadcast while the
	// node is in no view waits for one. A crash of the node may lose a message
	// that is not delivered anywhere.
	Broadcast(env *protocol.Env, payload []byte) MsgID
	// Receive consumes a message of another member. msg is whole, with its
	// component byte, and borrowed. What no member would send is dropped and
	// counted: see Stats.
	Receive(env *protocol.Env, from protocol.NodeID, msg []byte)
	// Timeout consumes a timer with the component protocol.ABCAST. Without Views
	// a group sets no timers, and Timeout panics.
	Timeout(env *protocol.Env, tag uint64)
	// Pending returns the number of messages that this member holds and has not
	// delivered. When a group is quiet it is 0 at every member.
	Pending() int
	// Delivered returns the number of messages delivered in this incarnation.
	Delivered() uint64
	// View returns the view that this node is in or was in last, and whether it
	// is in it: if not, nothing is ordered here until the next view. Number 0
	// means none yet. Without Views there never is one.
	View() (v View, normal bool)
	// Stats returns the counts of this incarnation.
	Stats() Stats
	// Describe appends the state to b by the convention of protocol.Describer.
	Describe(b []byte) []byte
}

// New returns a member's part in the group of cfg. It panics if cfg lacks something
// or contradicts itself. It keeps cfg.Members and copies cfg.Views.
func New(cfg Config) Orderer {
	cfg.check()
	if cfg.Views == nil {
		return &plain{cfg: cfg}
	}
	views := *cfg.Views
	cfg.Views = &views
	return newMembership(cfg)
}

// place returns the place of env's node among the members. It panics if the node
// is not a member or was started before.
func (c *Config) place(env *protocol.Env, started bool) int {
	if started {
		panic(fmt.Sprintf("abcast: node %v: started twice, want a new Orderer for each incarnation", env.ID()))
	}
	self, ok := slices.BinarySearch(c.Members, env.ID())
	if !ok {
		panic(fmt.Sprintf("abcast: node %v: not among the members %v", env.ID(), c.Members))
	}
	return self
}

func mustRun(env *protocol.Env, started bool) {
	if !started {
		panic(fmt.Sprintf("abcast: node %v: used before Start", env.ID()))
	}
}
