package kademlia

import (
	"fmt"
	"math"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// Node is a node that is a DHT and nothing else: the smallest host. Inputs say what to
// publish and what to look for. What it publishes is on its disk, so that a later
// incarnation publishes it again; what it holds for others is not. The disk has at most
// about twice as many records as it publishes values.
type Node struct {
	cfg     *NodeConfig         // nodes of a plan may share it, as its Config
	seeds   []protocol.Endpoint // see NodeConfig
	dht     DHT
	joined  bool
	waiting []command // until it has joined
	bad     uint64
	dropped uint64
	records int // on disk
}

// NodeConfig is the configuration of a Node.
type NodeConfig struct {
	Config
	// Seeds are the nodes through which it joins, each when those before it are
	// silent. The network's first node has none, or only itself.
	Seeds []protocol.Endpoint
	// Compact is how likely the node writes down again what it publishes and discards all
	// older records, though they are few, whenever it publishes and once it has joined; so
	// short runs test what long ones need.
	Compact protocol.Ratio
}

// maxCommands bounds the inputs that wait until the node has joined. Its own records
// all wait; if there are more of them, no input does.
const maxCommands = 1024

// The kinds of a Node's outputs.
var (
	KindJoined    = protocol.KindOf("dht.joined")  // no body
	KindPublished = protocol.KindOf("dht.publish") // a Published
	KindEnded     = protocol.KindOf("dht.ended")   // an Ended
)

// NewNode makes the Node of one incarnation. A Config outside its ranges panics.
func NewNode(cfg NodeConfig) *Node { return NewMember(&cfg, cfg.Self, cfg.Secret, cfg.Seeds) }

// NewMember makes the Node of one incarnation of a node of a plan. It has its own id, secret and
// seeds, and shares cfg, which nobody changes, with others.
func NewMember(cfg *NodeConfig, self ID, secret uint64, seeds []protocol.Endpoint) *Node {
	n := &Node{cfg: cfg, seeds: seeds}
	n.dht.init(&cfg.Config, self, secret)
	return n
}

// DHT returns the node's DHT, to be read.
func (n *Node) DHT() *DHT { return &n.dht }

// Joined reports whether the node is part of the network.
func (n *Node) Joined() bool { return n.joined }

// Malformed counts the messages, inputs and records that could not be read.
func (n *Node) Malformed() uint64 { return n.bad + n.dht.Stats().Malformed }

// Dropped counts the inputs that came before the node had joined and exceeded
// maxCommands. They are not on its disk either.
func (n *Node) Dropped() uint64 { return n.dropped }

// Start begins an incarnation and joins.
func (n *Node) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		n.records++
		c, ok := decodeCommand(rec)
		if !ok || c.typ != typePublish || n.dht.CheckValue(c.value) != nil {
			n.bad++
			continue
		}
		c.value = slices.Clone(c.value)
		n.waiting = append(n.waiting, c)
	}
	n.dht.Start(env)
	self := n.cfg.Book.Endpoint(env.ID())
	seeds := slices.DeleteFunc(slices.Clone(n.seeds), func(e protocol.Endpoint) bool { return e == self })
	if len(seeds) == 0 {
		n.onJoined(env)
		return
	}
	n.dht.Rejoin(env, seeds, n.onJoined)
}

func (n *Node) onJoined(env *protocol.Env) {
	n.joined = true
	env.Output(KindJoined, nil)
	waiting := n.waiting
	n.waiting = nil
	for _, c := range waiting {
		n.do(env, c)
	}
	if n.tidy(env) {
		env.Sync()
	}
}

// Receive consumes a message, or an input made by PublishInput, GetInput or LookInput.
func (n *Node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		n.dht.Receive(env, from, msg)
		return
	}
	c, ok := decodeCommand(msg)
	switch {
	case !ok || c.typ == typePublish && (c.life > maxLife || n.dht.CheckValue(c.value) != nil):
		n.bad++
		return
	case !n.joined && len(n.waiting) >= maxCommands:
		n.dropped++
		return
	case c.typ == typePublish:
		if c.life != 0 { // the record outlives the incarnation, so it says when the value expires
			c.life += uint64(env.Now() / protocol.Time(time.Millisecond))
		}
		n.tidy(env)
		n.persist(env, c)
		env.Sync()
	}
	if n.joined {
		n.do(env, c)
		return
	}
	c.value = slices.Clone(c.value)
	n.waiting = append(n.waiting, c)
}

