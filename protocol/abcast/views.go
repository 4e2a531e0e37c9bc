package abcast

import (
	"fmt"
	"time"

	"dessim/protocol"
)

// Views makes a group survive failures: see the package comment. Tick and
// Datagram are required.
type Views struct {
	// Datagram sends over a link that may lose, copy, delay and reorder. msg is
	// borrowed: it is valid until Datagram returns. It may be as long as the log
	// that the receiver lacks.
	Datagram func(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte)
	// Tick is the time between heartbeats. It should be at least twice the delay
	// of a link on a good day; if it is less, members are suspected in vain and
	// messages repeated in vain, and nothing worse. All patience is counted in
	// ticks, not by the clock, which may jump.
	Tick time.Duration
	// Merge is how long a member that ordered something waits for more, so that
	// one Sync and one report of stability to each member do for all of it. 0
	// reports at the end of each step.
	Merge time.Duration
	// Changed, which may be nil, is told of each view at its place in the order.
	// Like Deliver it may call Broadcast. v.Members is shared: it must not be
	// changed.
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

// A Life is one life of a node. Lives, not nodes, are members of views.
type Life struct {
	Node        protocol.NodeID
	Incarnation uint32
}

// String gives node/incarnation.
func (l Life) String() string { return fmt.Sprintf("%v/%d", l.Node, l.Incarnation) }

// A View is a set of lives that order messages together, from one place of the
// order on. All nodes see the same views at the same places.
type View struct {
	Number  uint64 // grows from view to view, with gaps
	Members []Life // ascending; with Views a majority of the universe, at least
	Place   uint64 // index of the next message
}
