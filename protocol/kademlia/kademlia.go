// Package kademlia is the distributed hash table of Maymounkov and Mazières,
// "Kademlia: A Peer-to-peer Information System Based on the XOR Metric" (2002),
// as a machine that a node embeds. It speaks the wire format of the BitTorrent
// DHT: KRPC of BEP 5 with ping and find_node, and get and put of BEP 44 for
// immutable items. Contacts with IPv6 addresses travel as in BEP 32, but stand in one
// table with the others; a node whose Book takes none neither asks nor names them.
//
// It promises, once the joins are over and while no node fails, that every lookup
// ends with exactly the k nodes closest to its target, and that a value put by
// one node is found by every other; also when messages are lost or copied, as
// far as Config.Tries outlasts the losses. For this each node keeps, beside the
// paper's k contacts a bucket, all nodes of the smallest subtree around it that
// holds k (section 2.4): then a node that is alone in its part of the tree is
// known to all that must know it, however skewed the ids are. A node that only
// asks, perhaps under a forged address, never appears in an answer (2.3, BEP 5).
//
// While nodes come and go it promises less, and only with the upkeep that Config
// turns on (2.3 and 2.5; see Lasting): buckets are refreshed, holders and
// publishers put values again, newcomers receive the values near them, values
// expire, and values found are cached on the path of the lookup for a time. Then a
// lookup nearly always finds a value that some node holds; how nearly, the scenario
// churn measures. It never finds an expired one, if clocks run true and messages take
// at most Config.Timeout: messages carry what is left of a value's life, less Timeout
// for the way, and each node counts that by its own clock. A message that takes
// longer, or a clock that runs slow or jumps back, prolongs it by as much. Without the
// upkeep, lookups are exact again after failures once every node has called Refresh.
//
// A bucket's contacts are spread over its subtree: see table.crowded. So lookups among 1,024
// nodes with k 8 take 2.32 hops in the mean once all have joined, and 2.20 after two hours
// of upkeep, where buckets filled at random give 2.37 and buckets that keep whom they met
// first 2.53; with k 20 they take 1.90, for 1.93 and 2.06. A full bucket of 8 has contacts
// with 6.3 different next three bits, then 7.7, for 5.25 at random and 3.7 without. A node
// sends 308 messages until all have joined, for 286 without, and 241 in an hour of upkeep,
// for 242. TestLookupsTakeNoMoreHopsThanOverTablesFilledAtRandom in
// sim/simtest/machines/kademlia measures all of it.
//
// A network that is split becomes one again within Config.Refresh of the heal, if that is
// on: see absent. What is tried again is tried after growing pauses: see SendAgain and the
// rules below it.
//
// It does not promise to resist many hostile nodes with chosen ids, and keeps
// values in memory only. Mutable items are refused.
package kademlia

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// Config is the configuration of a DHT.
type Config struct {
	Self ID            // the node's own; the same in every incarnation
	Book protocol.Book // maps nodes to the endpoints that contacts carry

	K     int // contacts a bucket, and nodes that hold a value: 1 to 64; the paper has 20, BEP 5 has 8
	Alpha int // queries a lookup keeps in flight: 1 to K; the paper has 3

	Timeout time.Duration // of one try of an RPC
	Tries   int           // sends of an RPC before it has failed: 1 to 100
	Stale   int           // consecutive failed RPCs that make a contact stale: 1 to 100; the paper has 5

	// Fresh is how long after its last answer a contact is taken to be up
	// without being asked. With 0 every newcomer to a full bucket has the one
	// heard longest ago pinged, as the paper says; BEP 5 has 15 minutes.
	Fresh time.Duration

	// Pause is the time between the rounds of a join, and the first pause of what is
	// tried again: see JoinAgain, StaleAgain and PutAgain.
	Pause time.Duration

	// The upkeep, of which each part is off at 0. A thing is done when it has not
	// happened for that time: so a bucket that lookups go to is not refreshed. Only
	// Expire may be shorter than Pause, since doing a thing again takes a while. A
	// contact that has not answered anything for Refresh is pinged. Absent nodes are
	// asked at least every five eighths of Refresh.
	Refresh   time.Duration // of a bucket without a lookup; the paper has an hour
	Republish time.Duration // of a value held that nobody has put here again; the paper has an hour
	Publish   time.Duration // of a value that the node itself publishes; the paper has a day
	Expire    time.Duration // of a value, since its publisher put it last; the paper has a day
	Cache     bool          // leave a value found at the closest node that lacked it; needs Expire
	HandOver  bool          // store at a newcomer the values that it should hold

	// Askers is the most nodes that the node pings at a time because they asked it and are
	// no contacts, which anybody can cause: 1 to 100.
	Askers int

	// Known, unless nil, has the ids of all nodes of the plan, so that the table takes less memory.
	// It changes nothing else.
	Known *Known

	Items  int    // values that the node stores for others
	Secret uint64 // transaction ids, tokens and the ids of refreshes derive from it; others must not know it
}

