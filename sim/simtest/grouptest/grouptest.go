// Package grouptest sweeps runs of a totally ordered group: abcast under Views, and
// raft behind the same calls. It draws a plan of package sim from a seed, with faults of
// all sorts until it heals, and judges what every life of every member delivers. It is
// for tests alone.
//
// A run promises: whatever is delivered stands at one place of one sequence of
// messages and changes (views, terms), which no life of any node contradicts;
// each life delivers it from the beginning without gaps; every message was
// broadcast, with that payload, and is delivered once and in its origin's order;
// a minority delivers nothing that was broadcast after it was cut off; and when
// all is calm again, every node has delivered all of it, and whatever a life
// broadcast that still lives.
//
// It does not corrupt messages: that is for the tests of the decoders. It knows a
// group by the calls of its host alone, so it cannot tell a wrong state that is
// never delivered.
package grouptest

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// Tick is the tick of every group.
const Tick = 100 * time.Millisecond

// HandedOver is the kind of the output of a delivery: see Protocol.New.
var HandedOver = protocol.KindOf("handed-over")

// A Group is one life of a member.
type Group = abcast.Orderer

// Deliver is what a Group calls for each message.
type Deliver = func(env *protocol.Env, index uint64, m abcast.Message)

// A Protocol is what a world has to know of the group that it tests.
type Protocol struct {
	// Salt keeps the worlds of two protocols with one seed apart.
	Salt uint64
	// New makes a life of a member that sends by Env.Send and ticks each Tick. What
	// it delivers becomes an output, so that only that counts which no crash cut off.
	New func(members []protocol.NodeID, deliver Deliver) Group
	// Vary, which may be nil, draws what differs from run to run in what New makes.
	Vary func(w *World)
	// Distort, which may be nil, returns what a wrong host would do instead of what a
	// step did.
	Distort func(effects []protocol.Effect) []protocol.Effect

	// Steps are the kinds of messages around whose sending a node may crash.
	Steps []protocol.Kind
	// Report is the message that says what is on its sender's disk, and Promise the one
	// that says that its sender follows no earlier leader.
	Report, Promise protocol.Kind

	// Refuse, which may be nil, says what is wrong with a view that no life delivered
	// before, or "".
	Refuse func(w *World, v abcast.View) string
	// Mark, if not 0, is the kind of outputs that are neither messages nor views and
	// have a place among them all the same, and DecodeMark reads one: a number that
	// grows, and how many messages are delivered before it.
	Mark       protocol.Kind
	DecodeMark func(body []byte) (n, place uint64, ok bool)
}

// group makes a Group among so many nodes.
func (p *Protocol) group(size int) Group {
	members := make([]protocol.NodeID, size)
	for i := range members {
		members[i] = protocol.NodeID(i)
	}
	return p.New(members, handOver)
}

// T is what is used of a *testing.T.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xee
	}
}
