package protocol

import (
	"fmt"
	"strconv"
	"time"
)

// A Node is a deterministic state machine. One step consumes one event, runs to
// completion, and speaks only through env, which it must not keep.
type Node interface {
	// Start begins an incarnation: the first one and, with the records that
	// survived in env.Records, every later one. The Node value is new each time.
	Start(env *Env)
	// Receive consumes a message. msg is borrowed: it is valid until Receive
	// returns and must not be changed. from is Outside for an input.
	Receive(env *Env, from NodeID, msg []byte)
	// Timeout consumes the timer that was set under tag.
	Timeout(env *Env, tag uint64)
}

// A Describer is a Node that can describe its state, for reports: they show the states
// of several nodes side by side, and what a step changed. So all descriptions have one
// form, which can be compared key by key:
//
//	key: value
//	key:
//	  key: value      a part, two spaces further in
//
// A key occurs once among the parts of its parent. An item of a set has its identity as
// key, and such items ascend; an item of a sequence has its index, which stays the same
// when earlier ones are discarded; an item of a queue has its identity, in the order of
// the queue. Values have the words of traces. Identities are shortened to 8 digits, so
// that two may, very rarely, look alike.
//
// A description is whole: it has everything that decides what the node does next, so that
// a person can tell. What is long is put briefly (as a hash, as the ends of ranges) and
// not left out. And it is canonical: equal states have equal descriptions. Configuration
// is left out, and what only counts. Package words has what it takes to write one.
type Describer interface {
	// Describe appends the state to b as lines of text and returns the result. It is
	// called between steps and changes nothing.
	Describe(b []byte) []byte
}

// A Stateful is a Node that can write down all of its state: for searches, which must
// know where they have been, and for comparisons.
type Stateful interface {
	// AppendState appends to b, as lines of text, all that the further steps of the node
	// depend on, and returns it. Nodes of equal configuration and equal text go on
	// alike. The text has one form: nothing in it depends on how the node came there.
	// What never changes, what only counts and what only saves work is left out.
	AppendState(b []byte) []byte
}

// A Sized is a Node that can say how much it holds: for checks that nothing is kept for
// ever (package sim/check).
type Sized interface {
	// Sizes calls see with the number of items in each collection that the node has, maps
	// and queues alike, in one order. Names are "machine.what", and each occurs once. A
	// collection that a fixed number bounds, such as one for each member, may be left out.
	// Sizes is called between steps and changes nothing.
	Sizes(see func(name string, items int))
}

// A Waiter is a Node that can say which timers it needs: for checks that nothing waits for
// ever (package sim/check).
type Waiter interface {
	// Waits calls see with the tag of each timer that must be pending between steps, since
	// something waits for it: a question to be asked again, a query that may get no answer.
	// It looks at what waits, and not at whether the timer was set. Names are
	// "machine.what", as those of Sized. Waits is called between steps and changes nothing.
	Waits(see func(name string, tag uint64))
}

// NodeID names a node for all time. Nodes of a run are numbered from 0 without
// gaps, clients after the peers.
type NodeID uint32

// Outside is the sender of an input: nobody in the run.
const Outside NodeID = 1<<32 - 1

// String returns the number, or "outside".
func (id NodeID) String() string {
	if id == Outside {
		return "outside"
	}
	return strconv.FormatUint(uint64(id), 10)
}

// Time is a point in time: nanoseconds since the start of the run, from 0 to
// MaxTime.
type Time int64

// MaxTime is the latest time of a run: 100 days, which stays below 2^53.
const MaxTime = Time(100 * 24 * time.Hour)

// Add returns the time d later. It panics when the sum leaves the range 0 to
// MaxTime, because a wrapped time would reorder the run silently.
func (t Time) Add(d time.Duration) Time {
	s := t + Time(d)
	if s < 0 || s > MaxTime || (d > 0) != (s > t) && d != 0 {
		panic(fmt.Sprintf("protocol: time %d plus %d leaves the range 0 to %d", t, d, MaxTime))
	}
	return s
}

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String prints the time since the start as a duration.
func (t Time) String() string { return time.Duration(t).String() }

// Ratio is a probability as a fraction of two integers, since floats differ
// between machines. It means Num of Den; the zero Ratio means never.
type Ratio struct{ Num, Den uint32 }

// Percent returns the ratio of n in a hundred.
func Percent(n uint32) Ratio { return Ratio{n, 100} }

// Valid reports whether r lies in 0 to 1.
func (r Ratio) Valid() bool { return r.Num <= r.Den }

// Never reports whether an event of probability r cannot happen.
func (r Ratio) Never() bool { return r.Num == 0 }

// Sure reports whether an event of probability r must happen.
func (r Ratio) Sure() bool { return r.Num != 0 && r.Num >= r.Den }

// Above reports whether r is more than o. Both are valid.
func (r Ratio) Above(o Ratio) bool {
	return uint64(r.Num)*uint64(max(o.Den, 1)) > uint64(o.Num)*uint64(max(r.Den, 1))
}
