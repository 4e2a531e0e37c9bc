// Package peer is the node of the distributed ledger: it joins a Kademlia network
// through a node that it knows, agrees on transfers by two-phase commit, spreads
// and orders them, and keeps the ledger that follows from the order. It composes
// the machines of its sister packages; a Client asks it for transfers.
//
// The course of a transfer:
//
//	client    REQUEST to the sender
//	sender    finds receiver and witness in the DHT, reserves coins, coordinates
//	          two-phase commit; every yes carries an endorsement (signature)
//	sender    having committed, broadcasts the transaction's id in total order and
//	          floods its body; replies to the client: committed
//	all       verify form, amounts and signatures before they pass a body on, with
//	          the endorsers' keys from the DHT; at its place in the order judge it
//	          against their own ledger and apply or refuse it
//	sender    replies to the client: accepted, or refused
//
// A node whose order has reached a transaction that it lacks waits, and fetches
// the body from the sender, then from others.
//
// It promises that all nodes' ledgers are prefixes of one sequence, that nothing
// unverified is passed on or listed, and that value is conserved. With
// Config.Survive that holds whatever nodes crash and restart, and while a majority
// of them is up and connected, what commits is accepted. Without it, which is
// cheaper, it holds while no node fails.
//
// A node that restarts keeps what it had forced to disk: the order is rebuilt from
// its log (see package abcast), the ledger by applying that order again, and what
// two-phase commit had promised stands. Then it joins the DHT again, through another
// node if it was the first.
//
// The ledger grows for ever, and so does what a node needs to apply its order again:
// with Config.Survive the order's log, the bodies and the commits on disk and in memory;
// and in either case the answers to the clients whose transfers it carried out, so that
// none is carried out twice. Everything else is bounded by what is under way. On disk
// there is at most about twice what matters, if the order is package abcast's.
package peer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/backoff"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/twopc"
)

// Config is the configuration of a Node. Nodes share Members, Genesis and Verifier and
// change none of them; only the Verifier changes by itself, and affects no outcome.
type Config struct {
	Members  []protocol.NodeID // all nodes of the ledger, ascending; shared
	First    protocol.NodeID   // the node through which the others join
	Book     protocol.Book
	Key      ledger.Key
	Genesis  *ledger.Genesis
	Verifier *ledger.Verifier // memory of verified signatures; may be nil
	Order    abcast.Order
	// Group, if not nil, makes the order instead of abcast.New, as raft.New does. Its
	// config has Views, with Survive or without.
	Group  func(abcast.Config) abcast.Orderer
	Secret uint64 // RPC ids and tokens derive from it
	// K and Alpha are those of the DHT; 0 is as in kademlia.Defaults.
	K, Alpha int
	// Delay is the longest usual travel time of a message: timeouts are
	// multiples of it.
	Delay time.Duration
	// Settle is how long after its start a node that has joined publishes its key and
	// chooses its neighbours. By then the others have joined, too.
	Settle time.Duration
	// Tries is how often an RPC of the DHT is sent before its receiver counts as
	// failed: 1 to 100. Where messages are lost it must outlast the losses.
	Tries int
	// Survive makes the node keep on disk what it needs to restart after a crash, and
	// order through views (see package abcast). It is the same for all members.
	// Without it the order stops while any of them is down.
	Survive bool
	// Compact is how likely the node discards what is over at the end of a step that
	// persists something, though its disk is short; so short runs test what long ones need.
	Compact protocol.Ratio
	// Ended is how many records of what is over are kept at least before any are discarded;
	// 0 is more than a short run has.
	Ended int
	// Waiting bounds the bodies that wait for keys, and Open the requests that wait; 0 is more
	// than a short run has.
	Waiting, Open int
	// Remember is twopc.Config.Remember; 0 is more than a short run has.
	Remember int
	// Leaf is gossip.Config.Leaf.
	Leaf int
	// Abort returns the probability with which this node votes abort at random; nil
	// means never.
	Abort func(id twopc.ID) protocol.Ratio
	// Heard, if not nil, sees each message that the node's link hands up, before the node
	// does: for checks. It must only read.
	Heard func(env *protocol.Env, from protocol.NodeID, msg []byte)
}

