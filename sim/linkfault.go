package sim

import (
	"math"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// linkFaults are the faults of links in a plan. Those act on a message that are open
// when it is sent, whatever happens while it travels. Their effects combine: any of
// them can lose it, and delays add up. Each question about a fault is named by the
// message and the fault.
type linkFaults struct {
	all   []acting // in the order of the plan, but for echoes
	now   []acting
	until protocol.Time // before it, now does not change
	hit   []acting      // those of now on the link of the message being sent

	echoes []echo

	changed message // a corrupted one
	effect  protocol.Effect
}

// acting is a fault and the count of what it does.
type acting struct {
	*fault.Window
	*impact
}

// watch keeps the windows of faults of links, if there are any.
func (w *network) watch(windows []fault.Window, impacts []impact) {
	for i := range windows {
		if windows[i].Op.OfLinks() {
			if w.faults == nil {
				w.faults = &linkFaults{until: -1}
			}
			a := acting{&windows[i], &impacts[i]}
			if a.Op == fault.Echo {
				w.faults.echoes = append(w.faults.echoes, echo{acting: a})
			} else {
				w.faults.all = append(w.faults.all, a)
			}
		}
	}
}

// faultsOn returns the faults that act on a message sent now; nil if the plan has none.
func (w *network) faultsOn(m *message, now protocol.Time, nodes int) []acting {
	if w.faults == nil {
		return nil
	}
	return w.faults.on(m, now, nodes)
}

func (w *linkFaults) on(m *message, now protocol.Time, nodes int) []acting {
	if now >= w.until {
		w.now, w.until = w.now[:0], math.MaxInt64
		for _, f := range w.all {
			if f.Open(now) {
				w.now = append(w.now, f)
			}
			w.until = min(w.until, f.Turn(now))
		}
	}
	w.hit = w.hit[:0]
	for _, f := range w.now {
		if f.Picks(m.Kind) && f.Touches(m.from, m.To, nodes) {
			w.hit = append(w.hit, f)
		}
	}
	return w.hit
}

// strikes asks whether the fault hits the message of that name.
func (s *Sim) strikes(n *node, kind protocol.Kind, f acting, m *message, name uint64) bool {
	return !f.Rate.Never() && s.chance(n, protocol.Key{Kind: kind, A: m.from, B: m.To, N: protocol.Hash2(name, f.ID)}, f.Rate)
}

// lostToFaults reports whether one of the faults loses the message.
func (s *Sim) lostToFaults(n *node, m *message, faults []acting) bool {
	for _, f := range faults {
		f.met++
	}
	for _, f := range faults {
		switch {
		case f.Op.Cuts():
			s.result.Faults.Cut++
			f.n++
			return true
		case f.Op == fault.Lose && s.strikes(n, kindLose, f, m, m.name):
			s.result.Faults.Lost++
			f.n++
			return true
		}
	}
	return false
}

// slowed returns how much later a message arrives than without the faults.
func (s *Sim) slowed(faults []acting) time.Duration {
	late, free := time.Duration(0), s.now
	for _, f := range faults {
		switch f.Op {
		case fault.Slow:
			late += f.By
			f.n++
		case fault.Clog:
			free = max(free, f.Until)
			f.n++
		}
	}
	if late > 0 {
		s.result.Faults.Slowed++
	}
	if free > s.now {
		s.result.Faults.Clogged++
	}
	return late + free.Sub(s.now)
}

// corrupt returns the message as it goes on: itself, or one that the first fault which
// hits it has changed. A second one could undo the first.
func (s *Sim) corrupt(n *node, m *message, faults []acting) *message {
	for _, f := range faults {
		if f.Op == fault.Corrupt && len(m.Body) > 0 && s.strikes(n, kindCorrupt, f, m, m.name) {
			s.result.Faults.Corrupted++
			f.n++
			m = s.change(n, f.Window, m)
			s.showSent(n, m, Corrupted)
			break
		}
	}
	return m
}

// change returns the message with one to four bytes changed, each to another value and
// none of them twice.
func (s *Sim) change(n *node, f *fault.Window, m *message) *message {
	w := s.net.faults
	b := append(w.effect.Body[:0], m.Body...)
	ask := func(kind protocol.Kind, i int, among uint64) uint64 {
		if among < 2 {
			return 0
		}
		return s.choose(n, protocol.Key{Kind: kind, A: m.from, B: m.To, N: protocol.Hash3(m.name, f.ID, uint64(i))}, among)
	}
	var places [4]int
	times := 1 + int(ask(kindBytes, 0, uint64(min(len(places), len(b)))))
	for i := range times {
		// The place is counted among the bytes not changed yet.
		at := int(ask(kindPlace, i, uint64(len(b)-i)))
		for _, taken := range places[:i] {
			if at >= taken {
				at++
			}
		}
		places[i] = at
		slices.Sort(places[:i+1])
		b[at] ^= byte(1 + ask(kindByte, i, 255))
	}
	w.effect, w.changed = *m.Effect, *m
	w.effect.Body = b
	w.changed.Effect, w.changed.stored = &w.effect, noSlot // what arrives whole must not share these bytes
	return &w.changed
}
