package check

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
)

// Traffic bounds what each node sends. Virtual time is divided into windows, which begin
// at multiples of Window. In each, a node may send Most messages, and PerEvent more for
// each event from outside in that window or the one before: a start, a crash, an input, or
// a fault that begins or ends. So the bound grows with the load, holds under faults as it
// does in calm, and catches a node that keeps trying in vain.
//
// A pause, a clog or a slow sync holds messages back, and a node that receives them all at
// once answers them all. So in the window in which a fault ends, or a long sync of the node,
// and the next, it may send perHeld messages more for each that was on its way to it then.
// Two nodes that keep each other busy gain nothing by that: no fault ends.
//
// A window should be some times as long as a burst of messages that is no mistake, such
// as after a heal.
type Traffic struct {
	Window   time.Duration // more than 0
	Most     uint64        // messages of a node in a window: those of its periodic timers, at least
	PerEvent uint64        // messages of a node beyond that
}

// Sends requires that every node keeps to a bound of what it sends. Messages that the
// network loses count, copies that it makes do not. What is reported is the first window
// that is over and broke the bound, with the kind that most of its messages have.
func Sends(name string, t Traffic) *Check {
	if t.Window < 1 {
		panic(fmt.Sprintf("check: %q has a window of %v, want more than 0", name, t.Window))
	}
	s := &senders{Traffic: t}
	watch := sim.Sent | sim.Copied | sim.Lost | sim.Received | sim.Dropped | sim.Started | sim.Crashed | sim.Synced | sim.Injected | sim.Lifted
	return &Check{name: name, watch: watch, see: s.see, conclude: s.conclude, reads: sim.ReadsEvents}
}

// perHeld is the number of messages with which a node may answer one that a fault held back:
// some for each member of a small group, as its acknowledgement and what that lets go.
const perHeld = 4

// longSync is the part of a window after which a sync counts as one that holds messages back.
const longSync = 10

type senders struct {
	Traffic
	window int64     // that is not over
	events [2]uint64 // from outside: in the window before, and in this one
	nodes  []sender  // by node
	nobody sender    // stands for nodes that have had no event
}

// sender is what a node sent in the window, and what is on its way to it.
type sender struct {
	sent  uint64
	kinds []sentKind            // in the order of their first message
	index map[protocol.Kind]int // of kinds, if they are many
	at    protocol.Time         // of the last message
	step  uint64

	coming uint64        // messages on their way to the node, or waiting there
	held   [2]uint64     // messages perhaps let go at once: in the window before, and in this one
	woke   protocol.Time // when the node last did something
}

type sentKind struct {
	kind protocol.Kind
	n    uint64
}

func (s *senders) see(c *Check, e *sim.Event) {
	if w := int64(e.At) / int64(s.Window); w != s.window {
		if s.close(c); c.failed {
			return
		}
		s.turn(w)
	}
	switch e.What {
	case sim.Sent:
		s.sent(e)
		s.known(e.Peer).coming++
	case sim.Copied:
		s.known(e.Peer).coming++
	case sim.Lost:
		s.known(e.Peer).arrived()
	case sim.Received, sim.Dropped:
		n := s.node(e.Node)
		n.woke = e.At
		switch {
		case e.Peer != protocol.Outside:
			n.arrived()
		case e.What == sim.Received:
			s.events[1]++
		}
	case sim.Synced:
		if n := s.node(e.Node); e.At.Sub(n.woke) > s.Window/longSync {
			n.letGo()
		}
		s.node(e.Node).woke = e.At
	case sim.Lifted:
		for i := range s.nodes {
			s.nodes[i].letGo()
		}
		s.events[1]++
	case sim.Started:
		s.node(e.Node).woke = e.At
		s.events[1]++
		c.exercised++
	default:
		s.events[1]++
	}
}

