package cluster

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/sim/fault"
)

// saboteur injects the faults of a plan that hit one node within its steps, and those of the
// links that it sends on. The simulator is the reference of what each fault does.
type saboteur struct {
	c       *Cluster
	id      protocol.NodeID
	armed   []*armed
	failing []*fault.Fault
	syncs   []fault.Window // slow ones
	links   []fault.Window
	by      *fault.Fault // that ended the incarnation last
	n       uint64       // questions so far
}

// armed is a crash that waits for a step or an effect.
type armed struct {
	*fault.Fault
	seen uint64 // effects of its anchor
	step bool   // the step that it waits for has begun
	used bool
}

func newSaboteur(c *Cluster, id protocol.NodeID) *saboteur {
	s := &saboteur{c: c, id: id}
	faults := c.plan.Plan.Faults
	for i := range faults {
		f := &faults[i]
		w := fault.WindowOf(f, c.calm)
		switch {
		case f.Op.OfLinks():
			s.links = append(s.links, w)
		case f.At >= c.calm:
		case f.Op == fault.Crash && f.On.N > 0 && f.Site() == id, f.Op == fault.Crash && f.After > 0 && f.Node == id:
			s.armed = append(s.armed, &armed{Fault: f})
		case f.Node != id:
		case f.Op == fault.FailSync:
			s.failing = append(s.failing, f)
		case f.Op == fault.SlowSync:
			s.syncs = append(s.syncs, w)
		}
	}
	return s
}

// Step begins the step that crashes may wait for.
func (s *saboteur) Step(at protocol.Time) {
	for _, a := range s.armed {
		a.step = !a.used && a.After > 0 && at >= a.At && at < s.c.calm
	}
}

// Done reports whether a crash waited for that effect.
func (s *saboteur) Done(at protocol.Time, f *protocol.Effect, i, n int) bool {
	var by *armed
	for _, a := range s.armed {
		if a.used || at < a.At || at >= s.c.calm {
			continue
		}
		hit := a.step && i >= min(a.After, n)
		if a.On.N > 0 && f != nil && f.Op == a.On.Op && (a.On.Kind == 0 || a.On.Kind == f.Kind) {
			a.seen++
			hit = hit || a.seen >= a.On.N
		}
		switch a.used = a.used || hit; {
		case !hit:
		case a.Node == s.id:
			by = a
		default:
			s.c.strikes <- a.Fault // has room for all
		}
	}
	if by == nil {
		return false
	}
	s.by = by.Fault
	return true
}

// Sync makes a sync slow, or fail.
func (s *saboteur) Sync(at protocol.Time) (longer time.Duration, fails bool) {
	if len(s.failing) > 0 && at >= s.failing[0].At && at < s.c.calm {
		s.by, s.failing = s.failing[0], s.failing[1:]
		return 0, true
	}
	for i := range s.syncs {
		if s.syncs[i].Open(at) {
			longer += s.syncs[i].By
		}
	}
	return longer, false
}

// Send loses or copies a message as often as the plan's links do, and has the faults act on it
// that are open on the link. Links of their own rules have those of the others here.
func (s *saboteur) Send(n live.Network, at protocol.Time, to protocol.NodeID, seq uint64, msg []byte) {
	link := &s.c.plan.Plan.Link
	if s.happens(kindLoss, link.Loss) {
		return
	}
	late, free, copies := time.Duration(0), at, 0
	if s.happens(kindCopy, link.Copy) {
		copies++
	}
	for i := range s.links {
		w := &s.links[i]
		if !w.Open(at) || !w.Touches(s.id, to, len(s.c.members)) {
			continue
		}
		switch {
		case w.Op.Cuts():
			return
		case w.Op == fault.Lose && s.happens(kindLoss, w.Rate):
			return
		case w.Op == fault.Copy && s.happens(kindCopy, w.Rate):
			copies++
		case w.Op == fault.Slow:
			late += w.By
		case w.Op == fault.Clog:
			free = max(free, w.Until)
		}
	}
	late += free.Sub(at)
	if late > 0 {
		msg = append([]byte(nil), msg...)
		time.AfterFunc(late, func() { n.Send(to, seq, msg) })
	} else {
		n.Send(to, seq, msg)
	}
	if copies > 0 { // the simulated run can have one
		n.Send(to, seq, msg)
	}
}

// happens reports whether something happens to the message, as often as it should.
func (s *saboteur) happens(kind protocol.Kind, p protocol.Ratio) bool {
	if p.Never() {
		return false
	}
	s.n++
	return p.Sure() || s.c.source().Chance(protocol.Key{Kind: kind, A: s.id, N: s.n}, p)
}

var (
	kindLoss = protocol.KindOf("live.loss")
	kindCopy = protocol.KindOf("live.copy")
)
