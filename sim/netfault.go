package sim

import (
	"math"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// weather is what faults do to links. A message meets the faults that are there
// when it is sent, whatever comes while it travels. Their effects combine: any of
// them can lose it, and delays add up. Each question about a fault is named by the
// message and the fault.
type weather struct {
	all   []fault.Window // in the order of the plan
	now   []*fault.Window
	until protocol.Time   // before it, now stays as it is
	hit   []*fault.Window // those of now on the link of the message being sent

	changed protocol.Effect // a corrupted message
}

// watch makes the faults of links known, if there are any.
func (w *network) watch(windows []fault.Window) {
	for i := range windows {
		if windows[i].Op.OfLinks() {
			if w.weather == nil {
				w.weather = &weather{until: -1}
			}
			w.weather.all = append(w.weather.all, windows[i])
		}
	}
}

// on gives the faults that are there, on a link. What a node sends to itself meets
// none.
func (w *weather) on(from, to protocol.NodeID, now protocol.Time, nodes int) []*fault.Window {
	if now >= w.until {
		w.now, w.until = w.now[:0], math.MaxInt64
		for i := range w.all {
			f := &w.all[i]
			if f.Open(now) {
				w.now = append(w.now, f)
			}
			w.until = min(w.until, f.Turn(now))
		}
	}
	w.hit = w.hit[:0]
	for _, f := range w.now {
		if f.Touches(from, to, nodes) {
			w.hit = append(w.hit, f)
		}
	}
	return w.hit
}

// sendInWeather is send's last part where the plan has faults of links.
func (s *Sim) sendInWeather(n *node, l *Link, p *parcel) {
	faults := s.net.weather.on(p.from, p.To, s.now, len(s.nodes))
	wave, name := p.wave, p.name
	s.travelInWeather(n, l, p, faults)
	if !l.Copy.Never() && s.chance(n, protocol.Key{Kind: kindCopy, A: p.from, B: p.To, N: name}, l.Copy) {
		p.wave, p.name = protocol.Hash2(wave, waveCopy), protocol.Hash2(name, waveCopy)
		s.sendCopy(n, l, p, faults)
	}
	for _, f := range faults {
		if f.Op == fault.Copy && s.strikes(n, kindAlso, f, p, name) {
			s.result.Faults.Copied++
			p.wave, p.name = protocol.Hash3(wave, waveCopy, f.ID), protocol.Hash3(name, waveCopy, f.ID)
			s.sendCopy(n, l, p, faults)
		}
	}
}

func (s *Sim) sendCopy(n *node, l *Link, p *parcel, faults []*fault.Window) {
	s.result.Copied++
	n.seq++
	s.showSent(n, p, Copied)
	s.travelInWeather(n, l, p, faults)
}

// strikes asks whether the fault hits the message of that name.
func (s *Sim) strikes(n *node, kind protocol.Kind, f *fault.Window, p *parcel, name uint64) bool {
	return !f.Rate.Never() && s.chance(n, protocol.Key{Kind: kind, A: p.from, B: p.To, N: protocol.Hash2(name, f.ID)}, f.Rate)
}

// travelInWeather does to the message what the faults do, and then lets it travel
// on a link that is as much slower.
func (s *Sim) travelInWeather(n *node, l *Link, p *parcel, faults []*fault.Window) {
	if s.lostInWeather(n, p, faults) {
		s.result.Lost++
		s.showSent(n, p, Lost)
		return
	}
	bent := *l
	bent.Delay += s.slowed(faults)
	for _, f := range faults {
		if f.Op == fault.Corrupt && len(p.Body) > 0 && s.strikes(n, kindCorrupt, f, p, p.name) {
			s.result.Faults.Corrupted++
			whole, stored := p.Effect, p.stored
			p.Effect, p.stored = s.corrupt(n, f, p), noSlot // what arrives whole must not share these bytes
			s.showSent(n, p, Corrupted)
			s.travel(n, &bent, p)
			p.Effect, p.stored = whole, stored
			return // a second one could undo the first
		}
	}
	s.travel(n, &bent, p)
}

func (s *Sim) lostInWeather(n *node, p *parcel, faults []*fault.Window) bool {
	for _, f := range faults {
		switch f.Op {
		case fault.Partition, fault.Cut, fault.Ring:
			s.result.Faults.Cut++
			return true
		case fault.Lose:
			if s.strikes(n, kindLose, f, p, p.name) {
				s.result.Faults.Lost++
				return true
			}
		}
	}
	return false
}

// slowed gives how much later a message arrives than without the faults.
func (s *Sim) slowed(faults []*fault.Window) time.Duration {
	late, free := time.Duration(0), s.now
	for _, f := range faults {
		switch f.Op {
		case fault.Slow:
			late += f.By
		case fault.Clog:
			free = max(free, f.Until)
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

// corrupt gives the message with one to four bytes changed, each to another one
// and none of them twice.
func (s *Sim) corrupt(n *node, f *fault.Window, p *parcel) *protocol.Effect {
	e := &s.net.weather.changed
	b := append(e.Body[:0], p.Body...)
	ask := func(kind protocol.Kind, i int, among uint64) uint64 {
		if among < 2 {
			return 0
		}
		return s.choose(n, protocol.Key{Kind: kind, A: p.from, B: p.To, N: protocol.Hash3(p.name, f.ID, uint64(i))}, among)
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
	*e = *p.Effect
	e.Body = b
	return e
}
