package conformance

// expect finds what has yet to happen.
func (m *model) expect(end int) {
	ends, starts := make([]int, m.p.Nodes), make([]int, m.p.Nodes)
	for i := range m.p.Actions[:end] {
		a := &m.p.Actions[i]
		switch a.Do {
		case Start:
			starts[a.Node]++
		case Crash, Stop, CrashIn, FailSync:
			ends[a.Node]++
		case Input:
			if panics(a.acts) {
				ends[a.Node]++
			}
		}
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		lives := n.lives
		if n.up {
			lives--
		}
		if n.lives < starts[i] {
			m.owe(2, n, "has yet to start life %d", starts[i])
		}
		if lives < ends[i] && n.lives > 0 {
			m.owe(9, n, "has yet to go down: %v", &m.p.endings[i][lives])
		}
	}
	for id := 1; id <= m.p.ids; id++ {
		if g, ok := m.p.given[id]; ok && !g.forged && g.action < end && !m.taken[id] {
			if n := &m.nodes[g.node]; n.up && n.lives == g.life {
				m.owe(19, n, "has yet to take up input %s", g.body)
			}
		}
	}
	m.pending()
}

// pending finds what nodes that are up have yet to take up or to do.
func (m *model) pending() {
	for i := range m.nodes {
		n := &m.nodes[i]
		if !n.up {
			continue
		}
		if n.step != nil {
			if text, more := n.step.next(); more {
				m.owe(16, n, "has yet to make output %q", text)
			}
			m.finish(n)
		}
		for tag := range uint64(tags) {
			if due, ok := n.timers[tag]; ok {
				m.owe(11, n, "has yet to see timer %d fire, due at %v", tag, due)
			}
		}
		for _, s := range n.self {
			if s.life == n.lives {
				m.owe(30, n, "has yet to take up message %s from itself", s.body)
			}
		}
	}
}

// tags is how many tags of timers scripts use, from 0 on.
const tags = 8