// The timeouts, as multiples of Config.Delay.
const (
	repairDelays   = 25
	fetchDelays    = 6  // FetchAgain
	keyDelays      = 10 // KeyAgain and PutAgain
	voteDelays     = 300
	askDelays      = 400
	tickDelays     = 10  // of the order's views
	resettleDelays = 30  // for Config.Settle after a crash
	refreshDelays  = 300 // Refresh
)

// The rules for what a Node does again.
var (
	// FetchAgain is for asking for the body at the head of the order, of one member
	// after the other: pauses grow with each round of all, until it has come.
	FetchAgain = backoff.Rule{Kind: protocol.KindOf("fetch.again"), Doublings: 4, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	// KeyAgain is for looking for keys that were not found, until none is missing.
	// A key that is found begins it anew, and a neighbour's hello.
	KeyAgain = backoff.Rule{Kind: protocol.KindOf("key.again"), Doublings: 6, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	// PutAgain is for putting the own key in the DHT, until some node keeps it. A
	// neighbour's hello begins it anew.
	PutAgain = backoff.Rule{Kind: protocol.KindOf("put.again"), Doublings: 5, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	// Refresh is for renewing the routing table, for ever, with Config.Survive. One after
	// which there are more contacts, or fewer, begins it anew.
	Refresh = backoff.Rule{Kind: protocol.KindOf("dht.refresh"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}
)

// patience returns for how long two-phase commit waits for votes and for decisions.
// While no node crashes only lost messages delay them, and should cost no attempt.
// Where nodes crash, waiting long means blocking.
func (c *Config) patience() (vote, ask time.Duration) {
	if c.Survive {
		return 60 * c.Delay, 80 * c.Delay
	}
	return voteDelays * c.Delay, askDelays * c.Delay
}

// Node is one node of the ledger: a protocol.Node.
type Node struct {
	cfg   Config
	self  ledger.Owner
	dht   *kademlia.DHT
	link  *link.Link
	flood *gossip.Gossip
	vote  *twopc.Manager
	order abcast.Orderer
	state *ledger.State

	joined     bool
	settled    bool
	neighbours []protocol.NodeID // ascending
	turn       int               // the other member that the last refresh was for
	contacts   int               // in the DHT, after it
	idle       int               // refreshes since the last one that changed their number
	puts       int               // pauses since the own key was last kept, for PutAgain
	view       uint64            // number of the last view
	members    []protocol.NodeID // of the last view, ascending; nil without Config.Survive
	keys       keyring
	bodies     bodies
	queue      queue
	out        transfers
	scratch    []byte
	records    int // on disk, with Config.Survive
	ended      int // records of what is over that are not worth discarding
	stats      Stats
}

// Stats counts what a Node or Client rejected in this incarnation, and what it had to
// fetch. A Client counts Malformed and Late.
type Stats struct {
	Malformed  uint64 // messages that are not canonical, or come the wrong way, for any machine
	Torn       uint64 // records of this package that a crash damaged
	Corrupt    uint64 // messages and records whose checksum is wrong, of any machine
	Late       uint64 // requests for known attempts, and replies about those that are over
	Forged     uint64 // bodies refused and not passed on
	Overflowed uint64 // bodies not passed on because too many wait for keys
	Fetched    uint64 // bodies that the flood had not brought by their place in the order
}

// New makes the Node of a fresh incarnation. It panics if cfg is not complete.
func New(cfg Config) *Node {
	switch {
	case len(cfg.Members) == 0 || cfg.Book == nil || cfg.Genesis == nil || cfg.Key == (ledger.Key{}):
		panic("peer: config lacks members, book, genesis or key")
	case cfg.Delay < 1 || cfg.Settle < 1:
		panic(fmt.Sprintf("peer: config has delay %v and settle %v, want more than 0", cfg.Delay, cfg.Settle))
	}
	n := &Node{cfg: cfg, self: cfg.Key.Owner(), state: ledger.NewState(cfg.Genesis), ended: cmp.Or(cfg.Ended, endedRecords)}
	d := cfg.Delay
	k := kademlia.Defaults(kademlia.ID(n.self), cfg.Book, cfg.Secret)
	k.Timeout, k.Tries, k.Pause = d*5/2, cfg.Tries, 4*d
	k.K, k.Alpha = cmp.Or(cfg.K, k.K), cmp.Or(cfg.Alpha, k.Alpha)
	n.dht = kademlia.New(k)
	n.link = link.New(link.Config{
		Retry:   Retry(d),
		Window:  link.MaxWindow,
		FIFO:    cfg.Order.FIFO() && !cfg.views(), // views have channels of their own
		Deliver: n.deliver,
		Reset:   func(env *protocol.Env, peer protocol.NodeID) { n.vote.Returned(env, peer) },
	})
	n.flood = gossip.New(gossip.Config{
		Neighbours: func() []protocol.NodeID { return n.neighbours },
		Check:      n.checkBody,
		Deliver:    n.flooded,
		Repair:     repairDelays * d,
		Memory:     maxBodies,
		Waiting:    maxWaiting,
		Leaf:       cfg.Leaf,
	})
	vote, ask := cfg.patience()
	var discard *twopc.Discard
	if !cfg.views() { // then the disk has nothing else
		discard = &twopc.Discard{Records: n.ended}
	}
	n.vote = twopc.New(twopc.Config{
		Send:        n.link.Send,
		VoteTimeout: vote,
		AskAfter:    ask,
		Remember:    cmp.Or(cfg.Remember, maxBodies),
		Discard:     discard,
		Abort:       cfg.Abort,
		Inspect:     n.inspect,
		Decided:     n.decided,
	})
	n.order = n.newOrder()
	n.keys.init(n.self, cfg.Key.Public())
	n.bodies.init()
	n.out.init()
	return n
}

// maxBodies bounds the transactions that are remembered or under way.
const maxBodies = 1 << 20

// Start begins an incarnation and joins the network.
func (n *Node) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		n.records++
		n.fold(rec)
	}
	n.link.Start(env)
	n.dht.Start(env)
	n.flood.Start(env)
	n.order.Start(env)
	n.vote.Start(env)
	env.SetTimer(n.settleAfter(env), protocol.Peer.Tag(timerSettle))
	if n.cfg.Survive {
		n.awaitRefresh(env)
	}
	n.join(env)
	n.tidy(env)
}

// fold hands a record that survived to the machine that wrote it.
func (n *Node) fold(rec []byte) {
	if len(rec) == 0 {
		n.stats.Torn++
		return
	}
	switch protocol.Component(rec[0]) {
	case protocol.TwoPC:
		n.vote.Restore(rec)
	case protocol.ABCAST:
		n.order.Restore(rec)
	case protocol.Peer:
		n.restore(rec)
	default:
		n.stats.Torn++
	}
}

// Receive consumes a message or an input.
func (n *Node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if len(msg) == 0 {
		n.stats.Malformed++
		return
	}
	switch {
	case from == protocol.Outside:
		n.input(env, msg) // the machines would answer Outside
	case msg[0] == 'd':
		n.dht.Receive(env, from, msg)
	case protocol.Component(msg[0]) == protocol.Link:
		n.link.Receive(env, from, msg)
	case protocol.Component(msg[0]) == protocol.Gossip:
		n.flood.Receive(env, from, msg)
	case protocol.Component(msg[0]) == protocol.ABCAST:
		n.receiveDatagram(env, from, msg)
	default:
		n.stats.Malformed++
	}
	n.tidy(env)
}

// deliver consumes what the link delivers.
func (n *Node) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if n.cfg.Heard != nil {
		n.cfg.Heard(env, from, msg)
	}
	if len(msg) == 0 {
		n.stats.Malformed++
		return
	}
	switch protocol.Component(msg[0]) {
	case protocol.TwoPC:
		n.vote.Receive(env, from, msg)
	case protocol.ABCAST:
		n.order.Receive(env, from, msg)
	case protocol.Peer:
		n.receive(env, from, msg)
	default:
		n.stats.Malformed++
	}
}

// Timers of this component.
const (
	timerSettle = iota
	timerFetch
	timerKeys
	timerPut
	timerRefresh = protocol.Periodic | iota
)

// Timeout consumes a timer.
func (n *Node) Timeout(env *protocol.Env, tag uint64) {
	switch c, t := protocol.SplitTag(tag); c {
	case protocol.Kademlia:
		n.dht.Timeout(env, tag)
	case protocol.Link:
		n.link.Timeout(env, tag)
	case protocol.Gossip:
		n.flood.Timeout(env, tag)
	case protocol.TwoPC:
		n.vote.Timeout(env, tag)
	case protocol.ABCAST:
		n.order.Timeout(env, tag)
	case protocol.Peer:
		switch t {
		case timerSettle:
			n.settle(env)
		case timerFetch:
			n.fetch(env)
		case timerKeys:
			n.retryKeys(env)
		case timerPut:
			n.putKey(env)
		case timerRefresh:
			n.refresh(env)
		}
	}
	n.tidy(env)
}

// send sends a message of this component over the link.
func (n *Node) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, m message) {
	n.scratch = m.append(n.scratch[:0])
	n.link.Send(env, to, kind, n.scratch)
}