// turn begins window w.
func (s *senders) turn(w int64) {
	next := w == s.window+1
	pass := func(n *[2]uint64) {
		n[0], n[1] = n[1], 0
		if !next {
			n[0] = 0
		}
	}
	pass(&s.events)
	for i := range s.nodes {
		n := &s.nodes[i]
		pass(&n.held)
		n.sent, n.kinds, n.index = 0, n.kinds[:0], nil
	}
	s.window = w
}

// known returns what is known of the receiver of a message, which may not exist.
func (s *senders) known(id protocol.NodeID) *sender {
	if uint64(id) >= uint64(len(s.nodes)) {
		return &s.nobody
	}
	return &s.nodes[id]
}

// node returns what is known of a node that has had an event.
func (s *senders) node(id protocol.NodeID) *sender {
	for uint64(id) >= uint64(len(s.nodes)) {
		s.nodes = append(s.nodes, sender{})
	}
	return &s.nodes[id]
}

// arrived takes a message off those on their way.
func (n *sender) arrived() { n.coming = max(n.coming, 1) - 1 }

// letGo counts the messages on their way as held back until now. Those that another fault
// still holds count again when that ends, and may all arrive then.
func (n *sender) letGo() { n.held[1] += n.coming }

func (s *senders) sent(e *sim.Event) {
	n := s.node(e.Node)
	n.sent++
	n.at, n.woke, n.step = e.At, e.At, e.Step
	n.kind(e.Kind).n++
}

// fewKinds is how many kinds are looked through: a protocol has fewer.
const fewKinds = 64

// kind returns the count of a kind.
func (n *sender) kind(k protocol.Kind) *sentKind {
	if n.index == nil {
		for i := range n.kinds {
			if n.kinds[i].kind == k {
				return &n.kinds[i]
			}
		}
	} else if i, known := n.index[k]; known {
		return &n.kinds[i]
	}
	n.kinds = append(n.kinds, sentKind{kind: k})
	if last := len(n.kinds) - 1; last >= fewKinds {
		if n.index == nil {
			n.index = make(map[protocol.Kind]int)
			for i := range n.kinds {
				n.index[n.kinds[i].kind] = i
			}
		}
		n.index[k] = last
	}
	return &n.kinds[len(n.kinds)-1]
}

// close judges the window, which is over.
func (s *senders) close(c *Check) {
	events := s.events[0] + s.events[1]
	for id := range s.nodes {
		n := &s.nodes[id]
		held := n.held[0] + n.held[1]
		if allowed := s.Most + events*s.PerEvent + held*perHeld; n.sent > allowed {
			c.failed = true
			c.failure = Result{Verdict: Violation, Detail: s.tell(protocol.NodeID(id), allowed, events, held), At: n.at, Step: n.step}
			return
		}
	}
}

func (s *senders) tell(id protocol.NodeID, allowed, events, held uint64) string {
	n := &s.nodes[id]
	most := n.kinds[0]
	for _, k := range n.kinds[1:] {
		if k.n > most.n {
			most = k
		}
	}
	from := protocol.Time(s.window * int64(s.Window))
	text := fmt.Sprintf("node %v sends %d messages from %v to %v, %d a second, %d of them %v; want at most %d",
		id, n.sent, from, from+protocol.Time(s.Window), perSecond(n.sent, s.Window), most.n, most.kind, allowed)
	if events > 0 {
		text += fmt.Sprintf(": %d, and %d for each event from outside (%d)", s.Most, s.PerEvent, events)
	}
	if held > 0 {
		text += fmt.Sprintf(", and %d for each message that was held back for it (%d)", perHeld, held)
	}
	return text
}

// perSecond returns n things in a time as things a second.
func perSecond(n uint64, in time.Duration) uint64 {
	return n * uint64(time.Second) / uint64(in)
}

func (s *senders) conclude(c *Check, end protocol.Time) (Verdict, string) {
	if s.close(c); c.failed {
		return Violation, c.failure.Detail
	}
	return passIfExercised(c, end)
}
