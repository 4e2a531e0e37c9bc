package sim

import (
	"time"

	"dessim/protocol"
)

// What is the sort of an Event. Values are bits, so that an Observer can name the
// set that it wants to see.
type What uint32

// The events that observers see.
const (
	Started   What = 1 << iota // an incarnation began
	Crashed                    // by the fault Tag; Text is where in the step
	Received                   // a step consumed a message; Peer sent it
	Fired                      // a step consumed the timer Tag
	Sent                       // a message left for Peer; what becomes of it follows
	Lost                       // the network lost the message just sent, or its copy
	Copied                     // the message just sent travels twice or, if Tag is Again, one sent in an earlier step
	Corrupted                  // the message just sent, or its copy, goes on as Body
	Dropped                    // a message or input arrived at a node that is down
	Persisted                  // Body was appended to the disk as record Tag
	Synced                     // all records so far survive from here on
	Output                     // the node made Body final
	Noted                      // the node remarked Text
	Injected                   // the fault Tag began, or came back: Text; Node is Outside if it hits no node
	Lifted                     // the fault Tag is gone, or gone for a while
	Damaged                    // the node will never start again, for Text
	Ended                      // the run is over; Node means nothing

	TimerSet       // the timer Tag fires After from now; Seq is its number, as in Fired
	TimerCancelled // the pending timer Tag, of number Seq, never fires: it was cancelled or replaced
	Discarded      // records below Tag are forgotten from the next sync on: at most those that there are

	// Flushing: the disk begins to make records safe. Body has their indices, for protocol.Indices.
	// Seq is the number of the flush, as in Flushed. With Tag 0, the records are safe at once.
	Flushing
	// Flushed: a step consumed the end of the flush Tag. The records of Body survive from here on,
	// unless Text is FlushFailed.
	Flushed
	// Salvaged follows a crash, for each record that was not safe: Tag is its index, Body all of its
	// bytes, and Text is "kept", "lost" or "torn: N of M bytes".
	Salvaged
	// Shadowed: the node makes Tag promises, to Peer if Kind is that of a message: see Plan.Shadow.
	// Text says what is wrong with one of them, or is empty.
	Shadowed

	Everything What = 1<<iota - 1
)

// Again is the Tag of a Copied message that was sent in an earlier step: see fault.Echo.
const Again = 1

// String names the event as in traces.
func (w What) String() string {
	names := [...]string{"started", "crashed", "received", "fired", "sent", "lost", "copied", "corrupted", "dropped", "persisted", "synced", "output",
		"noted", "injected", "lifted", "damaged", "ended", "set", "cancelled", "discarded", "flushing", "flushed", "salvaged", "shadowed"}
	for i, n := range names {
		if w == 1<<i {
			return n
		}
	}
	return "several"
}

// Event is something that happened in a run, as observers see it. It and its
// Body are borrowed for the call.
type Event struct {
	What        What
	At          protocol.Time // true virtual time
	Node        protocol.NodeID
	Peer        protocol.NodeID // the other end of a message
	Incarnation uint32          // of Node
	Kind        protocol.Kind   // of a message, output or note
	Seq         uint64          // of a message or timer, in its source's count
	Name        uint64          // of a message, at its sender: what the questions about it are named by; or of a flush
	Tag         uint64
	Body        []byte
	Text        string
	After       time.Duration // until a timer fires, by the node's clock
	Step        uint64        // number of the step, from 1, in which it happened
}

// An Observer sees what it asks for, in the order of the run. It must only
// read the simulation; it never changes a digest.
type Observer interface {
	// Watch returns the set of events to be shown. It is asked once, at New.
	Watch() What
	Observe(e *Event)
}

// Reads is what an Observer looks at while it observes, besides its own memory. An Observer
// has a method Reads that returns it; without one it may look at everything. A run can be in
// parts if no observer of it does: see Plan.Threads.
type Reads uint8

// What observers read.
const (
	// ReadsAll: any node, and the Sim.
	ReadsAll Reads = iota
	// ReadsEvents: the event alone. So it may be shown it later.
	ReadsEvents
	// ReadsNode: the event, and the node that it happens to. It is a NodeReader.
	ReadsNode
)

// NodeReader is an Observer that looks at the node of an event, and whose memory is that of
// each node apart, but for what it adds up.
type NodeReader interface {
	Observer
	// Look is called instead of Observe when the run is in parts, at the time of the event.
	// Events of one node are looked at in their order; those of others before, after or at the
	// same time, by other goroutines. Steps of one node have different numbers that grow, but
	// Event.Step is not yet what it will be. What Look returns, unless nil, is called with the
	// event when it is its turn in the order of the run.
	Look(e *Event) (then func(e *Event))
}

// show completes e by time and step and shows it to the observers that watch for it.
// They all get the address of s.shown: an Event made for each call would escape to the
// heap. happened is on the caller's stack, and copied once.
func (s *Sim) show(happened *Event) {
	e := &s.shown
	*e = *happened
	if s.member != nil {
		s.member.show(e)
		return
	}
	e.At, e.Step = s.now, s.result.Events
	list := s.watchers.of(e)
	for i := range list {
		if v := &list[i]; (v.only == nil || v.sees(e)) && (v.armed == nil || !v.idle(e)) {
			v.Observe(e)
		}
	}
}