func (n *Node) persist(env *protocol.Env, c command) {
	env.Persist(c.append(nil))
	n.records++
}

// fewRecords are not worth discarding any.
const fewRecords = 64

// KindCompact is the question whether a node discards early: see NodeConfig.Compact.
var KindCompact = protocol.KindOf("dht.compact")

// tidy writes down again what is published, and discards all older records, once most
// of them are of values that have expired or were published again. It reports whether it
// did: then a Sync must follow. A crash before it may leave a value in two records; to
// publish it twice does no harm.
func (n *Node) tidy(env *protocol.Env) bool {
	own := len(n.dht.up.published) + len(n.waiting)
	early := n.records > 0 && env.Chance(KindCompact, n.cfg.Compact)
	if !early && n.records <= fewRecords+2*own {
		return false
	}
	n.dht.forget(env)
	env.Discard(math.MaxUint64)
	n.records = 0
	for i := range n.dht.up.published {
		n.persist(env, n.dht.up.published[i].command())
	}
	for _, c := range n.waiting {
		if c.typ == typePublish {
			n.persist(env, c)
		}
	}
	return true
}

// command returns the record of a publication.
func (p *publication) command() command {
	return command{typ: typePublish, value: p.value, life: uint64(p.until / protocol.Time(time.Millisecond))}
}

// Timeout consumes a timer.
func (n *Node) Timeout(env *protocol.Env, tag uint64) { n.dht.Timeout(env, tag) }

// do carries out an input or a record.
func (n *Node) do(env *protocol.Env, c command) {
	switch c.typ {
	case typePublish:
		life := time.Duration(c.life)*time.Millisecond - time.Duration(env.Now())
		if c.life == 0 {
			life = 0
		} else if life <= 0 {
			return // it expired while the node was down
		}
		id := Key(c.value)
		n.dht.Publish(env, c.value, life, func(env *protocol.Env, stored int) {
			env.Output(KindPublished, Published{id, stored}.append(nil))
		})
	case typeGet:
		n.dht.Get(env, c.id, func(env *protocol.Env, f Found) {
			env.Output(KindEnded, Ended{c.number, c.id, f.OK, f.Value, f.Hops, f.RPCs}.append(nil))
		})
	case typeLook:
		n.dht.Lookup(env, c.id, func(env *protocol.Env, r Result) {
			env.Output(KindLooked, appendLooked(nil, c.number, c.id, r))
		})
	}
}

// command is an input, or a record, which is always a publish: the component byte
// and one bencoded list.
//
//	publish  0 value life      milliseconds, 0 without end; in a record the time of expiry
//	get      1 number id
//	look     2 number id
type command struct {
	typ    uint64
	value  []byte
	life   uint64
	number uint64
	id     ID
}

const (
	typePublish = iota
	typeGet
	typeLook
)

// maxAnswered bounds the counts in an output.
const maxAnswered = 1 << 20

// PublishInput is an input that has a node publish a value, for a time or, if life is
// 0, without end. Less than a millisecond counts as one. A negative life, or one of
// more than 100 days, panics, since nodes would refuse it.
func PublishInput(value []byte, life time.Duration) []byte {
	if life < 0 || life > maxLife*time.Millisecond {
		panic(fmt.Sprintf("kademlia: input to publish for %v, want 0 to %v", life, maxLife*time.Millisecond))
	}
	ms := uint64((life + time.Millisecond - 1) / time.Millisecond)
	return command{typ: typePublish, value: value, life: ms}.append(nil)
}

// GetInput is an input that has a node look for the value under id; its Ended carries
// number.
func GetInput(number uint64, id ID) []byte {
	return command{typ: typeGet, number: number, id: id}.append(nil)
}

