// Package grouptest sweeps runs of a totally ordered group: abcast under Views, and raft
// behind the same calls. It draws a plan of package sim from a seed, with faults of all
// sorts until it heals, and judges what every life (incarnation) of every member delivers.
// It is for tests alone.
//
// In each run it requires one sequence of messages and changes (views, terms). Each life
// delivers that sequence from the beginning without gaps. Every message was broadcast with
// that payload, and is delivered once and in its origin's order. A minority delivers
// nothing that was broadcast after it was cut off. After the heal, every node delivers the
// whole sequence, which has every message broadcast by a life that still lives.
//
// It does not corrupt messages: that is for the tests of the decoders. It sees a group only
// through the calls of its host, so it cannot detect a wrong state that is never delivered.
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

// A Protocol is what a world needs to know about the group that it tests.
type Protocol struct {
	// Salt keeps the worlds of two protocols with one seed apart.
	Salt uint64
	// New returns a life of a member that sends by Env.Send and ticks each Tick. Its
	// deliveries become outputs, so that only those count that no crash cut off.
	New func(members []protocol.NodeID, deliver Deliver) Group
	// Vary, if not nil, draws variations of New from run to run.
	Vary func(w *World)
	// Distort, if not nil, returns the effects that a wrong host would do instead of a
	// step's.
	Distort func(effects []protocol.Effect) []protocol.Effect

	// Steps are the kinds of messages around whose sending a node may crash.
	Steps []protocol.Kind
	// Report is the kind of message that reports what is on its sender's disk; Promise is
	// the kind by which its sender promises to follow no earlier leader.
	Report, Promise protocol.Kind

	// Led says that a node can lead that others do not hear: see check.NewCore.
	Led bool

	// Refuse, if not nil, returns what is wrong with a view that no life has delivered
	// before, or "".
	Refuse func(w *World, v abcast.View) string
	// Mark, if not 0, is the kind of outputs that are neither messages nor views but have
	// a place among them. DecodeMark decodes one: a number that grows, and the number of
	// messages delivered before it.
	Mark       protocol.Kind
	DecodeMark func(body []byte) (n, place uint64, ok bool)
}

// group returns a Group among that many nodes.
func (p *Protocol) group(size int) Group {
	members := make([]protocol.NodeID, size)
	for i := range members {
		members[i] = protocol.NodeID(i)
	}
	return p.New(members, handOver)
}

// T is the part of *testing.T that the package uses.
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
