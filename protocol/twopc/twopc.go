// Package twopc is two-phase commit with presumed abort: coordinator and
// participant roles of one node in one component, the Manager.
//
// The protocol is that of Bernstein, Hadzilacos and Goodman, "Concurrency
// Control and Recovery in Database Systems", chapter 7 (with its cooperative
// termination, 7.4), with the presumption of Mohan, Lindsay and Obermarck,
// "Transaction Management in the R* Distributed Database Management System"
// (1986), section 3; the words are those of Gray and Lamport, "Consensus on
// Transaction Commit" (2006), section 3.
//
//	coordinator                        participant
//	Begin      PREPARE ------------->  Inspect, reserve, force PREPARED
//	           <------------- VOTE
//	force COMMIT
//	           DECISION ------------>  force DECISION, release
//	           <-------------- ACK
//	           each writes END after its next forced record
//
// It promises, whatever is lost, copied, reordered or crashed: all nodes that decide
// decide the same (AC1), no decision is reversed (AC2), commit only if all voted
// yes (AC3), commit if all vote yes and nothing fails or times out (AC4), and
// that every node in doubt decides once failures are repaired (AC5).
//
// It does not promise progress while the coordinator and all nodes that know the
// decision are down: then participants in doubt block and never guess. It does not
// withstand nodes that lie: anyone may vote no, or ask about a transaction that is yet
// to come and so abort it. And it does not promise AC2 for an ID that is begun twice,
// see Begin.
//
// # Cost
//
// A commit with N participants apart from the coordinator costs 4N messages, 4
// message delays counting acknowledgements, and 2N+1 forced writes, whether or
// not the coordinator is a participant too: its own yes is part of its commit
// record, and until then its reservation is volatile, since a crash aborts. An
// abort by vote costs at most 3N messages, 3 delays, no acknowledgement, and no
// forced write but PREPARED at each participant that voted yes; if the
// coordinator itself votes no, nothing at all.
//
// # Presumption
//
// A coordinator forces nothing before it commits, keeps a commit until all have
// acknowledged it, and answers "abort" about transactions it does not know. No other
// node presumes: a participant that is asked about a transaction on which it has not
// voted yes first makes sure that it never will, by a forced abort record. A
// participant that votes no does not decide on its own at once. The textbook lets it,
// but then its abort would have to be forced: otherwise (the no is lost, the
// participant crashes and forgets, a copied PREPARE arrives, it votes yes) its abort
// could be followed by a commit. So it waits for the coordinator's abort, holding no
// reservation, and forces an abort record only if that does not come.
//
// # Doubt
//
// A participant that has voted yes and does not know the decision blocks, holding its
// keys. The outputs show how often and for how long (Doubts). A coordinator that
// restarts ends the doubt: if it had committed, by sending the decision at once, if
// not, when it is asked (Returned makes that soon).
//
// # Memory
//
// A node remembers how the last Config.Remember transactions of each client
// ended. Asked about older ones it answers "I do not know", and to a PREPARE it votes
// no, so that a late copy can neither reserve nor vote again. A client that has more
// transfers than that between its oldest unfinished and its newest one is therefore
// refused.
//
// With a Remember as small as 1, AC1 to AC3 and AC5 hold all the same, since nothing is
// forgotten that is open: a commit is open at its coordinator until all have acknowledged,
// and at a participant until it is forced. A coordinator says abort of what it has forgotten,
// since one in doubt about that can only be in doubt about an abort; a late copy of a
// question may so be told abort of a commit, but then nobody is in doubt who could believe
// it. What goes is liveness, of two kinds: a transaction whose ID is below what a
// participant has forgotten aborts, always; and one that has forgotten is no help to others
// in doubt, so that they wait for the coordinator.
//
// On disk no more than about twice that is kept, and what is open, if the host
// lets the Manager discard records (Config.Discard), or discards them itself, since other
// components have records there too (Checkpoint).
package twopc

import (
	"cmp"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/words"
)

// Kinds of messages.
var (
	KindPrepare  = protocol.KindOf("prepare")
	KindVote     = protocol.KindOf("vote")
	KindDecision = protocol.KindOf("decision")
	KindAck      = protocol.KindOf("ack")
	KindAsk      = protocol.KindOf("ask")
	KindAnswer   = protocol.KindOf("answer")
)

// KindAbort is the question whether a participant votes abort at random.
var KindAbort = protocol.KindOf("abort")

// Kinds of outputs: see Record.
var (
	KindBegun   = protocol.KindOf("begun")
	KindVoted   = protocol.KindOf("voted")
	KindDecided = protocol.KindOf("decided")
)

// ID names a transaction: one attempt at a client's transfer. A retry is another
// transaction, with a greater attempt number.
type ID struct {
	Client   protocol.NodeID
	Transfer uint64
	Attempt  uint32
}

// Compare orders by client, transfer and attempt.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Client, other.Client), cmp.Compare(id.Transfer, other.Transfer),
		cmp.Compare(id.Attempt, other.Attempt))
}

// String returns client/transfer.attempt.
func (id ID) String() string { return string(id.append(make([]byte, 0, 32))) }

func (id ID) append(b []byte) words.Row {
	return words.Row(b).Node(id.Client).Str("/").Uint(uint64(id.Transfer)).Str(".").Uint(uint64(id.Attempt))
}