// Defaults returns the usual Config: k 8, alpha 3, six tries of a second each.
func Defaults(self ID, book protocol.Book, secret uint64) Config {
	return Config{
		Self: self, Book: book, Secret: secret,
		K: 8, Alpha: 3,
		Timeout: time.Second, Tries: 6, Stale: 3,
		Fresh: time.Minute, Pause: 5 * time.Second,
		Items: 10_000, Askers: 16,
	}
}

// Lasting is Defaults with the upkeep as the paper has it.
func Lasting(self ID, book protocol.Book, secret uint64) Config {
	c := Defaults(self, book, secret)
	c.Refresh, c.Republish, c.Publish, c.Expire = time.Hour, time.Hour, 24*time.Hour, 24*time.Hour
	c.Cache, c.HandOver = true, true
	return c
}

func (c *Config) check() {
	within := func(what string, n, low, high int64) {
		if n < low || n > high {
			panic(fmt.Sprintf("kademlia: node %v: %s is %d, want %d to %d", c.Self, what, n, low, high))
		}
	}
	if c.Book == nil {
		panic(fmt.Sprintf("kademlia: node %v has no Book", c.Self))
	}
	const day = int64(24 * time.Hour)
	within("K", int64(c.K), 1, 64)
	within("Alpha", int64(c.Alpha), 1, int64(c.K))
	within("Timeout", int64(c.Timeout), 1, day)
	within("Tries", int64(c.Tries), 1, 100)
	within("Stale", int64(c.Stale), 1, 100)
	within("Fresh", int64(c.Fresh), 0, day)
	within("Pause", int64(c.Pause), 1, day)
	within("Askers", int64(c.Askers), 1, 100)
	within("Items", int64(c.Items), 0, 1<<30)
	every := func(what string, period time.Duration) {
		if period != 0 {
			within(what, int64(period), int64(c.Pause), 100*day)
		}
	}
	every("Refresh", c.Refresh)
	every("Republish", c.Republish)
	every("Publish", c.Publish)
	within("Expire", int64(c.Expire), 0, 100*day)
	if c.Expire > 0 { // else values would expire before they are put again
		within("Republish", int64(c.Republish), 0, int64(c.Expire))
		within("Publish", int64(c.Publish), 0, int64(c.Expire))
	} else if c.Cache {
		panic(fmt.Sprintf("kademlia: node %v caches values that never expire", c.Self))
	}
}

// Stats counts what happened in this incarnation.
type Stats struct {
	Malformed uint64 // messages that are not canonical KRPC
	Ignored   uint64 // answers that nobody waits for: late, duplicate or forged
	Asked     uint64 // RPCs begun
	Expired   uint64 // values dropped when they expired
	Refreshed uint64 // buckets refreshed for want of other lookups
	Handed    uint64 // values stored at newcomers
	Unoffered uint64 // newcomers that were offered no values because too many were waiting
}

