// Package gossip spreads messages to every node of a connected graph: it floods
// them to the neighbours, suppressing duplicates, and repairs what flooding missed
// by anti-entropy (Demers et al., "Epidemic Algorithms for Replicated Database
// Maintenance", 1987, section 1.3, with checksums). It sends raw datagrams and needs
// no perfect links.
//
// A message is named by the SHA-256 of its body. A Gossip promises:
//
//   - A message is delivered at most once in an incarnation, only after Check
//     passed it, and only if some node broadcast it.
//   - A node forwards a message once, to all neighbours but the one that it came
//     from first. So without loss, on a connected graph with symmetric neighbourhood,
//     all nodes deliver, after exactly the sum of (degree-1) over all nodes plus 1
//     messages of KindData; then nothing circulates.
//   - With Repair, what one node holds all nodes deliver in the end, whatever is
//     lost, as long as exchanges get through now and then. A node that restarts
//     catches up.
//
// A message that the network damaged is dropped by its checksum (package seal), like
// a lost one.
//
// A Gossip promises no order. The promises hold while no more than Memory messages
// exist: one that is forgotten while others remember it is new when it comes
// again. Repair does not know what is still in flight, so a digest that arrives
// during a flood may fetch a body that would have come anyway.
//
// Digests combine ids by XOR. This resists accident, not malice: a node that can
// choose many bodies can make unequal sets look equal, and so hide a message that
// flooding lost; the flood itself does not depend on digests.
package gossip

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/seal"
)

// The kinds of messages. Counts of KindData are those of the flood alone.
var (
	KindData   = protocol.KindOf("gossip.data") // a body forwarded
	KindBody   = protocol.KindOf("gossip.body") // a requested body
	KindDigest = protocol.KindOf("gossip.sum")  // summaries of what a node holds
	KindList   = protocol.KindOf("gossip.list") // all ids of a prefix
	KindHave   = protocol.KindOf("gossip.have") // ids on offer
	KindWant   = protocol.KindOf("gossip.want") // ids whose bodies are requested
	kindPick   = protocol.KindOf("gossip.pick") // question: the neighbour to repair with
)

// MaxBody is the greatest length of a body, such that its message fits a UDP
// datagram.
const MaxBody = 60 << 10