// Joined reports whether the node is part of the network and has published its
// key.
func (n *Node) Joined() bool { return n.joined && n.settled }

// Body returns the bytes of a transaction, by wtxid, if the node has them.
func (n *Node) Body(id ledger.ID) ([]byte, bool) { return n.body(id) }

// Retry returns the time after which a node's link first sends again, where the longest usual
// delay is given.
func Retry(delay time.Duration) time.Duration { return delay * 5 / 2 }

// Ledger returns the node's ledger, to be read.
func (n *Node) Ledger() *ledger.State { return n.state }

// DHT returns the node's part of the hash table, to be read.
func (n *Node) DHT() *kademlia.DHT { return n.dht }

// Flood returns the node's part in the floods of bodies, to be read.
func (n *Node) Flood() *gossip.Gossip { return n.flood }

// View returns the last view of the order: its number, which is 0 at first, and its members.
// There is none without Config.Survive.
func (n *Node) View() (number uint64, members []protocol.NodeID) {
	return n.view, slices.Clone(n.members)
}

// Term returns the term of an order that has terms, as package raft's, or 0.
func (n *Node) Term() uint64 {
	if o, ok := n.order.(interface{ Term() uint64 }); ok {
		return o.Term()
	}
	return 0
}

// Leader returns the node that this one takes for the leader of an order that has terms, or
// false.
func (n *Node) Leader() (id protocol.NodeID, known bool) {
	if o, ok := n.order.(interface {
		Leader() (protocol.NodeID, bool)
	}); ok {
		return o.Leader()
	}
	return 0, false
}