// The kinds of messages and notes.
var (
	KindPing     = protocol.KindOf("dht.ping")
	KindFindNode = protocol.KindOf("dht.find")
	KindGet      = protocol.KindOf("dht.get")
	KindPut      = protocol.KindOf("dht.put")
	KindAnswer   = protocol.KindOf("dht.answer")
	KindError    = protocol.KindOf("dht.error")
	KindJoin     = protocol.KindOf("dht.join")   // note
	KindLookup   = protocol.KindOf("dht.lookup") // note
	KindEvict    = protocol.KindOf("dht.evict")  // note
)

var methodKinds = [...]protocol.Kind{ping: KindPing, findNode: KindFindNode, get: KindGet, put: KindPut}

// DHT is one node's part of the table. Its host hands it every message that
// begins with 'd' and every timer of component protocol.Kademlia, and after a
// restart makes a new one.
//
// Its callbacks are called in the step that brings the result, which is the current
// one if there is no node to ask. They may call the DHT.
type DHT struct {
	cfg   *Config // nodes of a plan may share it: what tells them apart is in tab.self and salt
	salt  uint64  // Config.Secret of this node
	key   uint64  // of this node and incarnation: see secret
	count uint64  // identities derived so far

	tab       table
	calls     []call            // slot numbers are timer tags; nil if all are free
	open      int               // calls under way
	waiting   []Contact         // unknown askers to be pinged later
	idle      []*lookup         // to be reused while the node joins
	items     []item            // in the order of their ids
	join      *join             // nil unless joining or refreshing
	boot      protocol.Endpoint // of the last Join; the zero value is none
	verifying int               // calls for unknown askers
	up        upkeep

	stats Stats
}

// New makes the DHT of one incarnation. A Config outside its ranges panics.
func New(cfg Config) *DHT {
	d := new(DHT)
	d.init(&cfg, cfg.Self, cfg.Secret)
	return d
}

// init makes the DHT of an incarnation of the node that has these in place of those of cfg.
func (d *DHT) init(cfg *Config, self ID, secret uint64) {
	cfg.check()
	*d = DHT{cfg: cfg, salt: secret, tab: table{self: self, k: cfg.K, stale: uint8(cfg.Stale), known: cfg.Known}}
}

// Start begins an incarnation. It is called once, before all else.
func (d *DHT) Start(env *protocol.Env) {
	d.key = protocol.Hash2(uint64(env.ID()), uint64(env.Incarnation()))
	d.tab.own = env.Now()
	d.rearm(env)
}

// Receive consumes a message that begins with 'd'.
func (d *DHT) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	var m message
	if from == protocol.Outside || !m.decode(new(bencode.Reader), msg) {
		d.stats.Malformed++
		return
	}
	switch m.y {
	case 'q':
		d.answer(env, from, &m)
	default:
		d.settle(env, from, &m)
	}
}

// Timeout consumes a timer of component protocol.Kademlia.
func (d *DHT) Timeout(env *protocol.Env, tag uint64) {
	c, n := protocol.SplitTag(tag)
	switch {
	case c != protocol.Kademlia:
		panic(fmt.Sprintf("kademlia: node %d: timer %#x is of component %d", env.ID(), tag, c))
	case n == pauseTimer:
		d.resumeJoin(env)
	case n == upkeepTimer:
		d.up.wake = 0
		d.keepUp(env)
	case n < uint64(len(d.calls)):
		d.late(env, int(n))
	}
}

// Stats returns the counts so far.
func (d *DHT) Stats() Stats { return d.stats }

// Contacts returns the good contacts, those farthest from the node first; within a
// bucket the one heard longest ago first. The slice is the caller's.
func (d *DHT) Contacts() []Contact {
	var cs []Contact
	for _, c := range d.tab.rows[liveRow] {
		if c.fails < d.tab.stale {
			cs = append(cs, d.tab.contact(c.who))
		}
	}
	return cs
}

// Closest returns the n good contacts closest to target, nearest first. The slice
// is the caller's.
func (d *DHT) Closest(target ID, n int) []Contact {
	return d.tab.closest(nil, &query{target: target, n: n})
}