// RepairAgain is the rule for exchanges with neighbours, from Config.Repair on. One that
// finds a difference, and a new body, begin it anew; silence does not, which means equal
// stores or lost messages.
var RepairAgain = backoff.Rule{Kind: protocol.KindOf("repair.again"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}

// An ID names a message: the SHA-256 of its body.
type ID [sha256.Size]byte

// Sum returns the id of a body.
func Sum(body []byte) ID { return sha256.Sum256(body) }

// String returns the first 8 bytes in hex, enough for people.
func (id ID) String() string { return hex.EncodeToString(id[:8]) }

// A Verdict says what Check found.
type Verdict uint8

// The verdicts. The zero Verdict is invalid, so that a forgotten one panics.
const (
	Pass Verdict = iota + 1 // forward and deliver it
	Drop                    // refuse it for good
	Wait                    // hold it until Resume
)

// Config says how a Gossip behaves and where its messages go.
type Config struct {
	// Neighbours returns the nodes to exchange messages with, sorted, without this
	// one. The slice stays the host's. If they change, the promised number of
	// messages does not hold.
	Neighbours func() []protocol.NodeID
	// Check verifies a message of another node before it is forwarded. It must be
	// stateless: honest nodes must agree, or digests never will. body stays valid
	// and must not be changed. Check must not call Resume.
	Check func(env *protocol.Env, id ID, body []byte) Verdict
	// Deliver takes each message once, this node's own too, after it was
	// forwarded. body is as for Check. Deliver may call Broadcast.
	Deliver func(env *protocol.Env, id ID, body []byte)
	// Repair is the time from one exchange with a neighbour to the next, while that
	// brings something; else pauses grow: see RepairAgain. 0 means never. At most a
	// quarter of protocol.MaxTime.
	Repair time.Duration
	// Leaf is how many ids two nodes list to each other at most, instead of comparing parts;
	// 0 is 32, which is also the most. Less makes short runs split what only many ids would.
	Leaf int
	// Memory bounds the messages that are kept, and separately the ids that are
	// remembered as refused; at least 1. The oldest go first. It must be no less
	// than the number of messages that ever exist at a time.
	Memory int
	// Waiting bounds the messages that wait for Resume; at least 1. The oldest are
	// forgotten first, so that they may come again.
	Waiting int
}

// Stats counts what a Gossip did in this incarnation.
type Stats struct {
	Forwarded  uint64 // bodies forwarded, one for each neighbour
	Delivered  uint64 // messages delivered
	Duplicates uint64 // bodies received that were known
	Refused    uint64 // messages that Check dropped or Resume refused
	Waited     uint64 // messages that Check held
	Overflowed uint64 // waiting messages forgotten for lack of room
	Evicted    uint64 // messages and refused ids forgotten for lack of room
	Corrupt    uint64 // messages whose checksum is wrong
	Malformed  uint64 // messages that no honest node sends
}

// A Gossip is one node's part in the broadcast.
type Gossip struct {
	cfg   Config
	stats Stats
	store store
	turn  uint64 // counts exchanges, so that neighbours take turns
	quiet int    // exchanges since the last one that brought something
	out   []byte // scratch: Env.Send copies
	in    decoder
}

// New returns a Gossip. It panics if cfg is out of range.
func New(cfg Config) *Gossip {
	if cfg.Neighbours == nil || cfg.Check == nil || cfg.Deliver == nil {
		panic("gossip: Neighbours, Check or Deliver is missing")
	}
	if most := RepairAgain.MostFirst(); cfg.Repair < 0 || cfg.Repair > most {
		panic(fmt.Sprintf("gossip: Repair is %v, want 0 to %v", cfg.Repair, most))
	}
	if cfg.Memory < 1 {
		panic(fmt.Sprintf("gossip: Memory is %d, want at least 1", cfg.Memory))
	}
	if cfg.Waiting < 1 {
		panic(fmt.Sprintf("gossip: Waiting is %d, want at least 1", cfg.Waiting))
	}
	return &Gossip{cfg: cfg}
}

// tagRepair is periodic, so it keeps no run from ending.
var tagRepair = protocol.Gossip.Tag(protocol.Periodic | 1)

// Start begins an incarnation, which remembers nothing of former ones: with Repair
// it fetches what the neighbours hold.
func (g *Gossip) Start(env *protocol.Env) {
	if g.cfg.Repair > 0 {
		env.SetTimer(RepairAgain.Pause(env, g.cfg.Repair, 0), tagRepair)
	}
}

// Stats returns the counts so far.
func (g *Gossip) Stats() Stats { return g.stats }

// Has reports whether that message was passed and is remembered.
func (g *Gossip) Has(id ID) bool { return g.store.state(id) == kept }

// Body returns the body of a message that Has reports. It must not be changed.
func (g *Gossip) Body(id ID) ([]byte, bool) {
	if it := g.store.items[id]; it != nil && it.state == kept {
		return it.body, true
	}
	return nil, false
}

// Broadcast delivers a message here and sends it to all neighbours, unless it is
// known already. It does not call Check. The caller keeps body, which must not be
// longer than MaxBody.
func (g *Gossip) Broadcast(env *protocol.Env, body []byte) ID {
	if len(body) > MaxBody {
		panic(fmt.Sprintf("gossip: node %d broadcasts %d bytes, want at most %d", env.ID(), len(body), MaxBody))
	}
	id := Sum(body)
	if g.store.state(id) == kept {
		return id
	}
	g.pass(env, id, &item{body: append([]byte(nil), body...), from: env.ID()})
	return id
}

// Resume ends the wait of a message: if ok it is forwarded and delivered, else
// refused. If it does not wait, since it was forgotten meanwhile, nothing happens.
func (g *Gossip) Resume(env *protocol.Env, id ID, ok bool) {
	it := g.store.items[id]
	switch {
	case it == nil || it.state != waiting:
	case ok:
		g.pass(env, id, it)
	default:
		g.refuse(id)
	}
}

// Receive consumes a message. What is damaged or not canonical is dropped and
// counted.
func (g *Gossip) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	msg, ok := seal.Open(msg)
	if !ok {
		g.stats.Corrupt++
		return
	}
	m, ok := g.in.decode(msg)
	if !ok {
		g.stats.Malformed++
		return
	}
	if m.typ != typeDigest { // which alone is sent when nothing differs
		g.quiet = 0
	}
	switch m.typ {
	case typeData:
		g.receiveBody(env, from, m.body)
	case typeDigest:
		g.compare(env, from, m.ranges)
	case typeList:
		g.reconcile(env, from, m.ranges)
	case typeHave:
		g.want(env, from, m.ids)
	case typeWant:
		g.serve(env, from, m.ids)
	}
}

// Timeout consumes a timer of this component.
func (g *Gossip) Timeout(env *protocol.Env, tag uint64) {
	if tag == tagRepair {
		env.SetTimer(RepairAgain.Pause(env, g.cfg.Repair, g.quiet), tagRepair)
		g.quiet = RepairAgain.Next(g.quiet)
		g.repair(env)
	}
}

func (g *Gossip) receiveBody(env *protocol.Env, from protocol.NodeID, borrowed []byte) {
	id := Sum(borrowed)
	if g.store.state(id) != unknown {
		g.stats.Duplicates++
		return
	}
	it := &item{body: append([]byte(nil), borrowed...), from: from}
	switch v := g.cfg.Check(env, id, it.body); v {
	case Pass:
		g.pass(env, id, it)
	case Drop:
		g.refuse(id)
	case Wait:
		g.stats.Waited++
		if g.store.put(id, it, waiting, g.cfg.Waiting) {
			g.stats.Overflowed++
		}
	default:
		panic(fmt.Sprintf("gossip: node %d: Check returned verdict %d for %v", env.ID(), v, id))
	}
}

// pass keeps a message, forwards it and delivers it, in this order: a node that
// crashes after delivering has forwarded it.
func (g *Gossip) pass(env *protocol.Env, id ID, it *item) {
	g.quiet = 0
	if g.store.put(id, it, kept, g.cfg.Memory) {
		g.stats.Evicted++
	}
	g.out = seal.Append(message{typ: typeData, body: it.body}.append(g.out[:0]))
	for _, n := range g.cfg.Neighbours() {
		if n == env.ID() {
			panic(fmt.Sprintf("gossip: node %d is its own neighbour", n))
		}
		if n != it.from {
			g.stats.Forwarded++
			env.Send(n, KindData, g.out)
		}
	}
	g.stats.Delivered++
	g.cfg.Deliver(env, id, it.body)
}

func (g *Gossip) refuse(id ID) {
	g.stats.Refused++
	if g.store.put(id, &item{}, refused, g.cfg.Memory) {
		g.stats.Evicted++
	}
}
