package sim

import "dessim/protocol"

// lag asks how much later than due the node takes something up.
func (s *Sim) lag(n *node, key protocol.Key) protocol.Time {
	if s.plan.Lag == 0 {
		return 0
	}
	return protocol.Time(s.choose(n, key, uint64(s.plan.Lag)+1))
}

// timerLag is lag for a timer. It keeps the answer in the timer's record, so that the
// timer is as late if its clock makes it due at another time.
func (s *Sim) timerLag(n *node, id protocol.NodeID, r *record) protocol.Time {
	if !s.lags {
		return 0
	}
	lag := s.lag(n, protocol.Key{Kind: kindLateTimer, A: id, N: r.name}) + s.late(n, id, r.name)
	r.setWord(lagWord, uint64(lag))
	return lag
}

// lagWord is the word of a timer's record that keeps its lag; before it stand the tag and
// what must have elapsed.
const lagWord = 3

// lagOf returns how late a pending timer is.
func (s *Sim) lagOf(r *record) protocol.Time {
	if !s.lags {
		return 0
	}
	return protocol.Time(r.word(lagWord))
}

// late returns how much later the faults of a node make the timer of that name.
func (s *Sim) late(n *node, id protocol.NodeID, name uint64) (late protocol.Time) {
	x := s.coldAt(id)
	if x == nil {
		return 0
	}
	for _, f := range x.late {
		if !f.Open(s.now) {
			continue
		}
		f.met++
		key := protocol.Key{Kind: kindLateSome, A: id, N: protocol.Hash2(name, f.ID)}
		if s.chance(n, key, f.Rate) {
			key.Kind = kindLateBy
			late += 1 + protocol.Time(s.choose(n, key, uint64(f.By)))
			f.n++
		}
	}
	if late > 0 {
		s.result.Faults.LateTimers++
	}
	return late
}

// reachesItself returns when a message that a node sends to itself arrives: in the order of
// sending, however late.
func (s *Sim) reachesItself(n *node, m *message) protocol.Time {
	at := s.now + protocol.Time(s.net.link.Delay)
	if s.plan.Lag == 0 {
		return at
	}
	at += s.lag(n, protocol.Key{Kind: kindLateSelf, A: m.from, N: m.name})
	at = max(at, s.itself[m.from])
	s.itself[m.from] = at
	return at
}