func (c command) append(b []byte) []byte {
	b = append(b, byte(protocol.Kademlia), 'l')
	b = bencode.AppendUint(b, c.typ)
	if c.typ == typePublish {
		b = bencode.AppendBytes(b, c.value)
		b = bencode.AppendUint(b, c.life)
	} else {
		b = bencode.AppendUint(b, c.number)
		b = bencode.AppendBytes(b, c.id[:])
	}
	return append(b, 'e')
}

// decodeCommand reads what append writes. value aliases b.
func decodeCommand(b []byte) (c command, ok bool) {
	r := bencode.ListOf(protocol.Kademlia.Cut(b))
	if c.typ = r.UintMax(typeLook); c.typ == typePublish {
		c.value = r.Bytes()
		c.life = r.UintMax(2 * maxLife) // in a record it is a time, and the clock shows at most half of this: protocol.MaxTime
	} else {
		c.number = r.Uint()
		copy(c.id[:], r.Fixed(len(c.id)))
	}
	return c, r.Finish()
}

// Published is an output of KindPublished: a value was put by its publisher.
type Published struct {
	ID     ID
	Stored int // nodes that have it
}

func (p Published) append(b []byte) []byte {
	b = append(b, 'l')
	b = bencode.AppendBytes(b, p.ID[:])
	b = bencode.AppendUint(b, uint64(p.Stored))
	return append(b, 'e')
}

// DecodePublished reads the body of a KindPublished.
func DecodePublished(b []byte) (p Published, ok bool) {
	r := bencode.ListOf(b)
	copy(p.ID[:], r.Fixed(len(p.ID)))
	p.Stored = int(r.UintMax(maxAnswered))
	return p, r.Finish()
}

// Ended is an output of KindEnded: the outcome of a GetInput.
type Ended struct {
	Number uint64
	ID     ID
	OK     bool
	Value  []byte // empty unless OK
	Hops   int
	RPCs   int
}

func (x Ended) append(b []byte) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, x.Number)
	b = bencode.AppendBytes(b, x.ID[:])
	b = bencode.AppendBool(b, x.OK)
	b = bencode.AppendBytes(b, x.Value)
	b = bencode.AppendUint(b, uint64(x.Hops))
	b = bencode.AppendUint(b, uint64(x.RPCs))
	return append(b, 'e')
}

// DecodeEnded reads the body of a KindEnded. Value aliases b.
func DecodeEnded(b []byte) (x Ended, ok bool) {
	r := bencode.ListOf(b)
	x.Number = r.Uint()
	copy(x.ID[:], r.Fixed(len(x.ID)))
	x.OK = r.Bool()
	x.Value = r.Bytes()
	x.Hops = int(r.UintMax(maxAnswered))
	x.RPCs = int(r.UintMax(maxAnswered))
	return x, r.Finish() && (x.OK || len(x.Value) == 0)
}

// TextOutput returns an output of a Node in words, or "" for anything else.
func TextOutput(kind protocol.Kind, b []byte) string {
	switch kind {
	case KindJoined:
		if len(b) == 0 {
			return "the network"
		}
	case KindPublished:
		if p, ok := DecodePublished(b); ok {
			return fmt.Sprintf("%.8s at %d nodes", p.ID, p.Stored)
		}
	case KindEnded:
		x, ok := DecodeEnded(b)
		switch {
		case ok && x.OK:
			return fmt.Sprintf("lookup %d of %.8s found it after %d hops, %d queries", x.Number, x.ID, x.Hops, x.RPCs)
		case ok:
			return fmt.Sprintf("lookup %d of %.8s found nothing, %d queries", x.Number, x.ID, x.RPCs)
		}
	case KindLooked:
		return textLooked(b)
	}
	return ""
}

// TextInput returns an input or a record of a Node in words, or "" for anything else.
func TextInput(b []byte) string {
	c, ok := decodeCommand(b)
	switch {
	case !ok:
		return ""
	case c.typ == typeGet:
		return fmt.Sprintf("get %.8s, lookup %d", c.id, c.number)
	case c.typ == typeLook:
		return fmt.Sprintf("look up %.8s, lookup %d", c.id, c.number)
	}
	return fmt.Sprintf("publish %s", valueName(c.value))
}
