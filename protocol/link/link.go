// Package link makes perfect point-to-point links out of lossy ones: it numbers
// messages, acknowledges them, sends again what was not acknowledged, and drops
// copies (Cachin, Guerraoui, Rodrigues, "Introduction to Reliable and Secure
// Distributed Programming", section 2.4: stubborn links, then perfect links; the
// selective part of an acknowledgement follows RFC 2018).
//
// Every frame names two incarnations: the sender's and, as far as the sender knows
// it, the receiver's, else 0. A Link promises:
//
//   - No message is delivered twice to one incarnation of the receiver, nor one
//     that was not sent. With FIFO, what one incarnation sends is delivered to
//     another in the order of sending.
//   - A message is addressed to the receiver's incarnation that the sender knows
//     when it sends. If neither end restarts, it is delivered.
//   - While the sender knows none, its messages are for the incarnation that
//     answers first. If the receiver never restarts, they are delivered.
//   - When the sender learns of a new incarnation of the receiver, it drops what was
//     unacknowledged and calls Reset. Such a message may have been delivered to
//     the former incarnation, to none, and, if it was sent before any was known, to
//     both: once each. So a message may be lost when either end restarts, also
//     shortly afterwards, while frames of the former incarnation still travel.
//
// An incarnation of the sender never uses a number twice: instead, frames carry the
// lowest number that may still come. If numbers began from 1 again for a new
// incarnation of the receiver, a late copy of an early frame to an unknown
// incarnation would pass for the new message 1 and suppress it.
//
// A frame that the network damaged is dropped by its checksum (package seal), like a
// lost one.
//
// A message to oneself is delivered to the same incarnation or not at all: the runtime
// loses none, and a Link adds nothing.
//
// A Link does not detect crashes: it sends to a silent node forever, ever more
// rarely. It does not authenticate: a forged incarnation cuts a link.
//
// A Link remembers each node that it ever sent to or heard from, in about 150 bytes,
// besides what is unacknowledged or came early. What is meant for a silent node stays
// in memory until that answers: the sender bounds it, or nobody does. What came early is at most
// MaxWindow numbers of a node, with their messages if order matters. If those before them went to
// a former incarnation of this node, it stays until the other one's next message, or restart: a
// copy may follow, and nothing says that none will.
package link

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

// The kinds of the link's own sends. The first transmission of a message has the
// kind that it was sent with, so that counts of a machine's messages are exact
// whatever is lost.
var (
	KindResend = protocol.KindOf("link.resend") // a message once more
	KindAck    = protocol.KindOf("link.ack")    // a pure acknowledgement
)

// MaxWindow is the greatest Config.Window, and the most that a receiver accepts.
const MaxWindow = 4096

// Again is the rule for sending again what is not acknowledged, from Config.Retry on. An
// acknowledgement of anything begins it anew.
var Again = backoff.Rule{Kind: protocol.KindOf("link.again"), Doublings: 3, Jitter: protocol.Ratio{Num: 1, Den: 4}}

// Config says how a Link behaves and where its messages go.
type Config struct {
	// Retry is the time to the first resend, which should be longer than a round
	// trip. The pauses between further ones grow from it: see Again. From 1 ns to 12
	// days.
	Retry time.Duration
	// Window bounds the messages to one node that were transmitted and are not
	// acknowledged: 1 to MaxWindow. Further ones wait in memory, without a bound,
	// and leave in order as acknowledgements come in.
	Window int
	// FIFO holds back what arrives early, so that messages are delivered in the
	// order in which they were sent.
	FIFO bool
	// Deliver takes each message once. msg is borrowed. It may call Send.
	Deliver func(env *protocol.Env, from protocol.NodeID, msg []byte)
	// Reset, if not nil, is called when peer turns out to be a new incarnation, after
	// what was unacknowledged was dropped. What it sends goes to the new one.
	Reset func(env *protocol.Env, peer protocol.NodeID)
}

// Stats counts what a Link did in this incarnation.
type Stats struct {
	Sent       uint64 // messages transmitted for the first time
	Acks       uint64 // pure acknowledgements sent
	Delivered  uint64 // messages handed to Deliver
	Duplicates uint64 // data frames that were received before
	Stale      uint64 // frames from or to a former incarnation
	Corrupt    uint64 // frames whose checksum is wrong
	Malformed  uint64 // frames that no honest node sends
}