// An Endorsement is what a participant attaches to its yes, such as its signature.
// It is opaque here and may be empty.
type Endorsement struct {
	Node  protocol.NodeID
	Bytes []byte
}

// A Decision is how a transaction ended at this node. The receiver may keep its
// slices but not change them.
type Decision struct {
	ID     ID
	Commit bool
	// Payload is Begin's; nil at a participant that never received it.
	Payload []byte
	// Endorsements has one of each participant, by ascending node; nil on abort.
	Endorsements []Endorsement
	Coordinator  protocol.NodeID
	Mine         bool // this node is the coordinator
}

// Config is what a Manager needs from its host. All but Abort is required.
type Config struct {
	// Send sends msg, which is borrowed. Perfect links make aborts rarer; raw
	// datagrams break no promise. A host with links passes on the restarts that they
	// notice: see Returned.
	Send func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)

	// VoteTimeout is how long a coordinator waits for all votes before it aborts.
	VoteTimeout time.Duration
	// AskAfter is how long a participant waits for a decision before it asks, and
	// a coordinator for acknowledgements before it repeats a commit. The pauses grow
	// with each repetition: see AskAgain and CommitAgain. It should exceed VoteTimeout
	// by some delays, or questions are wasted.
	AskAfter time.Duration
	// Remember is how many ended transactions of each client are remembered.
	Remember int

	// Discard, unless nil, lets the Manager discard the records of what has ended.
	Discard *Discard

	// Abort returns the probability of voting abort at random, by a question
	// KindAbort that is asked when the vote would be yes. nil means never.
	Abort func(id ID) protocol.Ratio

	// Inspect is this participant's own judgement, asked once before it votes: may
	// payload commit? If so, keys are the inputs to reserve here until the decision
	// (if one of them is taken, the vote is no all the same), and endorsement travels
	// with the yes. payload is borrowed; the results are copied. It must not call the
	// Manager and must persist nothing: a crash aborts without notice to the host.
	Inspect func(env *protocol.Env, id ID, payload []byte) (keys [][]byte, endorsement []byte, ok bool)

	// Decided reports how a transaction ended, once in an incarnation: at the
	// coordinator and at participants. The keys are no longer reserved then; so
	// on commit the host itself marks them spent. It may call Begin.
	//
	// After a restart it is called again, from Start: at a coordinator for commits that
	// not all have acknowledged, and at either for commits after which nothing was
	// forced here. A participant that learns an abort anew calls it again, too. What
	// Decided persisted of a commit is durable if it is not called again for it, even
	// where a crash keeps some unsynced records and loses earlier ones; of an abort
	// nothing is, so nothing durable may depend on one. It is not called for
	// transactions that a crash aborted: a coordinator's that had not committed, and
	// those on which a participant had not voted yes.
	Decided func(env *protocol.Env, d Decision)
}

// The rules for what is sent again, from Config.AskAfter on: the question about a
// decision, until it is known or the coordinator returns (see Returned), and a commit,
// until all have acknowledged it.
var (
	AskAgain    = backoff.Rule{Kind: protocol.KindOf("ask.again"), Doublings: 4, Jitter: protocol.Ratio{Num: 1, Den: 4}}
	CommitAgain = backoff.Rule{Kind: protocol.KindOf("commit.again"), Doublings: 4, Jitter: protocol.Ratio{Num: 1, Den: 4}}
)

func (c *Config) check() {
	if c.Send == nil {
		panic("twopc: Config.Send is nil")
	}
	if c.Inspect == nil {
		panic("twopc: Config.Inspect is nil")
	}
	if c.Decided == nil {
		panic("twopc: Config.Decided is nil")
	}
	if c.VoteTimeout < 1 {
		panic(fmt.Sprintf("twopc: Config.VoteTimeout is %v, want at least 1ns", c.VoteTimeout))
	}
	if most := min(AskAgain.MostFirst(), CommitAgain.MostFirst()); c.AskAfter < 1 || c.AskAfter > most {
		panic(fmt.Sprintf("twopc: Config.AskAfter is %v, want 1ns to %v", c.AskAfter, most))
	}
	if c.Remember < 1 {
		panic(fmt.Sprintf("twopc: Config.Remember is %d, want at least 1", c.Remember))
	}
	c.Discard.check()
}

// Status is the state of a transaction at one node.
type Status uint8

// The states of a transaction.
const (
	Unknown    Status = iota // never heard of, or forgotten
	Collecting               // coordinator: waits for votes
	Committing               // coordinator: committed, waits for acknowledgements
	Refused                  // participant: voted no, waits for the abort
	InDoubt                  // participant: voted yes, waits for the decision
	Committed                // ended
	Aborted                  // ended
)

// String names the state.
func (s Status) String() string {
	names := [...]string{"unknown", "collecting", "committing", "refused", "in doubt", "committed", "aborted"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Stats counts what a Manager did in this incarnation.
type Stats struct {
	Conflicts uint64 // own votes no: because a key was reserved
	Random    uint64 // own votes no: by Config.Abort
	Asked     uint64 // questions sent
	Presumed  uint64 // answered "abort" because there was no record
	Late      uint64 // messages about what has ended or is known, without effect
	Stray     uint64 // messages from nodes that have no part in the transaction
	Corrupt   uint64 // records that are torn or damaged
	Malformed uint64 // messages and records that are not canonical
}
