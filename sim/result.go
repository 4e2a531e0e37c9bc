package sim

import (
	"fmt"

	"dessim/protocol"
)

// Result is how a run ended and what happened in it.
type Result struct {
	End          protocol.Time
	Reason       Reason
	Events       uint64 // messages, timers, starts, faults, and syncs and flushes done; what a crash finds held is not counted again
	Received     uint64 // messages and inputs consumed
	Fired        uint64 // timers consumed
	Sent         uint64 // messages sent by nodes, lost ones included
	Lost         uint64 // by the network
	Copied       uint64 // by the network
	Dropped      uint64 // messages and inputs that arrived at a node that was down
	Bytes        uint64 // in the messages sent
	Syncs        uint64 // of whole disks: protocol.Env.Sync
	Flushes      uint64 // of single records, that take time: protocol.Env.Flush
	Outputs      uint64
	Shadows      uint64 // looks at whether what a node tells is safe: see Plan.Shadow
	Crashes      uint64
	Restarts     uint64
	Healed       protocol.Time // when the plan healed; 0 if it did not
	Misaddressed Misaddressed
	Faults       FaultCounts
	Digest       Digest
}

// add adds what a part counted. Its events, and what it sent to nodes that do not exist, are
// counted already.
func (r *Result) add(o *Result) {
	r.Received += o.Received
	r.Fired += o.Fired
	r.Sent += o.Sent
	r.Lost += o.Lost
	r.Copied += o.Copied
	r.Dropped += o.Dropped
	r.Bytes += o.Bytes
	r.Syncs += o.Syncs
	r.Flushes += o.Flushes
	r.Outputs += o.Outputs
	r.Shadows += o.Shadows
	r.Crashes += o.Crashes
	r.Restarts += o.Restarts
	r.Healed = max(r.Healed, o.Healed)
	r.Faults.add(&o.Faults)
}

// Misaddressed counts the messages to nodes that do not exist, and names the first. They
// are lost. That alone is no mistake, since addresses come from messages, which anybody
// may have made; but a protocol that means another node loses all that it sends there.
type Misaddressed struct {
	Sent uint64 // messages, counted in Result.Sent and Result.Lost too
	From protocol.NodeID
	To   protocol.NodeID
	Kind protocol.Kind
	At   protocol.Time
	Step uint64
}

// MisaddressedText says in words which messages the run's nodes sent to nodes that do not exist.
// It is empty if there were none, or if messages were damaged, so that an address may be what a
// fault made of another.
func (r *Result) MisaddressedText() string {
	if r.Misaddressed.Sent == 0 || r.Faults.Corrupted > 0 || r.Faults.Forged > 0 {
		return ""
	}
	return "messages to nodes that do not exist: " + r.Misaddressed.String()
}

// String says how many there were and which was the first, or is empty if there were
// none.
func (w Misaddressed) String() string {
	if w.Sent == 0 {
		return ""
	}
	return fmt.Sprintf("%d, the first by node %v to node %v: %v at step %d, %s ms", w.Sent, w.From, w.To, w.Kind, w.Step, Millis(w.At))
}

// FaultCounts counts what faults did. Crashes, and all losses and copies, are in
// Result too.
type FaultCounts struct {
	Unsynced      uint64 // records lost in crashes because they were not synced, torn ones too
	Kept          uint64 // unsynced records that survived a crash whole
	Torn          uint64 // unsynced records of which a part survived
	FailedSyncs   uint64
	FailedFlushes uint64
	SlowedSyncs   uint64 // and flushes
	Rotted        uint64 // bits flipped on disks
	Damaged       uint64 // nodes down for good, since a record failed its checksum
	Pauses        uint64 // of nodes that were up
	Cut           uint64 // messages lost to faults that cut links, such as Partition
	Lost          uint64 // messages lost to Lose
	Copied        uint64 // by Copy
	Late          uint64 // copies by Late
	Echoed        uint64 // copies by Echo
	LateTimers    uint64 // timers set to fire later than due
	Orders        uint64 // turns of goroutines, by Order, that were not the first that could run
	Yields        uint64 // turns that goroutines gave away, by Yield
	Stalls        uint64 // operations before which goroutines stood still, by Stall
	Full          uint64 // steps in which a node asked whether its disk is full, and it was
	Corrupted     uint64
	Slowed        uint64 // messages that Slow made late
	Clogged       uint64 // messages that waited in a Clog
	Jumps         uint64
	Drifts        uint64
	Lies          uint64 // messages that byzantine nodes changed or withheld
	Forged        uint64 // of these: with bytes that are made up or altered
}

func (c *FaultCounts) add(o *FaultCounts) {
	c.Unsynced += o.Unsynced
	c.Kept += o.Kept
	c.Torn += o.Torn
	c.FailedSyncs += o.FailedSyncs
	c.FailedFlushes += o.FailedFlushes
	c.SlowedSyncs += o.SlowedSyncs
	c.Rotted += o.Rotted
	c.Damaged += o.Damaged
	c.Pauses += o.Pauses
	c.Cut += o.Cut
	c.Lost += o.Lost
	c.Copied += o.Copied
	c.Late += o.Late
	c.Echoed += o.Echoed
	c.LateTimers += o.LateTimers
	c.Orders += o.Orders
	c.Yields += o.Yields
	c.Stalls += o.Stalls
	c.Full += o.Full
	c.Corrupted += o.Corrupted
	c.Slowed += o.Slowed
	c.Clogged += o.Clogged
	c.Jumps += o.Jumps
	c.Drifts += o.Drifts
	c.Lies += o.Lies
	c.Forged += o.Forged
}

// Reason is why a run ended.
type Reason uint8

// The reasons.
const (
	Running     Reason = iota
	Quiet              // nothing is pending
	Settled            // all that remains is periodic, and Done
	TimeUp             // Until was reached with events pending
	Bounded            // Plan.Events have happened, and more were pending
	Interrupted        // by Interrupt
	Broken             // by a panic; set by the code that recovers from it
)

// String returns the reason in words.
func (r Reason) String() string {
	return [...]string{"running", "nothing left to happen", "all done, only periodic timers left", "end of time", "most events reached", "interrupted", "a panic"}[r]
}
