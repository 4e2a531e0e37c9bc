package history

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
)

// Limits bound what a History keeps of the states of nodes.
type Limits struct {
	// Bytes is how much nodes may say of themselves, in a run whose states are all wanted. Then
	// States.Full is true and no more are kept: see Around.
	Bytes int
	// Before and After are the steps around a focus of which all states are kept.
	Before, After uint64
	// Sparse is how many states, roughly, are kept of the other steps.
	Sparse int
}

// Usual are limits for a page that a person looks at. To describe a node of the ledger takes as
// long as a hundred events.
var Usual = Limits{Bytes: 64 << 20, Before: 4096, After: 1024, Sparse: 8192}

// States are the states of nodes after steps, as they describe them. A node that does not
// describe itself has none.
type States struct {
	// All are in the order of the steps. One that is as the one before of its node is left out.
	All []State
	// From and To are the steps between which no state is missing: there, the last state of a
	// node is the one that it has.
	From, To uint64
	// Every is how many steps apart the others are; 0 means that there are no others.
	Every uint64
	// Full says that Limits.Bytes was reached, after the step To.
	Full bool
	// Described says that some node described itself.
	Described bool

	limits  Limits
	focus   uint64 // or 0: all states are wanted
	m       *sim.Sim
	step    uint64            // that is under way
	touched []protocol.NodeID // that had a part in a step since they were described
	last    map[protocol.NodeID][]byte
	bytes   int // that nodes have said
	scratch []byte
}

// State is that of one node after a step. A node that is down has no text.
type State struct {
	Step uint64
	Node protocol.NodeID
	Text []byte
}

// Around makes the history keep the states around the step focus, of the same run: its History,
// without Around, has said that it has this many steps, and that its states were too many.
func (h *History) Around(focus, steps int) {
	s := &h.States
	s.focus = uint64(focus)
	s.From = max(s.focus, s.limits.Before+1) - s.limits.Before
	s.Every = uint64(steps) // until the number of nodes is known
}

func (s *States) begin(m *sim.Sim) {
	s.m, s.last = m, make(map[protocol.NodeID][]byte)
	if s.focus == 0 {
		s.From = 1
		return
	}
	const fewest = 4
	s.Every /= uint64(max(s.limits.Sparse/m.Nodes(), fewest))
	s.Every = max(s.Every, 1)
}

// Nodes returns the number of nodes of the run.
func (s *States) Nodes() int { return s.m.Nodes() }

// touch notes that a node has a part in the step under way.
func (s *States) touch(id protocol.NodeID) {
	if uint64(id) < uint64(s.m.Nodes()) && !slices.Contains(s.touched, id) {
		s.touched = append(s.touched, id)
	}
}

// settle keeps the states after the step that was under way. next is the first event of the
// next step, or nil at the end.
func (s *States) settle(next *sim.Event) {
	if s.wanted() {
		for _, id := range s.touched {
			var text []byte
			if next == nil || next.What != sim.Started || next.Node != id { // else there is a new node already, which has yet to start
				text = s.describe(id)
			}
			s.keep(State{s.step, id, text})
		}
		s.touched = s.touched[:0]
	}
	if next != nil {
		s.step = next.Step
	}
}

// wanted reports whether the states after the step that was under way are kept. It sets To.
func (s *States) wanted() bool {
	switch inside := s.step+1 >= s.From && s.step <= s.focus+s.limits.After; {
	case s.focus > 0 && inside: // the step before From shows what was before
		s.To = s.step
		return true
	case s.focus > 0:
		return s.step%s.Every == 0
	case s.Full:
		return false
	case s.bytes > s.limits.Bytes:
		s.Full = true
		return false
	}
	s.To = s.step
	return true
}

// keep keeps x, whose text is borrowed.
func (s *States) keep(x State) {
	s.bytes += len(x.Text)
	if last, known := s.last[x.Node]; known && bytes.Equal(last, x.Text) {
		return
	}
	x.Text = bytes.Clone(x.Text)
	s.last[x.Node] = x.Text
	s.All = append(s.All, x)
}

// describe returns what a node says of itself, until the next call.
func (s *States) describe(id protocol.NodeID) []byte {
	text, can := Describe(s.m.Node(id), s.scratch)
	if can {
		s.Described, s.scratch = true, text
	}
	return text
}

// Describe returns what a node says of itself, and whether it is a protocol.Describer. The text
// is in scratch if there is room. A description that panics says so: it is for people, and no
// run fails by it.
func Describe(n protocol.Node, scratch []byte) (text []byte, can bool) {
	d, can := explore.Unwrap(n).(protocol.Describer)
	if !can {
		return nil, false
	}
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Appendf(nil, "its Describe panicked: %v\n", v)
		}
	}()
	return d.Describe(scratch[:0]), true
}
