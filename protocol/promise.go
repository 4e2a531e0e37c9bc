package protocol

import "fmt"

// A Promise is something that a node has told others, or made final, and so must know
// after any crash: that it votes yes, for whom it voted in a term, how long its log is.
type Promise struct {
	Kind  Kind      // what is promised: "raft.vote"
	Key   [3]uint64 // of what: a term, a transaction; numbers at the end that do not matter are 0
	Value uint64    // what of it: a node, a length, 1 for yes; what is longer is hashed
	Least bool      // a greater value keeps the promise as well
	// Holders is on how many nodes it is safe, the one that makes it perhaps among them:
	// a majority of all, say, which has what is delivered. If it is 0, the node that makes
	// the promise keeps it.
	Holders int
	// Common reports that all nodes which promise something of this kind and key promise the
	// same value: what has that place in a log that all of them have.
	Common bool
}

// String returns "raft.vote 3 = 2", "twopc.yes 5.17.1 >= 1" or "abcast.held 2.1.7 = 1 on 3 nodes".
func (p Promise) String() string {
	b := fmt.Appendf(nil, "%v %d", p.Kind, p.Key[0])
	if p.Key[1] != 0 || p.Key[2] != 0 {
		b = fmt.Appendf(b, ".%d", p.Key[1])
	}
	if p.Key[2] != 0 {
		b = fmt.Appendf(b, ".%d", p.Key[2])
	}
	is := "="
	if p.Least {
		is = ">="
	}
	b = fmt.Appendf(b, " %s %d", is, p.Value)
	if p.Holders > 0 {
		b = fmt.Appendf(b, " on %d nodes", p.Holders)
	}
	return string(b)
}

// KeptBy reports whether a node keeps the promise that knows value in its place.
func (p *Promise) KeptBy(value uint64) bool {
	return value == p.Value || p.Least && value > p.Value
}

// A Promiser is a Node that says what its messages and outputs promise, and which promises
// it knows. A runtime that simulates it then sees that a promise was told before it was
// safe, without a crash: when the effect leaves, it makes another Node of the same
// identity, has that start from the records that a crash would leave, and asks it.
//
// So a Promiser that is made and started must leave no trace outside, but for what only
// saves work.
type Promiser interface {
	Node
	// Promises appends to list what an effect promises, which the node made in its last step
	// and which leaves now: a Send or an Output. Most promise nothing.
	Promises(list []Promise, f *Effect) []Promise
	// Keeps returns the value under which the node knows what p is about. It is false
	// if the node does not know of it. What the node need not know any more, such as a
	// transaction that all have ended, counts as kept: then it returns p.Value.
	Keeps(p *Promise) (value uint64, known bool)
}

// A Repeater is a Promiser that can be handed a message again which it has received: the
// same request, from somebody who asks twice. What it then promises is the same.
type Repeater interface {
	Promiser
	// Repeat consumes the message, as Receive does, but beyond what drops copies of messages
	// on their way, such as a link.
	Repeat(env *Env, from NodeID, msg []byte)
}
