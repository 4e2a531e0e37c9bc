package sim

import (
	"math/bits"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// Stale messages outlive what they were about: a view, a term, an incarnation of either end.
// Copies of Late arrive long after the original. An Echo remembers what has passed, and sends
// some of it again.

const lateSteps = 16 // in each power of two

// lateAnswers is how many different times a copy can be late.
func lateAnswers(f *fault.Fault, delay time.Duration) uint64 {
	return lateSteps * uint64(max(1, bits.Len64(uint64(latest(f)/delay))))
}

// latest returns how late a copy can be at most.
func latest(f *fault.Fault) time.Duration {
	if f.By == 0 {
		return fault.LateBy
	}
	return f.By
}

// lateness returns how much later than the original a copy comes: a little as often as much,
// from the link's delay to the fault's greatest.
func (s *Sim) lateness(n *node, l *Link, f acting, m *message, name uint64) protocol.Time {
	a := s.choose(n, protocol.Key{Kind: kindStaleBy, A: m.from, B: m.To, N: protocol.Hash2(name, f.ID)}, lateAnswers(f.Fault, l.Delay))
	base := l.Delay << (a / lateSteps)
	return protocol.Time(min(base+base/lateSteps*time.Duration(a%lateSteps), latest(f.Fault)))
}

// echo is an Echo and what it remembers.
type echo struct {
	acting
	passed []passed // in the order in which the kinds came
}

// passed are the last messages of a kind, in a ring.
type passed struct {
	kind protocol.Kind
	ring *[fault.EchoMemory]past
	n    uint64 // so far
}

// all returns them, the oldest first.
func (p *passed) all(yield func(*past) bool) {
	for i := p.n - min(p.n, fault.EchoMemory); i < p.n; i++ {
		if !yield(&p.ring[i%fault.EchoMemory]) {
			return
		}
	}
}

// past is a message that has passed.
type past struct {
	message
	effect protocol.Effect
	times  uint64 // that it could have come again
}

const echoKinds = 64 // that an Echo remembers; a protocol has fewer

// remember keeps the message for the faults that may send it again from now on.
func (w *linkFaults) remember(m *message, now protocol.Time, nodes int) {
	for i := range w.echoes {
		if e := &w.echoes[i]; now < e.Until && e.Picks(m.Kind) && e.Touches(m.from, m.To, nodes) {
			e.remember(m)
		}
	}
}

func (e *echo) remember(m *message) {
	i := 0
	for i < len(e.passed) && e.passed[i].kind != m.Kind {
		i++
	}
	if i == len(e.passed) {
		if i == echoKinds {
			return
		}
		e.passed = append(e.passed, passed{kind: m.Kind, ring: new([fault.EchoMemory]past)})
	}
	p := &e.passed[i]
	x := &p.ring[p.n%fault.EchoMemory] // the oldest makes room
	p.n++
	body := append(x.effect.Body[:0], m.Body...)
	x.message, x.effect, x.times = *m, *m.Effect, 0
	x.effect.Body, x.Effect, x.stored = body, &x.effect, noSlot
}

// echoOf has the i-th fault, an Echo, begin.
func (s *Sim) echoOf(i int) {
	for k := range s.net.faults.echoes {
		if e := &s.net.faults.echoes[k]; e.Window == &s.windows[i] {
			s.echo(e, func(*past) bool { return true })
		}
	}
}

// echoTo has the faults act on a node that restarted.
func (s *Sim) echoTo(id protocol.NodeID) {
	if s.net.faults == nil {
		return
	}
	for k := range s.net.faults.echoes {
		if e := &s.net.faults.echoes[k]; e.Open(s.now) {
			s.echo(e, func(x *past) bool { return x.from == id || x.To == id })
		}
	}
}

// echo asks whether each of these messages comes again.
func (s *Sim) echo(e *echo, among func(x *past) bool) {
	for i := range e.passed {
		for x := range e.passed[i].all {
			if !among(x) {
				continue
			}
			n, m := &s.nodes[x.from], x.message
			m.wave = protocol.Hash3(x.wave, waveEcho, protocol.Hash2(e.ID, x.times))
			m.name = protocol.Hash3(x.name, waveEcho, protocol.Hash2(e.ID, x.times))
			x.times++
			e.met++
			if s.strikes(n, kindEcho, e.acting, &m, m.name) {
				s.result.Faults.Echoed++
				e.n++
				m.again = true
				s.sendCopy(n, s.net.between(m.from, m.To), &m, s.net.faultsOn(&m, s.now, len(s.nodes)))
			}
		}
	}
}
