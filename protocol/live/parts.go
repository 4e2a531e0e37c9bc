package live

import (
	"iter"
	"time"

	"dessim/protocol"
)

// A Disk keeps the records of one node. A Host calls it from one goroutine at a time.
type Disk interface {
	// Begin counts a new incarnation, durably, and returns its number, from 1.
	Begin() (incarnation uint32, err error)
	// Records returns what survived, oldest first, by index. It is valid until the first
	// Append.
	Records() iter.Seq2[uint64, []byte]
	// Append adds a record. It need not be durable before the next Sync. The caller keeps
	// rec.
	Append(rec []byte) error
	// Discard forgets the records below upTo at the next Sync, in whole or not at all.
	Discard(upTo uint64)
	// Sync returns when all before it is durable. After an error the disk is of no more use
	// to this incarnation.
	Sync() error
}

// A Network carries the messages of one incarnation.
type Network interface {
	// Send gives a message to the network, which may lose it. seq counts the messages of
	// this incarnation to that node, from 1. Send does not wait for the network. The caller
	// keeps msg.
	Send(to protocol.NodeID, seq uint64, msg []byte)
	// Close ends it. No message arrives afterwards.
	Close() error
}

// An Arrival is a message that came from another node. It owns Body.
type Arrival struct {
	From protocol.NodeID
	// Incarnation is the sender's, and Seq counts its messages to this node, from 1. Both
	// are 0 for messages of programs that do not count them.
	Incarnation uint32
	Seq         uint64
	Body        []byte
}

// A Saboteur injects faults. Its methods are called by the goroutine of the node.
type Saboteur interface {
	// Step is told that a step begins.
	Step(at protocol.Time)
	// Done is told that an effect of the step is carried out, the i-th from 1, of n. It reports
	// whether the node crashes there. For a step without effects it is called once, with a
	// nil effect.
	Done(at protocol.Time, f *protocol.Effect, i, n int) bool
	// Sync is asked before a sync or a flush how much longer it takes, and whether it fails.
	Sync(at protocol.Time) (longer time.Duration, fails bool)
	// Send gives a message to the network, or does not: see Network.Send.
	Send(n Network, at protocol.Time, to protocol.NodeID, seq uint64, msg []byte)
}

// What is the sort of an Event.
type What uint8

// The events of a Host.
const (
	Started   What = iota + 1 // Incarnation
	Received                  // From, Body; From is Outside for an input
	Fired                     // Tag
	Sent                      // From: the receiver; Kind, Body
	Persisted                 // Body
	Synced                    // Took
	Output                    // Kind, Body
	Noted                     // Kind, Text
	Ended                     // Text: why
	Flushed                   // Tag; Text: "failed" if it did
)

// An Event is something that a node did or took up. It is borrowed for the call.
type Event struct {
	What        What
	At          protocol.Time
	Incarnation uint32
	Peer        protocol.NodeID // the other end of a message
	Kind        protocol.Kind
	Tag         uint64
	Body        []byte
	Text        string
	Took        time.Duration
}