// A Link is one node's end of its links to all others.
type Link struct {
	cfg   Config
	stats Stats
	peers map[protocol.NodeID]*peer // made when first needed
	frame []byte                    // scratch: Env.Send copies
	spare [][]byte                  // bodies to reuse
	r     bencode.Reader
}

// New returns a Link. It panics if cfg is out of range.
func New(cfg Config) *Link {
	if most := Again.MostFirst(); cfg.Retry < 1 || cfg.Retry > most {
		panic(fmt.Sprintf("link: Retry is %v, want 1ns to %v", cfg.Retry, most))
	}
	if cfg.Window < 1 || cfg.Window > MaxWindow {
		panic(fmt.Sprintf("link: Window is %d, want 1 to %d", cfg.Window, MaxWindow))
	}
	if cfg.Deliver == nil {
		panic("link: no Deliver")
	}
	return &Link{cfg: cfg}
}

// Start begins an incarnation. A Link persists nothing and sends nothing at first.
func (l *Link) Start(*protocol.Env) {}

// Stats returns the counts so far.
func (l *Link) Stats() Stats { return l.stats }

// Send sends msg to a node. kind names its first transmission. The caller keeps
// msg.
func (l *Link) Send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte) {
	if to == env.ID() {
		l.sendToSelf(env, kind, msg)
		return
	}
	p := l.peer(to)
	p.out.push(message{kind: kind, body: l.copy(msg)})
	l.release(env, p)
	l.arm(env, p)
}

// Receive consumes a frame. What is damaged or not canonical is dropped and
// counted.
func (l *Link) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	msg, ok := seal.Open(msg)
	if !ok {
		l.stats.Corrupt++
		return
	}
	f, ok := decode(&l.r, msg)
	if !ok || f.dst > env.Incarnation() {
		l.stats.Malformed++
		return
	}
	if from == env.ID() {
		l.receiveFromSelf(env, f)
		return
	}
	p := l.peer(from)
	switch {
	case f.src < p.inc: // its sender has restarted
		l.stats.Stale++
		return
	case f.dst != 0 && f.dst < env.Incarnation():
		// It may be old, so this node learns nothing from it; but its sender does
		// from the answer.
		l.stats.Stale++
		if f.data {
			l.refuse(env, p, f.src)
		}
		return
	}
	l.learn(env, p, f.src)
	if !l.acknowledged(env, p, f) {
		l.stats.Malformed++
		return
	}
	if f.data {
		l.accept(env, p, f)
	}
	l.release(env, p)
	if p.ackDue {
		l.ack(env, p)
	}
	l.arm(env, p)
}

// Timeout consumes a timer of this component.
func (l *Link) Timeout(env *protocol.Env, tag uint64) {
	_, n := protocol.SplitTag(tag)
	p := l.peers[protocol.NodeID(n)]
	p.armed = false
	if p.sent > 0 && due(env.Now(), p.resendAt, Again.Longest(l.cfg.Retry)) {
		l.resend(env, p)
	}
	l.arm(env, p)
}

// sendToSelf sends a message that the runtime does not lose and delivers once, in order:
// so it is not numbered, nor acknowledged, nor kept.
func (l *Link) sendToSelf(env *protocol.Env, kind protocol.Kind, msg []byte) {
	l.stats.Sent++
	inc := env.Incarnation()
	l.send(env, env.ID(), kind, frame{data: true, src: inc, dst: inc, low: 1, seq: 1, msg: msg})
}

func (l *Link) receiveFromSelf(env *protocol.Env, f frame) {
	switch inc := env.Incarnation(); {
	case !f.data || f.src != f.dst:
		l.stats.Malformed++
	case f.src != inc:
		l.stats.Stale++ // it was for the incarnation before
	default:
		l.stats.Delivered++
		l.cfg.Deliver(env, env.ID(), f.msg)
	}
}

// due reports whether at has come. A deadline farther away than longest means that
// the clock went back: waiting for it could take forever.
func due(now, at protocol.Time, longest time.Duration) bool {
	left := at.Sub(now)
	return left <= 0 || left > longest
}
