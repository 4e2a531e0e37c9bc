// Package kv is a replicated key-value store: replicas apply the same commands in
// the same order, which package abcast decides with Views. It is the replicated
// state machine of Schneider, "Implementing Fault-Tolerant Services Using the State
// Machine Approach" (ACM Computing Surveys 22(4), 1990), with the sessions of
// section 6.3 in Ongaro, "Consensus: Bridging Theory and Practice" (2014), which
// make a retry harmless.
//
// A command takes four steps:
//
//	client    REQUEST to some replica; if no reply comes, to the next
//	replica   broadcasts the command in total order
//	all       apply it at its place, once for each client and sequence number
//	replica   that the client asked: REPLY
//
// Reads take the same steps. Answering them from the replica's own state would be
// cheaper and wrong: a replica that was left behind does not know it.
//
// It promises that operations are linearizable (Herlihy and Wing, TOPLAS 12(3),
// 1990), whatever replicas crash and restart, and that while a majority of the
// replicas is up and connected every operation completes. It does not survive lying
// nodes, and a client that crashes during an operation does not learn its outcome. A
// client has one operation open at a time, since a replica remembers only the last
// reply to each client. Nothing is ever compacted: the log is package abcast's.
//
// Keys and values are numbers, and 0 means no value: what matters here is the order.
package kv

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/seal"
)

// Component is the first byte of this package's messages.
const Component protocol.Component = 0x10

// tickDelays is the time between heartbeats, in delays.
const tickDelays = 10

// Config configures a Node or a Client.
type Config struct {
	Members []protocol.NodeID // all replicas, ascending
	Order   abcast.Order
	// Group, if not nil, takes the place of abcast.New: package raft can.
	Group func(abcast.Config) abcast.Orderer
	Delay time.Duration // the longest usual travel time of a message
}

// Node is one replica: a protocol.Node.
type Node struct {
	group    abcast.Orderer
	table    map[uint64]uint64
	sessions map[protocol.NodeID]Return // the last command of each client that was applied
	asked    map[protocol.NodeID]uint64 // the last command that each client asked of this incarnation
	state    uint64                     // fold of all results
	scratch  []byte
	stats    Stats
}

// Stats counts what a Node or Client dropped in this incarnation.
type Stats struct {
	Malformed uint64 // messages and commands that are not canonical, or of the wrong direction
	Corrupt   uint64 // messages whose checksum is wrong
	Late      uint64 // requests and replies about commands that are over
	Repeated  uint64 // commands that already had a place in the order
}

// New returns the Node of a fresh incarnation. It panics if cfg lacks something.
func New(cfg Config) *Node {
	if cfg.Delay < 1 {
		panic(fmt.Sprintf("kv: config has delay %v, want more than 0", cfg.Delay))
	}
	n := &Node{
		table:    make(map[uint64]uint64),
		sessions: make(map[protocol.NodeID]Return),
		asked:    make(map[protocol.NodeID]uint64),
	}
	order := abcast.Config{Members: cfg.Members, Order: cfg.Order, Deliver: n.deliver,
		Views: &abcast.Views{Datagram: n.send, Tick: tickDelays * cfg.Delay, Merge: cfg.Delay}}
	if cfg.Group != nil {
		n.group = cfg.Group(order)
	} else {
		n.group = abcast.New(order)
	}
	return n
}

// Start begins an incarnation. It applies again what was stable.
func (n *Node) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		n.group.Restore(rec)
	}
	n.group.Start(env)
}

// Receive consumes a message. Nothing comes from Outside.
func (n *Node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	msg, ok := seal.Open(msg)
	switch {
	case !ok:
		n.stats.Corrupt++
	case len(msg) > 0 && protocol.Component(msg[0]) == protocol.ABCAST:
		n.group.Receive(env, from, msg)
	default:
		m, ok := decode(msg)
		switch {
		case ok && m.typ == typeReply && from == env.ID(): // for its host, which is its client
		case !ok || m.typ != typeRequest || from == protocol.Outside:
			n.stats.Malformed++
		default:
			n.request(env, from, m)
		}
	}
}

// Timeout consumes a timer, which is the group's.
func (n *Node) Timeout(env *protocol.Env, tag uint64) { n.group.Timeout(env, tag) }

// request has a command ordered, or repeats the reply to one that was applied.
func (n *Node) request(env *protocol.Env, client protocol.NodeID, m message) {
	last := n.sessions[client]
	switch {
	case m.cmd.Seq < max(last.Seq, n.asked[client]):
		n.stats.Late++
	case m.cmd.Seq == last.Seq:
		n.reply(env, client, last)
	case n.asked[client] == m.cmd.Seq:
		// The group has it until it is delivered or this incarnation ends.
	default:
		n.asked[client] = m.cmd.Seq
		m.cmd.Client = client
		n.group.Broadcast(env, m.cmd.append(nil))
	}
}

// deliver applies the next command of the order. What is no command comes from a
// member that lies: no replica applies it.
func (n *Node) deliver(env *protocol.Env, index uint64, m abcast.Message) {
	c, ok := decodeCommand(m.Payload)
	switch last := n.sessions[c.Client]; {
	case !ok:
		n.stats.Malformed++
	case c.Seq <= last.Seq:
		n.stats.Repeated++ // its client asked two replicas
	default:
		n.apply(c)
	}
	n.outputApplied(env, index)
	if last := n.sessions[c.Client]; ok && last.Seq == c.Seq && n.asked[c.Client] == c.Seq {
		n.reply(env, c.Client, last)
	}
}

func (n *Node) apply(c Command) {
	r := Return{Seq: c.Seq, OK: true, Value: n.table[c.Key]}
	switch c.Op {
	case Put:
		n.table[c.Key] = c.New
	case CAS:
		if r.OK = r.Value == c.Old; r.OK {
			n.table[c.Key] = c.New
		}
	}
	n.sessions[c.Client] = r
	n.state = protocol.Hash3(n.state, uint64(c.Client), c.Seq)
	n.state = protocol.Hash3(n.state, c.Key, n.table[c.Key])
}

func (n *Node) reply(env *protocol.Env, client protocol.NodeID, r Return) {
	n.send(env, client, KindReply, message{typ: typeReply, res: r}.append(nil))
}

// send sends a message of any component, sealed since links may damage it.
func (n *Node) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte) {
	n.scratch = seal.Append(append(n.scratch[:0], msg...))
	env.Send(to, kind, n.scratch)
}

// State returns the number of commands delivered in this incarnation and a fold of
// what they did.
func (n *Node) State() (delivered, fold uint64) { return n.group.Delivered(), n.state }

// Broadcasts returns how many messages this incarnation has broadcast.
func (n *Node) Broadcasts() uint64 { return n.group.Stats().Broadcasts }

// Stats returns the counts so far.
func (n *Node) Stats() Stats {
	s := n.stats
	s.Malformed += n.group.Stats().Malformed
	return s
}