// Outcome returns how a client's transfer from this node ended: Committed, Accepted or
// Refused. ok is false if it has not committed, as far as this node knows.
func (n *Node) Outcome(client protocol.NodeID, transfer uint64) (o Outcome, ok bool) {
	a, ok := n.out.done[transferID{client, transfer}]
	return a.outcome, ok
}

// Degree returns the number of neighbours to which bodies are passed on.
func (n *Node) Degree() int { return len(n.neighbours) }

// Neighbours returns the nodes to which bodies are passed on, ascending. The slice is the node's.
func (n *Node) Neighbours() []protocol.NodeID { return n.neighbours }

// Reservations returns the number of outputs that open transactions hold here.
func (n *Node) Reservations() int { return n.vote.Reservations() }

// Holder returns the open transaction for which an output is reserved here. The output is
// named as in the votes of package twopc: its txid, and its index in four bytes.
func (n *Node) Holder(key []byte) (id twopc.ID, ok bool) { return n.vote.Holder(key) }

// Promised returns the transaction, by its txid, to which an output is promised here from when
// it is begun or commits until its place in the order.
func (n *Node) Promised(p ledger.Outpoint) (txid ledger.ID, ok bool) {
	txid, ok = n.out.promised[p]
	return txid, ok
}

// Forgot reports whether a transaction may have ended here without being remembered.
func (n *Node) Forgot(id twopc.ID) bool { return n.vote.Forgot(id) }

// Undecided returns the number of transactions in two-phase commit that have not
// ended here.
func (n *Node) Undecided() int { return n.vote.Open() }

// Broadcasts returns how many messages this incarnation has broadcast.
func (n *Node) Broadcasts() uint64 { return n.order.Stats().Broadcasts }

// Stats returns the counts so far.
func (n *Node) Stats() Stats {
	s := n.stats
	s.Malformed += n.dht.Stats().Malformed + n.link.Stats().Malformed + n.flood.Stats().Malformed +
		n.vote.Stats().Malformed + n.order.Stats().Malformed
	s.Corrupt += n.link.Stats().Corrupt + n.flood.Stats().Corrupt + n.vote.Stats().Corrupt
	return s
}
