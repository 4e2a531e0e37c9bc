package twopc

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

// What follows is for an auditor that sees only messages, records and outputs.

// MessageID returns the transaction that a message is about, for checks that count
// messages. ok is false for anything else.
func MessageID(msg []byte) (id ID, ok bool) {
	m, ok := decodeMessage(msg)
	return m.id, ok
}

// Proposal returns what a PREPARE proposes: a transaction and its payload, which aliases
// msg. ok is false for anything else.
func Proposal(msg []byte) (id ID, payload []byte, ok bool) {
	m, ok := decodeMessage(msg)
	return m.id, m.payload, ok && m.kind == msgPrepare
}

// Question returns the transaction that a message asks about. ok is false for anything else.
func Question(msg []byte) (id ID, ok bool) {
	if !asks(msg) {
		return ID{}, false
	}
	m, ok := decodeMessage(msg)
	return m.id, ok
}

// asks reports whether a message is a question, if it can be read: without reading it all,
// since most are not.
func asks(msg []byte) bool {
	r := bencode.ListOf(protocol.TwoPC.Cut(msg))
	return msgKind(r.UintMax(uint64(msgAnswer))) == msgAsk
}

// Says returns the transaction that an answer is about, and whether it says that it aborted. ok
// is false for anything else.
func Says(msg []byte) (id ID, aborts, ok bool) {
	m, ok := decodeMessage(msg)
	return m.id, m.outcome == saysAbort, ok && m.kind == msgAnswer
}

// openRecord reads a record as it lies on disk, aliasing b.
func openRecord(b []byte) (v record, ok bool) {
	if b, ok = seal.Open(b); !ok {
		return record{}, false
	}
	return decodeRecord(b)
}

// ForcedID returns the transaction of a record that is forced for it. ok is false for
// anything else.
func ForcedID(rec []byte) (id ID, ok bool) {
	r, ok := openRecord(rec)
	return r.id, ok && r.kind != recEnd && !r.again
}

// A Fact is what a message claims and a record proves about its node: that it voted
// yes on a transaction, or that it committed it. It is comparable.
type Fact struct {
	ID     ID
	Commit bool
}

// String returns "yes on 3/0.1" or "commit of 3/0.1".
func (f Fact) String() string {
	if f.Commit {
		return fmt.Sprintf("commit of %v", f.ID)
	}
	return fmt.Sprintf("yes on %v", f.ID)
}

// Needs returns the fact that a record synced before, at the node that sends msg, must
// prove: a yes vote needs that node's yes; a decision to commit, an answer that says
// so and an acknowledgement need its commit. ok is false for all else: a PREPARE, a no
// and a question promise nothing, an abort is presumed.
//
// An abort that answers a question may need a record too, if the node that answers
// never voted. The message does not show that, so no check of single messages sees it.
func Needs(msg []byte) (f Fact, ok bool) {
	v, ok := decodeMessage(msg)
	if !ok {
		return Fact{}, false
	}
	switch {
	case v.kind == msgVote && v.yes:
		return Fact{v.id, false}, true
	case v.kind == msgDecision && v.yes, v.kind == msgAnswer && v.outcome == saysCommit, v.kind == msgAck:
		return Fact{v.id, true}, true
	}
	return Fact{}, false
}

// Proves returns the fact that a record proves from its sync on, for all incarnations
// of its node. ok is false for all else.
func Proves(rec []byte) (f Fact, ok bool) {
	v, ok := openRecord(rec)
	if !ok {
		return Fact{}, false
	}
	switch v.kind {
	case recPrepared:
		return Fact{v.id, false}, true
	case recCommit, recDecided, recEnded:
		return Fact{v.id, true}, true
	}
	return Fact{}, false
}

// Ends returns the transaction that a record ends at its node: from its sync on, no later
// incarnation takes it up again. ok is false for all else.
func Ends(rec []byte) (id ID, ok bool) {
	v, ok := openRecord(rec)
	return v.id, ok && (v.kind == recAbort || v.kind == recEnd || v.kind == recEnded)
}

// An Entry is what a record says of a transaction. It is comparable: of equal ones, the second
// says nothing new.
type Entry struct {
	ID   ID
	kind uint64
}

// ReadEntry returns what a record says. again says that it is written for those before it, which
// are discarded. ok is false for what is no record of this package.
func ReadEntry(rec []byte) (x Entry, again, ok bool) {
	v, ok := openRecord(rec)
	if v.kind == recEnded {
		v.kind = recEnd
	}
	return Entry{v.id, v.kind}, v.again, ok
}

// Own reports whether it is for a coordinator to record: its commit, and the end of it.
func (x Entry) Own() bool { return x.kind == recCommit || x.kind == recEnd }

// Ends reports whether it ends a commit.
func (x Entry) Ends() bool { return x.kind == recEnd }

// String returns such as "3/0.1 aborted".
func (x Entry) String() string {
	return x.ID.String() + " " + [...]string{"got a yes", "is to commit", "has committed", "aborted", "ended"}[x.kind]
}

// Doubts measures for how long participants are in doubt, from outputs alone: from
// the yes of a node that is not the coordinator to its decision. A crash does not
// end a doubt, because the yes binds the next incarnation too; a crash that loses an
// abort begins it anew. At must be true time: a node's own clock may be off. The zero
// Doubts is ready.
type Doubts struct {
	open  map[place]protocol.Time
	ended int
	worst Doubt
}

type place struct {
	id   ID
	node protocol.NodeID
}

// A Doubt is one period of doubt.
type Doubt struct {
	ID   ID
	Node protocol.NodeID
	From protocol.Time
	To   protocol.Time
}

// Output consumes an output of any kind. ended is true if it ends the doubt d.
func (x *Doubts) Output(at protocol.Time, node protocol.NodeID, kind protocol.Kind, rec []byte) (d Doubt, ended bool) {
	r, ok := DecodeOutput(kind, rec)
	if !ok || r.Coordinator == node {
		return Doubt{}, false
	}
	p := place{r.ID, node}
	since, doubts := x.open[p]
	switch {
	case kind == KindVoted && r.Yes && !doubts:
		if x.open == nil {
			x.open = make(map[place]protocol.Time)
		}
		x.open[p] = at
	case kind == KindDecided && doubts:
		delete(x.open, p)
		d = Doubt{ID: r.ID, Node: node, From: since, To: at}
		x.ended++
		if d.To-d.From > x.worst.To-x.worst.From {
			x.worst = d
		}
		return d, true
	}
	return Doubt{}, false
}

// Ended returns the number of doubts that ended by a decision.
func (x *Doubts) Ended() int { return x.ended }

// Longest returns the longest doubt that ended, the first of equals. It is the zero
// Doubt if none took any time.
func (x *Doubts) Longest() Doubt { return x.worst }
