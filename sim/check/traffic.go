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
	watch := sim.Sent | sim.Started | sim.Crashed | sim.Received | sim.Injected | sim.Lifted
	return &Check{name: name, watch: watch, see: s.see, conclude: s.conclude}
}

type senders struct {
	Traffic
	window int64     // that is not over
	events [2]uint64 // from outside: in the window before, and in this one
	nodes  []sender  // by node
}

// sender is what a node sent in the window.
type sender struct {
	sent  uint64
	kinds []sentKind    // few
	at    protocol.Time // of the last message
	step  uint64
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
		s.events[0] = 0
		if w == s.window+1 {
			s.events[0] = s.events[1]
		}
		s.window, s.events[1] = w, 0
	}
	switch {
	case e.What == sim.Sent:
		s.sent(e)
	case e.What == sim.Received && e.Peer != protocol.Outside:
	default:
		s.events[1]++
	}
	if e.What == sim.Started {
		c.exercised++
	}
}

func (s *senders) sent(e *sim.Event) {
	for int(e.Node) >= len(s.nodes) {
		s.nodes = append(s.nodes, sender{})
	}
	n := &s.nodes[e.Node]
	n.sent++
	n.at, n.step = e.At, e.Step
	for i := range n.kinds {
		if n.kinds[i].kind == e.Kind {
			n.kinds[i].n++
			return
		}
	}
	n.kinds = append(n.kinds, sentKind{e.Kind, 1})
}

// close judges the window, which is over.
func (s *senders) close(c *Check) {
	events := s.events[0] + s.events[1]
	allowed := s.Most + events*s.PerEvent
	for id := range s.nodes {
		n := &s.nodes[id]
		if n.sent > allowed {
			c.failed = true
			c.failure = Result{Verdict: Violation, Detail: s.tell(protocol.NodeID(id), allowed, events), At: n.at, Step: n.step}
			return
		}
		n.sent, n.kinds = 0, n.kinds[:0]
	}
}

func (s *senders) tell(id protocol.NodeID, allowed, events uint64) string {
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
