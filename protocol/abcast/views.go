package abcast

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Views makes a group survive failures: see the package comment. Datagram and
// Tick are required.
type Views struct {
	// Datagram sends over a link that may lose, copy, delay and reorder. msg is
	// borrowed: it is valid until Datagram returns. It may be as long as the log
	// that the receiver lacks.
	Datagram func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)
	// Tick is the least time between heartbeats to one node, but for answers: see NextTick. It should be at
	// least twice the usual delay of a link; if it is less, live members are
	// suspected and messages repeated needlessly, and nothing worse. All timeouts
	// are counted in ticks, not by the clock, which may jump.
	Tick time.Duration
	// Merge is how long a member that ordered something waits for more, so that
	// one Sync and one report of stability to each member cover all of it. With 0
	// it reports at the end of each step.
	Merge time.Duration
	// Changed, which may be nil, takes each view at its place in the order. Like
	// Deliver it may call Broadcast. v.Members is shared: it must not be changed.
	Changed func(env *protocol.Env, v View)
}

func (v *Views) check() {
	if v.Datagram == nil {
		panic("abcast: config has Views without Datagram")
	}
	if v.Tick <= 0 {
		panic(fmt.Sprintf("abcast: config has a tick of %v, want more than 0", v.Tick))
	}
	if v.Merge < 0 {
		panic(fmt.Sprintf("abcast: config merges for %v, want at least 0", v.Merge))
	}
}

// A Member is one incarnation of a node. Incarnations, not nodes, are the members
// of views.
type Member struct {
	Node        protocol.NodeID
	Incarnation uint32
}

// String returns node/incarnation.
func (m Member) String() string { return string(m.append(make([]byte, 0, 32))) }

func (m Member) append(b []byte) words.Row {
	return words.Row(b).Node(m.Node).Str("/").Uint(uint64(m.Incarnation))
}

// A View is a set of members that order messages together, from one place in the
// order on. All nodes see the same views at the same places.
type View struct {
	Number  uint64   // grows from view to view, with gaps
	Members []Member // ascending; with Views at least a majority of all nodes
	Place   uint64   // index of the next message
}
