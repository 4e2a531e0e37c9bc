package history

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
)

// States are the states of nodes: after each step around the first violation, which is at the end
// until there is one, and sparsely elsewhere.
type States struct {
	limits Limits
	m      *sim.Sim
	checks check.Suite
	step   uint64            // that is under way
	nodes  []protocol.NodeID // that had a part in it
	last   map[protocol.NodeID][]byte

	whole     []State // of the last steps, or of those around the violation
	from      uint64  // the first step of which whole has all
	to        uint64  // the last; 0 while it grows
	failed    uint64  // the step of the first violation, or 0
	size      int     // bytes of whole
	Described bool    // some node described itself

	base   map[protocol.NodeID]State // the last of each node that whole had to give up
	sparse []State
	every  uint64 // how many steps apart the moments of sparse are
	spare  int    // bytes of sparse
	most   int    // of spare
}

// State is that of one node after a step. A node that is down has no text.
type State struct {
	Step uint64
	Node protocol.NodeID
	Text []byte
}

func (s *States) begin(m *sim.Sim, checks check.Suite) {
	*s = States{limits: s.limits, m: m, checks: checks, last: make(map[protocol.NodeID][]byte), base: make(map[protocol.NodeID]State), from: 1, every: 1, most: s.limits.Sparse}
}

// touch notes that a node has a part in the step under way.
func (s *States) touch(id protocol.NodeID) {
	if uint64(id) < uint64(s.m.Nodes()) && !slices.Contains(s.nodes, id) {
		s.nodes = append(s.nodes, id)
	}
}

// settle keeps the states after the step that was under way. next is the first event of the
// next step, or nil at the end.
func (s *States) settle(next *sim.Event) {
	for _, id := range s.nodes {
		var text []byte
		if next == nil || next.What != sim.Started || next.Node != id { // else there is a new node already, which has yet to start
			text = s.describe(id)
		}
		if last, known := s.last[id]; known && bytes.Equal(last, text) {
			continue
		}
		s.last[id] = text
		s.keep(State{s.step, id, text})
	}
	s.nodes = s.nodes[:0]
	if s.failed == 0 && s.step > 0 && s.checks.AnyFailed() {
		s.failed = s.step
	}
	if next != nil {
		s.step = next.Step
	}
}

// describe returns what a node says of itself.
func (s *States) describe(id protocol.NodeID) (text []byte) {
	d, can := explore.Unwrap(s.m.Node(id)).(protocol.Describer)
	if !can {
		return nil
	}
	s.Described = true
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Appendf(nil, "its Describe panicked: %v\n", v)
		}
	}()
	return d.Describe(nil)
}

func (s *States) keep(x State) {
	s.thin(x)
	if s.to != 0 {
		return
	}
	if s.failed != 0 && x.Step > s.failed+s.limits.After {
		s.to = s.failed + s.limits.After
		return
	}
	s.whole = append(s.whole, x)
	s.size += len(x.Text)
	for s.failed == 0 && len(s.whole) > 1 && (s.whole[0].Step+s.limits.Before < x.Step || s.size > s.limits.Whole) {
		s.giveUp()
	}
	if s.failed != 0 && s.size > 2*s.limits.Whole {
		s.to = x.Step
	}
}

// giveUp drops the first of whole.
func (s *States) giveUp() {
	x := s.whole[0]
	s.base[x.Node] = x
	s.whole = s.whole[1:]
	s.size -= len(x.Text)
	s.from = x.Step + 1
}

// thin keeps a state sparsely: of the states of a node within every so many steps, the last.
func (s *States) thin(x State) {
	s.sparse = append(s.sparse, x)
	s.spare += len(x.Text)
	if s.spare <= s.most {
		return
	}
	for s.spare > s.limits.Sparse/2 && s.every <= x.Step {
		s.every *= 2
		s.sparse, s.spare = lastOf(s.sparse, s.every), 0
		for i := range s.sparse {
			s.spare += len(s.sparse[i].Text)
		}
	}
	s.most = max(s.limits.Sparse, 2*s.spare) // as much as the nodes need
}

// lastOf returns the last state of each node within every so many steps.
func lastOf(all []State, every uint64) []State {
	type moment struct {
		node protocol.NodeID
		n    uint64
	}
	last := make(map[moment]int)
	for i, x := range all {
		last[moment{x.Node, x.Step / every}] = i
	}
	kept := all[:0:0]
	for i, x := range all {
		if last[moment{x.Node, x.Step / every}] == i {
			kept = append(kept, x)
		}
	}
	return kept
}

// Whole returns the first and the last step between which every state is kept.
func (s *States) Whole() (from, to uint64) {
	if s.to == 0 {
		return s.from, s.step
	}
	return s.from, s.to
}

// Kept returns the states that are kept. Those in whole have changed between the steps that
// Whole returns; base are what they were before, of each node that has changed until then.
// sparse are the last of each node within every so many steps of the run.
func (s *States) Kept() (whole, base, sparse []State, every uint64) {
	for _, id := range protocol.SortedKeys(s.base) {
		base = append(base, s.base[id])
	}
	return s.whole, base, lastOf(s.sparse, s.every), s.every
}

// Nodes returns the number of nodes of the run.
func (s *States) Nodes() int { return s.m.Nodes() }

// Last returns the last step.
func (s *States) Last() uint64 { return s.step }
