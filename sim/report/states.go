package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
)

// states keeps the states of nodes: after each step around the first violation, which is at the
// end until there is one, and sparsely elsewhere.
type states struct {
	limits *limits
	m      *sim.Sim
	checks check.Suite
	step   uint64            // that is under way
	nodes  []protocol.NodeID // that had a part in it
	last   map[protocol.NodeID][]byte

	whole     []state // of the last steps, or of those around the violation
	from      uint64  // the first step of which whole has all
	to        uint64  // the last; 0 while it grows
	failed    uint64  // the step of the first violation, or 0
	size      int     // bytes of whole
	described bool    // some node described itself

	base   map[protocol.NodeID]state // the last of each node that whole had to give up
	sparse []state
	every  uint64 // how many steps apart the moments of sparse are
	spare  int    // bytes of sparse
	most   int    // of spare
}

// state is that of one node after a step. A node that is down has no text.
type state struct {
	step uint64
	node protocol.NodeID
	text []byte
}

func (s *states) begin(m *sim.Sim, checks check.Suite) {
	*s = states{limits: s.limits, m: m, checks: checks, last: make(map[protocol.NodeID][]byte), base: make(map[protocol.NodeID]state), from: 1, every: 1, most: s.limits.sparse}
}

// touch notes that a node has a part in the step under way.
func (s *states) touch(id protocol.NodeID) {
	if uint64(id) < uint64(s.m.Nodes()) && !slices.Contains(s.nodes, id) {
		s.nodes = append(s.nodes, id)
	}
}

// settle keeps the states after the step that was under way. next is the first event of the
// next step, or nil at the end.
func (s *states) settle(next *sim.Event) {
	for _, id := range s.nodes {
		var text []byte
		if next == nil || next.What != sim.Started || next.Node != id { // else there is a new node already, which has yet to start
			text = s.describe(id)
		}
		if last, known := s.last[id]; known && bytes.Equal(last, text) {
			continue
		}
		s.last[id] = text
		s.keep(state{s.step, id, text})
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
func (s *states) describe(id protocol.NodeID) (text []byte) {
	d, can := explore.Unwrap(s.m.Node(id)).(protocol.Describer)
	if !can {
		return nil
	}
	s.described = true
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Appendf(nil, "its Describe panicked: %v\n", v)
		}
	}()
	return d.Describe(nil)
}

func (s *states) keep(x state) {
	s.thin(x)
	if s.to != 0 {
		return
	}
	if s.failed != 0 && x.step > s.failed+s.limits.after {
		s.to = s.failed + s.limits.after
		return
	}
	s.whole = append(s.whole, x)
	s.size += len(x.text)
	for s.failed == 0 && len(s.whole) > 1 && (s.whole[0].step+s.limits.before < x.step || s.size > s.limits.whole) {
		s.giveUp()
	}
	if s.failed != 0 && s.size > 2*s.limits.whole {
		s.to = x.step
	}
}

// giveUp drops the first of whole.
func (s *states) giveUp() {
	x := s.whole[0]
	s.base[x.node] = x
	s.whole = s.whole[1:]
	s.size -= len(x.text)
	s.from = x.step + 1
}

// thin keeps a state sparsely: of the states of a node within every so many steps, the last.
func (s *states) thin(x state) {
	s.sparse = append(s.sparse, x)
	s.spare += len(x.text)
	if s.spare <= s.most {
		return
	}
	for s.spare > s.limits.sparse/2 && s.every <= x.step {
		s.every *= 2
		s.sparse, s.spare = lastOf(s.sparse, s.every), 0
		for i := range s.sparse {
			s.spare += len(s.sparse[i].text)
		}
	}
	s.most = max(s.limits.sparse, 2*s.spare) // as much as the nodes need
}

// lastOf returns the last state of each node within every so many steps.
func lastOf(all []state, every uint64) []state {
	type moment struct {
		node protocol.NodeID
		n    uint64
	}
	last := make(map[moment]int)
	for i, x := range all {
		last[moment{x.node, x.step / every}] = i
	}
	kept := all[:0:0]
	for i, x := range all {
		if last[moment{x.node, x.step / every}] == i {
			kept = append(kept, x)
		}
	}
	return kept
}

// selected returns the states for a page, ascending, within a budget: see cost. It narrows whole
// if the budget ends there. From s.from to s.to, the last state of a node is the one that it
// has. every is how many steps apart the others are, or 0 if there are none.
func (s *states) selected(budget int) (all []state, every int) {
	if s.to == 0 {
		s.to = s.step
	}
	cost := cost{left: budget, seen: make(map[string]bool)}
	for _, x := range slices.Backward(s.whole) {
		if !cost.affords(x) {
			s.from = x.step + 1
			break
		}
		all = append(all, x)
	}
	lacks, based := s.every > 1, true
	for _, id := range protocol.SortedKeys(s.base) {
		x := s.base[id]
		if based = based && cost.affords(x); based {
			all = append(all, x)
		}
	}
	for _, x := range slices.Backward(s.sparse) {
		switch {
		case x.step >= s.from && x.step <= s.to:
		case !based && x.step < s.from: // it would be taken for the base that is missing
			lacks = true
		case cost.affords(x):
			all = append(all, x)
			every = int(s.every)
		default:
			lacks = true
		}
	}
	if !lacks {
		s.from, s.to, every = 1, s.step, 0
	}
	slices.SortStableFunc(all, func(a, b state) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.node, b.node))
	})
	all = slices.CompactFunc(all, func(a, b state) bool { return a.step == b.step && a.node == b.node })
	return all, every
}

// cost counts what states take: the lines that are not in others before.
type cost struct {
	left int // bytes
	seen map[string]bool
}

// affords takes a state, if the budget allows it. After the first that it refuses, it refuses
// all that need a new line.
func (c *cost) affords(x state) bool {
	const each = 8 // for its place
	need := each
	for line := range bytes.Lines(x.text) {
		if !c.seen[string(line)] {
			need += len(line)
		}
	}
	if need > c.left {
		c.left = min(c.left, each)
		return need == each
	}
	c.left -= need
	for line := range bytes.Lines(x.text) {
		c.seen[string(line)] = true
	}
	return true
}
