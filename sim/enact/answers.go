package enact

import (
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/live/record"
)

// Chance answers.
func (s *Source) Chance(k protocol.Key, p protocol.Ratio) bool {
	if !s.running {
		return s.before.Chance(k, p)
	}
	switch k.Kind.String() {
	case "net.loss":
		return s.taken() == 0
	case "net.copy":
		return len(s.times) > 1
	}
	return s.answer(k) != 0
}

// taken returns when the message, or its copy, that is being sent was taken up, or 0.
func (s *Source) taken() protocol.Time {
	i := 0
	if s.copy {
		i = 1
	}
	if i >= len(s.times) {
		return 0
	}
	return s.times[i]
}

// Choose answers. All that links, disks and nodes ask for are nanoseconds, but for how many
// records survive.
func (s *Source) Choose(k protocol.Key, n uint64) uint64 {
	kind := k.Kind.String()
	most := protocol.Time(n - 1)
	switch {
	case kind == "late.start":
		return within(s.first(k.A)-s.starts[k.A], most)
	case kind == "late.input":
		return within(s.input(k.A, k.N)-s.inputs[k.N], most)
	case !s.running:
		return s.before.Choose(k, n)
	case kind == "net.delay":
		return within(s.taken()-s.now-1, most)
	case kind == "disk.sync":
		return within(s.synced(k.A)-s.now, most)
	case kind == "late.self":
		return within(s.self(k.A)-s.now-1, most)
	case kind == "late.timer":
		return s.timer(k, most)
	case kind == "disk.keep":
		return within(protocol.Time(s.kept(k.A)), most)
	case strings.HasPrefix(kind, "disk."):
		return 0
	}
	return min(s.answer(k), n-1)
}

// within returns d as an answer of at most most.
func within(d, most protocol.Time) uint64 { return uint64(max(0, min(d, most))) }

// first returns when a node started first: never, if it did not.
func (s *Source) first(id protocol.NodeID) protocol.Time {
	if steps := s.nodes[id].steps; len(steps) > 0 {
		return steps[0].At
	}
	return protocol.MaxTime
}

// input returns when an input was taken up, or else when it was lost.
func (s *Source) input(id protocol.NodeID, input uint64) protocol.Time {
	n := s.nodes[id]
	for i := range n.steps {
		if n.steps[i].Op == record.Input && n.steps[i].Seq == input {
			return n.steps[i].At
		}
	}
	return n.down(s.inputs[input])
}

// synced returns when the sync was done that the node asks about; never, if its incarnation
// ended before.
func (s *Source) synced(id protocol.NodeID) protocol.Time {
	c := &s.at[id]
	c.synced++
	if n := s.nodes[id]; c.step < len(n.steps) && c.synced <= len(n.steps[c.step].synced) {
		return n.steps[c.step].synced[c.synced-1]
	}
	return protocol.MaxTime
}

func (s *Source) self(id protocol.NodeID) protocol.Time {
	if len(s.times) > 0 {
		return s.times[0]
	}
	return s.nodes[id].down(s.now)
}

// timer answers how late the timer is that was set last.
func (s *Source) timer(k protocol.Key, most protocol.Time) uint64 {
	c, n := &s.at[k.A], s.nodes[k.A]
	by := most
	if s.due > s.end {
		by = 0
	}
	fired := n.fired[s.tag]
	if i, _ := slices.BinarySearch(fired, c.step+1); i < len(fired) {
		if next := &n.steps[fired[i]]; next.inc == c.inc && next.At >= s.due {
			by = next.At - s.due
		}
	}
	answer := within(by, most)
	if answer > 0 {
		c.late = append(c.late, late{c.set, k, s.due})
	}
	return answer
}

// kept returns how many records that were not synced the next incarnation found. The crash has
// not been shown yet when this is asked.
func (s *Source) kept(id protocol.NodeID) uint64 {
	c := &s.at[id]
	for _, end := range s.nodes[id].ends {
		if end.from == c.began && end.kept > c.safe {
			return end.kept - c.safe
		}
	}
	return 0
}

// answer returns the recorded answer to a question of the node itself.
func (s *Source) answer(k protocol.Key) uint64 {
	if uint64(k.A) >= uint64(len(s.at)) {
		return 0
	}
	c, n := &s.at[k.A], s.nodes[k.A]
	if c.step < 0 || c.step >= len(n.steps) || s.now > s.end {
		return 0
	}
	if c.answered >= len(n.steps[c.step].answers) {
		if n.steps[c.step].cut {
			return 0
		}
		s.diverges(k.A, "asks %v, of which its recording has no answer", k.Kind)
		return 0
	}
	c.answered++
	return n.steps[c.step].answers[c.answered-1]
}
